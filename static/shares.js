"use strict";
// A phone's shares in the chance (docs/draw.md): it makes one with every pick, keeps it shut, and
// opens it once the picks are fixed. Loaded after lct.js; without sha256 or draw.js a pick has none.

const seat = $("[data-player]").dataset; // whose page this is: code, player

// --- the keys of a seat -------------------------------------------------------------------------

// A link to the seat carries its key behind the #, which leaves the address before any request could
// tell the server.
const behind = location.hash;
if (behind.startsWith("#k=")) history.replaceState(history.state, "", location.pathname + location.search);
if (typeof keep === "undefined") throw new Error("incomplete");

const MOST_KEYS = 4;
const keysOf = (player) => kept(seat.code).keys?.[player] ?? [];
function keepKeys(...keys) {
  const most = [...new Set(keys)].slice(0, MOST_KEYS);
  keep(seat.code, (all) => ({ ...all, keys: { ...all.keys, [seat.player]: most } }));
}
function ownKey() {
  if (!keysOf(seat.player).length) keepKeys(randomHex(32));
  return keysOf(seat.player)[0];
}

const [, linked] = /^#k=([0-9a-f]{64})$/.exec(behind) ?? [];
if (linked) {
  // A key that this browser made stays the first: no link makes it pledge with one that others know.
  const [first = linked, ...others] = keysOf(seat.player);
  keepKeys(first, linked, ...others);
}

// --- the link to the seat -------------------------------------------------------------------------

const saveSeat = $("[data-qr]");

function drawn(name, attributes) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}
// As lct/web/qr.py draws it, which does not know the key.
async function drawLink() {
  const picture = $("img.qr", saveSeat);
  if (!saveSeat.open || !picture) return;
  try {
    const { encodeQR } = await import(saveSeat.dataset.qr);
    const rows = encodeQR($("a", saveSeat).href, "raw", { border: 4 }), size = rows.length;
    const dark = rows.map((row, y) => row.map((is, x) => (is ? `M${x} ${y}h1v1h-1z` : "")).join("")).join("");
    const about = { class: "qr", viewBox: `0 0 ${size} ${size}`, role: "img", "aria-label": picture.alt, "shape-rendering": "crispEdges" };
    const svg = drawn("svg", about);
    svg.append(drawn("path", { fill: "#fff", d: `M0 0h${size}v${size}H0z` }), drawn("path", { fill: "#0b1220", d: dark }));
    picture.replaceWith(svg);
  } catch {
    // the server's picture stays: a way to the seat, without its key
  }
}

// --- opening them ---------------------------------------------------------------------------------

let fixed = null; // what #share says, since the picks are fixed
let toldShare = ""; // the same as text
let begun = ""; // the fingerprint of the picks for which this page began to open shares
let second = false; // this phone remembers another one for the same attempt, or the same share
let shut = {}; // player -> share, of the seats here whose pledge fits a key of this phone
let refusals = {}; // player -> why the server did not take theirs
let trying; // timer of the next try

const openedHere = () => kept(seat.code).opened?.[fixed.attempt];
function note(change) {
  const { attempt } = fixed, now = { shares: {}, ...openedHere(), ...change };
  keep(seat.code, (all) => ({ ...all, opened: { ...all.opened, [attempt]: now } }));
}

function shareFor([player, value, pledge]) {
  const made = pledge ? keysOf(player).map((key) => shareOf(key, seat.code, player, value)) : [];
  return made.find((share) => pledgeOf(seat.code, player, share) === pledge);
}

function readShare() {
  const text = $("#share")?.dataset.share ?? "";
  if (text !== toldShare) {
    toldShare = text;
    fixed = text ? JSON.parse(text) : null;
    if (fixed) compare();
  }
  showShare();
}
function compare() {
  const { picks, shares: closed, seats } = fixed;
  shut = Object.fromEntries(seats.map((each) => [each[0], shareFor(each)]).filter(([, share]) => share));
  const mine = Object.values(shut), before = Object.entries(kept(seat.code).opened ?? {});
  second = before.some(([attempt, was]) => was.picks !== picks
    && (attempt === String(fixed.attempt) || Object.values(was.shares).some((share) => mine.includes(share))));
  // What is first seen after the cards have turned proves nothing.
  if (!second && !fixed.over) note({ picks, ...(closed && { closed: openedHere()?.closed ?? closed }) });
  if (begun === picks) return;
  begun = picks;
  refusals = {};
  openShares(true);
}

// Until the page shows that they are in. The first time they go by websocket if that is up; what was
// lost on its way, and every refusal, shows by the answer to a request.
function openShares(first = false) {
  clearTimeout(trying);
  if (!fixed || fixed.shares || second) return;
  const due = fixed.seats.filter(([player, , , isIn]) => !isIn && shut[player] && !refusals[player]);
  if (!due.length) return;
  const shares = Object.fromEntries(due.map(([player]) => [player, shut[player]]));
  note({ shares: { ...openedHere().shares, ...shares } }); // first: a share that has left is known
  if (first && "live" in document.documentElement.dataset && way === "ws" && open()) {
    tellServer({ shares });
  } else Object.entries(shares).forEach(postShare);
  trying = setTimeout(openShares, (first ? 2000 : 1000) + Math.random() * 400);
}
function postShare([player, share]) {
  const { picks } = fixed, request = new XMLHttpRequest();
  request.open("POST", "share");
  const headers = { ...JSON.parse(document.body.getAttribute("hx-headers:inherited")), "HX-Request": "true" };
  for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
  request.responseType = "document"; // its scripts do not run
  request.timeout = 4000;
  request.onload = () => {
    const { status, response } = request;
    if (fixed?.picks !== picks || status < 400 || status >= 500 || status === 429) return;
    if (!request.getResponseHeader("X-Request-Id")) return; // not our server: a captive portal's page
    refusals[player] = $("#notice span", response)?.textContent ?? words.failed;
    showShare();
  };
  request.send(new URLSearchParams({ player, share }));
}

// The one line of #share that is true, and that the server cannot know.
function showShare() {
  const region = $("#share");
  if (!fixed || !region) return;
  const [player, , pledge, isIn] = fixed.seats.find(([each]) => each === seat.player);
  let line = "";
  if (second) line = "second";
  else if (isIn || !pledge) line = "";
  else if (refusals[player]) line = "refused";
  else if (fixed.shares) line = openedHere()?.shares[player] ? "lost" : "";
  else if (!shut[player]) line = "elsewhere";
  const lines = [...region.querySelectorAll("[data-when]")];
  for (const each of lines) {
    each.hidden = each.dataset.when !== line;
    if (each.dataset.when === "refused") each.textContent = refusals[player] ?? "";
  }
  region.hidden = lines.every((each) => each.hidden);
}

if (self.sha256 && $("#pick")) {
  pledged = (value) => pledgeOf(seat.code, seat.player, shareOf(ownKey(), seat.code, seat.player, value));
  chance();
  if (saveSeat) {
    $("a", saveSeat).hash = `k=${ownKey()}`;
    on("toggle", drawLink, saveSeat);
  }
  readShare();
  on("htmx:after:swap", readShare);
}
