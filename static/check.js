"use strict";
// Rechecks a draw on this device: on the page "Check the draw", and on a player's phone after the last
// card. Loaded after lct.js and draw.js.

const DIGITS = /^[0-9a-f]{64}$/;

// --- the five steps -----------------------------------------------------------------------------

const fits = (why) => ({ state: "ok", why });
const fails = (why) => ({ state: "failed", why });
const cannotTell = (why) => ({ state: "unknown", why });
const idOf = ({ player_id: id }) => id;
const same = (one, two) => JSON.stringify(one) === JSON.stringify(two);
const differ = (list) => new Set(list).size === list.length;
const pledgesIn = ({ picks }) => new Map(picks.map(({ player_id: id, pledge }) => [id, pledge]));

// Each says why it holds or not, by the name of a text (verify/_words.html). What this browser
// remembers comes first: it is what the server cannot have made up afterwards.
const STEPS = {
  seal(record, { code, attempt, seal }) {
    if (code && (code !== record.code || attempt !== record.attempt)) return fails("record-other");
    if (seal && seal.seal !== record.seal) return fails("seal-other");
    if (!DIGITS.test(record.secret) || sealOf(record) !== record.seal) return fails("seal-wrong");
    return fits(seal ? `seal-${seal.from}` : "seal");
  },

  picks(record, { picks: seen, shares: sent = {} }, mine) {
    const { attempt, picks, picks_fingerprint: fingerprint } = record, pledges = pledgesIn(record);
    if (seen && seen !== fingerprint) return fails("picks-other");
    const own = Object.entries(sent).map(([id, share]) => [id, pledgeOf(record.code, id, share)]);
    for (const [id, , pledge] of mine) if (pledge) own.push([id, pledge]);
    if (own.some(([id, pledge]) => pledges.get(id) !== pledge)) return fails("pledge-other");
    const sound = Number.isInteger(attempt) && attempt > 0 && differ(picks.map(idOf))
      && picks.every(({ pledge }) => pledge === "" || DIGITS.test(pledge));
    if (!sound || fingerprintOfPicks(record) !== fingerprint) return fails("picks-wrong");
    return fits(!seen ? "picks" : own.length ? "picks-own" : "picks-seen");
  },

  shares(record, { shares: sent = {}, closed }, mine) {
    const { code, missing, number, picks, shares, shares_fingerprint: fingerprint } = record;
    const found = new Map(shares.map(({ player_id: id, share }) => [id, share]));
    const own = Object.keys(sent).concat(mine.filter(([, , , isIn]) => isIn).map(([id]) => id));
    if (own.some((id) => !found.has(id))) return fails("share-left-out");
    if (Object.entries(sent).some(([id, share]) => found.get(id) !== share)) return fails("share-other");
    if (closed && closed !== fingerprint) return fails("shares-other");
    const pledges = pledgesIn(record), ids = picks.map(idOf);
    const sound = same(shares.map(idOf), ids.filter((id) => found.has(id)))
      && same(missing.map(idOf), ids.filter((id) => !found.has(id)))
      && shares.every(({ player_id: id, share }) => DIGITS.test(share) && pledgeOf(code, id, share) === pledges.get(id));
    if (!sound || fingerprintOfShares(record.picks_fingerprint, shares) !== fingerprint) return fails("shares-wrong");
    if (!shares.length) return number ? fits("shares-none") : cannotTell("shares-nothing");
    return fits(own.length ? "shares-own" : "shares");
  },

  number({ number, roll }) {
    if (typeof number !== "string" || typeof roll !== "boolean" || (number && !roll)) return fails("number-wrong");
    return fits(number ? "number" : roll ? "number-skipped" : "number-none");
  },

  shuffle(record) {
    const { given, names, option, picks } = record;
    const possible = (option === "plain" || (option === "not-own" && picks.length > 1))
      && differ(picks.map(({ team }) => team)) && DIGITS.test(record.secret);
    if (!possible || names.length !== given.length || !same(handOut(record), given)) return fails("shuffle-wrong");
    return fits("shuffle");
  },
};

// The steps of a record (draw.json), as [{name, state: ok, failed or unknown, why}]. `memory` is what
// remembered() has of that attempt, `mine` the seats of this phone: [[player, value, pledge, is in], …].
function check(record, memory = {}, mine = []) {
  const first = record.protocol === "lct draw v1" && !memory.picks;
  return Object.keys(STEPS).filter((name) => !first || name === "seal" || name === "shuffle").map((name) => {
    try {
      return { name, ...STEPS[name](record, memory, mine) };
    } catch {
      return { name, ...fails(`${name}-wrong`) }; // a part is missing
    }
  });
}

function verdictOf(steps) {
  const [worst] = ["failed", "unknown"].flatMap((state) => steps.filter((step) => step.state === state));
  return { state: worst?.state ?? "ok", why: worst?.why ?? "ok" };
}

// --- what this browser remembers of an attempt --------------------------------------------------

function remembered(code, attempt) {
  const { opened, seals } = kept(code);
  return { code, attempt, seal: seals?.[attempt], ...opened?.[attempt] };
}

// A seal is remembered as it was seen first; from the board counts more than from a page.
function rememberSeal(code, attempt, seal, from) {
  keep(code, (now) => {
    const known = now.seals?.[attempt];
    if (known && (known.seal !== seal || known.from === "board")) return now;
    return { ...now, seals: { ...now.seals, [attempt]: { seal, from } } };
  });
}

function lasts(code) {
  try {
    return localStorage.getItem(`lct:${code}`) !== null;
  } catch {
    return false;
  }
}

async function recordAt(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw answer;
  return answer.json();
}

function part(tag, className, ...inside) {
  const made = document.createElement(tag);
  made.className = className;
  made.append(...inside);
  return made;
}
const short = (digits) => [0, 4, 8].map((at) => digits.slice(at, at + 4)).join(" ");

// --- the page "Check the draw" ------------------------------------------------------------------

// Behind the "#" of the board's QR code.
const scanned = new URLSearchParams(location.hash.slice(1)).get("seal")?.toLowerCase() ?? "";

// Before the last card: what is fixed so far, compared with what this phone remembers.
function compareFixed(page) {
  const { code, attempt, open } = page.dataset, texts = JSON.parse(page.dataset.words);
  const shown = Object.fromEntries([...page.querySelectorAll("[data-fixed]")].map((each) => [each.dataset.fixed, each]));
  if (DIGITS.test(scanned)) rememberSeal(code, attempt, scanned, "board");
  if (open) rememberSeal(code, attempt, shown.seal.textContent, "page");
  const { seal, picks, closed } = remembered(code, attempt);
  const known = { seal: seal?.seal, picks, shares: closed };
  for (const [name, element] of Object.entries(shown)) {
    const all = [known[name], name === "seal" && scanned].filter(Boolean);
    const right = all.every((each) => each === element.textContent);
    if (!all.length || (right && !lasts(code))) continue;
    const said = part("p", `check-said is-${right ? "ok" : "failed"}`, texts[right ? `${name}-kept` : `${name}-other`]);
    if (!right) said.setAttribute("role", "alert");
    element.after(said);
  }
}

function sharesOf(record, mine, sent, texts) {
  const found = new Map(record.shares.map(({ player_id: id, share }) => [id, share]));
  const why = new Map(record.missing.map((each) => [each.player_id, each.why]));
  const rows = record.picks.map(({ player_id: id }, at) => {
    const share = found.get(id), own = mine.includes(id);
    const name = Object.assign(part("bdi", "", record.names[at]), { translate: false });
    const what = part("span", share ? "mono" : "", share ? (own ? share : short(share)) : texts[why.get(id)]);
    const row = part("li", own ? "is-mine" : "", name, " · ", what);
    if (sent[id] && sent[id] !== share) row.append(" · ", texts.sent, " ", part("span", "mono", sent[id]));
    return row;
  });
  const all = part("details", "", part("summary", "", texts["shares-all"]), part("ol", "plain", ...rows));
  all.open = rows.length <= 8;
  return all;
}

async function checkPage(page) {
  const { code, attempt, json } = page.dataset, texts = JSON.parse(page.dataset.words);
  const mine = JSON.parse(page.dataset.mine);
  let record;
  try {
    record = await recordAt(json);
  } catch {
    return; // the page goes on saying that this phone has not checked it
  }
  if (DIGITS.test(scanned)) rememberSeal(code, attempt, scanned, "board");
  const memory = remembered(code, Number(attempt));
  const steps = check(record, memory, mine.map((id) => [id]));
  const rows = [...document.querySelectorAll("#hands tbody tr")];
  const shown = rows.map((row) => [...row.querySelectorAll("bdi")].map((each) => each.textContent));
  const hands = record.picks?.map(({ team }, at) => [record.names[at], team, record.given[at]]);
  if (!same(shown, hands)) Object.assign(steps.at(-1), fails("shuffle-shown"));
  for (const { name, state, why } of steps) {
    const item = $(`[data-step=${name}]`, page);
    if (!item) continue;
    item.className = `check is-${state}`;
    $(".check-said", item).textContent = filled(texts[why], { number: record.number });
    if (name === "shares" && why !== "shares-wrong") item.append(sharesOf(record, mine, memory.shares ?? {}, texts));
  }
  const { state, why } = verdictOf(steps), verdict = $("#verdict");
  verdict.className = `sheet verdict is-${state}`;
  $("h2", verdict).textContent = texts[`title-${state}`];
  $("p", verdict).textContent = state === "failed" ? `${texts[why]} ${texts.ask}` : texts[`verdict-${why}`];
}

// --- a player's phone ---------------------------------------------------------------------------

let checking; // the attempt

function checkHere(box) {
  const { code } = box.dataset, share = $("#share")?.dataset.share;
  const { over, attempt, players, seats } = share ? JSON.parse(share) : {};
  if (!over) {
    box.hidden = true;
    return;
  }
  const known = kept(code).checked?.[attempt];
  if (known) return showVerdict(box, attempt, known);
  if (checking === attempt) return;
  checking = attempt;
  // Not a thousand phones at once.
  setTimeout(async () => {
    try {
      const record = await recordAt(`draw.json?attempt=${attempt}`);
      const found = verdictOf(check(record, remembered(code, attempt), seats));
      keep(code, (now) => ({ ...now, checked: { ...now.checked, [attempt]: found } }));
      checkHere(box);
    } catch {
      setTimeout(() => {
        checking = undefined;
        checkHere(box);
      }, 10000 + Math.random() * 20000);
    }
  }, Math.random() * players * 125);
}

function showVerdict(box, attempt, { state, why }) {
  const shown = `checked is-${state}`;
  if (!box.hidden && box.className === shown) return;
  const texts = JSON.parse(box.dataset.words);
  const link = Object.assign(document.createElement("a"), { href: `verify?attempt=${attempt}`, textContent: texts[`checked-${state}`] });
  const said = part("p", "", ...(state === "ok" ? [] : [texts[why], " "]), link);
  box.className = shown;
  box.hidden = false;
  if (state === "failed") {
    said.prepend(part("b", "", texts["title-failed"]), " ");
    said.setAttribute("role", "alert");
  }
  box.replaceChildren(said);
}

// --- which page this is -------------------------------------------------------------------------

const [fixedPage, checkedPage, phoneBox] = ["#fixed", "#checks", "#checked"].map((id) => $(id));
if (fixedPage) compareFixed(fixedPage);
if (checkedPage) checkPage(checkedPage);
if (phoneBox) {
  const { code, attempt, seal } = phoneBox.dataset;
  if (seal) rememberSeal(code, attempt, seal, "page");
  on("htmx:after:swap", () => checkHere(phoneBox));
  checkHere(phoneBox);
}
