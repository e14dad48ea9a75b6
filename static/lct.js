"use strict";
// Small conveniences for forms. Every page works without this file.

const $ = (selector, root = document) => root.querySelector(selector);
const on = (name, act, target = document) => target.addEventListener(name, act);
document.documentElement.classList.add("js");

// A CSS rule, not a class: elements stay hidden when a live frame redraws their region.
const sheet = document.styleSheets[0];
let rule = -1;
function hide(selector) {
  if (rule >= 0) sheet.deleteRule(rule);
  rule = selector ? sheet.insertRule(`${selector}{display:none}`, sheet.cssRules.length) : -1;
}

// The random value that a pick adds to the draw is made here, on the guest's phone, and with it the
// pledge of its share (shares.js). Both change together: a form is read before or after that.
let pledged = () => "";
function chance() {
  const random = crypto.getRandomValues(new Uint8Array(16));
  const value = Array.from(random, (byte) => byte.toString(16).padStart(2, "0")).join("");
  for (const input of document.querySelectorAll("[data-random]")) {
    const { pledge } = input.form.elements, made = pledge && pledged(value);
    input.value = value;
    if (pledge) pledge.value = made;
  }
}
chance();

on("submit", (event) => {
  const form = event.target;
  if ($("[data-random]", form)) chance();
  if (!form.matches("[data-once]")) return;
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "yes";
  setTimeout(() => delete form.dataset.sent, 5000); // the answer may have been lost
}, window);

const calm = matchMedia("(prefers-reduced-motion: reduce)");
on("click", (event) => {
  if (event.target.closest("[data-print]")) print();
  const taken = event.target.closest("[aria-disabled=true]");
  if (!taken) return;
  event.preventDefault();
  if (!calm.matches) taken.animate?.({ transform: ["none", "translateX(-4px)", "translateX(4px)", "none"] }, 240);
});

// A page restored from the back-forward cache is out of date.
on("pageshow", (event) => event.persisted && location.reload(), window);

// --- the focus ---------------------------------------------------------------------------------

// When what had the focus is gone, or was disabled while its request ran, the focus goes back to it,
// or to the nearest region around it that is still here; not to the top of the page.
let near = []; // what had the focus, and what is around it
function remember(element) {
  near = [];
  for (let each = element; each && each.id !== "main"; each = each.parentElement) near.push(each);
}
function refocus() {
  const [last] = near;
  if (!last || document.activeElement !== document.body || (last.isConnected && last.disabled)) return;
  for (const each of [...near, $($(".skip").hash)]) {
    const there = each.isConnected ? each : each.id && document.getElementById(each.id);
    if (!there || there.disabled || !there.getClientRects().length || (there !== last && !there.id)) continue;
    if (there.tabIndex < 0) there.tabIndex = -1;
    return there.focus({ preventScroll: true });
  }
}
on("focusin", ({ target }) => remember(target));
window.addEventListener("submit", ({ submitter }) => submitter && remember(submitter), true);
on("pointerdown", ({ target }) => { // a tap beside everything lets the focus go
  if (!target.closest("a, button, input, select, textarea, summary, label, [tabindex]")) near = [];
});
// A little later too: what a swap hides or disables loses the focus when the page is drawn.
for (const name of ["htmx:after:swap", "htmx:finally:request"]) {
  on(name, () => [0, 100].forEach((ms) => setTimeout(refocus, ms)));
}

// --- finding a team ---------------------------------------------------------------------------

const filter = $(".filter");
let sorted; // how many tiles there were
// The same as sought() in lct/domain/spelling.py, which searches without JavaScript.
const letters = { æ: "ae", ð: "d", đ: "d", ħ: "h", ł: "l", ŋ: "n", ø: "o", œ: "oe", þ: "th", ŧ: "t", ς: "σ" };
const plain = (text) => text.replace(/['`´\u1ffd‘’‛′ʹʻʼʽ׳＇]/g, "").normalize("NFKD")
  .replace(/\p{Pd}/gu, " ").replace(/[\p{M}\p{DI}]/gu, "").toUpperCase().toLowerCase()
  .replace(/[æðđħłŋøœþŧς]/g, (letter) => letters[letter]);

function find() {
  const want = new FormData(filter);
  const words = plain(want.get("q")).split(/\s+/);
  const out = [];
  const tiles = document.querySelectorAll(".tile-cell");
  for (const tile of tiles) {
    const { stars, kind } = tile.dataset;
    const text = plain(`${$(".tile-name", tile).textContent} ${$(".tile-league", tile).textContent}`);
    const fits = words.every((word) => text.includes(word))
      && [stars, ""].includes(want.get("stars") ?? "")
      && [kind, ""].includes(want.get("kind") ?? "");
    if (!fits) out.push(`#${tile.id}`);
  }
  hide(out.join());
  $("#nothing").hidden = out.length < tiles.length || !tiles.length;
  sorted = tiles.length;
}

if (filter) {
  on("input", find, filter);
  on("submit", (event) => {
    event.preventDefault();
    near = [];
    document.activeElement.blur(); // hides a phone's keyboard
  }, filter);
  on("reset", (event) => {
    event.preventDefault();
    filter.elements.q.value = "";
    for (const all of filter.querySelectorAll("[type=radio][value='']")) all.checked = true;
    find();
  }, filter);
  // The tiles are new after the picks were restarted.
  on("htmx:after:swap", () => document.getElementsByClassName("tile-cell").length !== sorted && find());
  find();
}

// --- a score ----------------------------------------------------------------------------------

// A name that is written from right to left moves nothing around it: isolated() in lct/domain/text.py.
const isolated = (value) => (/[\u0590-\u08ff\u200f\ufb1d-\ufdff\ufe70-\ufefc]/.test(value) ? `\u2068${value}\u2069` : value);
const filled = (text, data) => text.replace(/\{(\w+)\}/g, (_, name) => isolated(data[name]));

// Shows extra time and penalties only while they are needed, and says on the button what counts.
function count(form) {
  const { side, name, own } = form.dataset, words = JSON.parse(form.dataset.words);
  const [mine, theirs] = side === "home" ? ["home", "away"] : ["away", "home"];
  const two = (prefix) => {
    const values = [mine, theirs].map((each) => form.elements[prefix + each]?.value ?? "");
    return values.includes("") ? null : values.map(Number);
  };
  // Of a second leg: the goals of the first one, mine first as well.
  const before = (form.dataset.first ?? "0:0").split(":").map(Number);
  if (side !== "home") before.reverse();
  const sum = ([ours, others]) => [ours + before[0], others + before[1]];
  const ahead = (goals) => {
    const [ours, others] = sum(goals), away = side === "home" ? before[0] - goals[1] : goals[0] - before[1];
    return ours - others || ("awayGoals" in form.dataset ? away : 0);
  };
  const goals = two(""), level = goals && !ahead(goals);
  const needed = $(".level", form), shootout = $("[data-pair=penalties]", form);
  if (needed) needed.disabled = !level;
  const extra = level && needed ? two("extra_") : null;
  const [ours, others] = extra ? [goals[0] + extra[0], goals[1] + extra[1]] : goals ?? [0, 0];
  const open = level && !ahead([ours, others]), both = sum([ours, others]);
  if (shootout) shootout.disabled = !open;
  const [a, b] = (needed && open && two("penalties_")) || [0, 0];
  const lead = ahead([ours, others]) || a - b;
  const kind = lead > 0 ? "won" : lead < 0 ? "lost" : needed ? "level" : "drawn";
  const how = a - b ? "-penalties" : lead && both[0] === both[1] ? "-away" : extra?.some(Boolean) ? "-extra" : "";
  const most = Math.max(...both), less = Math.min(...both);
  const send = $(".send-main", form), more = $(".send-more", form);
  send.dataset.plain ??= send.textContent;
  send.textContent = goals ? filled(words.send, { ours, theirs: others }) : send.dataset.plain;
  more.textContent = goals ? filled(words[kind + how] ?? words[kind], { name, own, a, b, more: most, less }) : "";
}
function countAll() {
  document.querySelectorAll(".report").forEach(count);
}
// A reload keeps what is typed and not sent yet.
const typed = (form) => [...form.querySelectorAll("[type=number]")];
function restore(form) {
  const kept = JSON.parse(sessionStorage.getItem(form.id) ?? "[]");
  typed(form).forEach((input, i) => { input.value = kept[i] || input.value; });
}
window.addEventListener("submit", ({ target }) => { // before htmx reads the form
  if (!target.matches(".report")) return;
  sessionStorage.removeItem(target.id);
  const extra = [...target.querySelectorAll("[data-pair=extra] input")];
  // 0:0 in extra time is sent as none, so that two equal scores do not differ in it.
  if (extra.every((input) => input.value === "0")) extra.forEach((input) => { input.value = ""; });
}, true);
function fillPair(input) { // the other number of a pair is 0 unless it is given
  if (input.value === "") return;
  for (const each of input.closest("[data-pair]").querySelectorAll("input")) each.value ||= "0";
}
function entered(input) {
  fillPair(input);
  count(input.form);
  sessionStorage.setItem(input.form.id, JSON.stringify(typed(input.form).map((each) => each.value)));
}
on("click", ({ target }) => {
  const button = target.closest("[data-step]"), input = button && $("input", button.parentNode);
  if (!input) return;
  input.value = Math.min(99, Math.max(0, Number(input.value) + Number(button.dataset.step)));
  entered(input);
});
on("input", ({ target }) => target.matches(".report [type=number]") && entered(target));
on("focusin", ({ target }) => target.matches(".report input") && target.select());
on("htmx:after:swap", countAll);
document.querySelectorAll(".report").forEach(restore);
countAll();

// --- one round of the matches on a phone --------------------------------------------------------

let chosenRound; // until one is chosen, the one that is played
function showRound() {
  const links = [...document.querySelectorAll(".rounds a")];
  if (!links.length) return;
  const played = $(".match:is(.is-called, .is-reported, .is-disputed, .is-ready)") ?? $(".match:last-child");
  const all = links.map((link) => link.dataset.round);
  const wanted = all.includes(chosenRound) ? chosenRound : played.dataset.round;
  for (const link of links) link.setAttribute("aria-current", link.dataset.round === wanted);
  hide(`:is(#show-all:checked, #me:not([data-status=playing]) ~ .matches #show-mine:checked) ~ .match-list > :not([data-round="${wanted}"])`);
}
on("click", (event) => {
  const link = event.target.closest(".rounds a");
  if (!link) return;
  event.preventDefault();
  chosenRound = link.dataset.round;
  showRound();
});
on("change", ({ target }) => { // the current round is where a finger finds it
  const link = target.name === "show" && $(".rounds [aria-current=true]");
  if (link) link.parentNode.scrollLeft = link.offsetLeft - link.parentNode.clientWidth / 2 + link.offsetWidth / 2;
});
on("htmx:after:swap", showRound);
showRound();

// --- the host's sheet: one match, or a question ------------------------------------------------

const hostSheet = () => $("dialog.up");
let beforeSheet; // near, before the sheet was opened
on("htmx:after:swap", () => {
  const filled = hostSheet()?.childElementCount > 0;
  if (filled && !hostSheet().open) {
    beforeSheet = near;
    hostSheet().showModal();
  }
  else if (hostSheet()?.open && !filled) hostSheet().close();
});
document.addEventListener("close", ({ target }) => {
  if (target !== hostSheet()) return;
  target.replaceChildren();
  near = beforeSheet;
  setTimeout(refocus);
}, true);
on("click", (event) => {
  if (!hostSheet()?.matches(":modal")) return;
  if (!event.target.closest("[data-close]") && event.target !== hostSheet()) return;
  event.preventDefault();
  hostSheet().close();
});

// --- the order of the players, by hand ---------------------------------------------------------

// Moves the neighbour, not the row itself: that keeps the focus and the pointer on the row. A group
// belongs to a line, so its name stays where it is.
function step(row, up) {
  const list = row.parentNode, other = up ? row.previousElementSibling : row.nextElementSibling;
  if (!other) return;
  const [one, two] = [row, other].map((each) => $(".seed-group", each));
  if (one && two) [one.textContent, two.textContent] = [two.textContent, one.textContent];
  list.insertBefore(other, up ? row.nextElementSibling : row);
}
function ordered(row) {
  const { children, dataset } = row.parentNode, form = row.closest("form");
  form.elements.order.value = Array.from(children, (each) => each.dataset.id).join(" ");
  const n = [...children].indexOf(row) + 1, group = $(".seed-group", row)?.textContent ?? "";
  $("[role=status]", form).textContent = filled(JSON.parse(dataset.words).said, { name: $("bdi", row).textContent, n, group });
}
on("click", (event) => {
  const button = event.target.closest(".seed button"), row = button?.closest(".seed");
  if (!row) return;
  event.preventDefault();
  step(row, button.name === "up");
  ordered(row);
});
let held = null;
on("pointerdown", (event) => {
  held = event.target.closest(".seed-grip")?.parentNode;
  if (!held) return;
  event.preventDefault();
  held.classList.add("is-held");
});
on("pointermove", ({ clientY }) => {
  if (!held) return;
  const middle = (row) => row.getBoundingClientRect().top + row.offsetHeight / 2;
  for (let row; (row = held.previousElementSibling) && clientY < middle(row);) step(held, true);
  for (let row; (row = held.nextElementSibling) && clientY > middle(row);) step(held, false);
  const edge = clientY < 70 ? -14 : clientY > innerHeight - 70 ? 14 : 0;
  (hostSheet().matches(":modal") ? hostSheet() : window).scrollBy(0, edge);
});
for (const name of ["pointerup", "pointercancel"]) {
  on(name, () => {
    held?.classList.remove("is-held");
    if (held) ordered(held);
    held = null;
  });
}

// Show times in the device's time zone; the server only knows UTC.
function localTimes() {
  for (const time of document.querySelectorAll("time[data-local]")) {
    const at = new Date(time.dateTime);
    time.textContent = at.toLocaleString([], { dateStyle: "medium", timeStyle: "medium" });
  }
}
localTimes();
on("htmx:after:swap", localTimes);
