"use strict";
// The little that htmx does not do. Without this file every page still works, only not live.

const $ = (selector) => document.querySelector(selector);
const on = (name, act, target = document) => target.addEventListener(name, act);
const view = document.body.dataset.view;
document.documentElement.classList.add("js");

// One rule sheet of ours: what it hides stays hidden when a live frame redraws a region.
const sheet = (() => {
  try {
    const own = new CSSStyleSheet();
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, own];
    return own;
  } catch {
    return document.head.appendChild(document.createElement("style")).sheet;
  }
})();
function hide(selectors) {
  while (sheet.cssRules.length) sheet.deleteRule(0);
  if (selectors) sheet.insertRule(`${selectors}{display:none}`);
}

// --- small helps for forms -----------------------------------------------------------------------

function chance() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  for (const input of document.querySelectorAll("[data-random]")) input.value = hex;
}
chance();

on("submit", (event) => {
  const form = event.target;
  if (form.querySelector("[data-random]")) chance();
  if (!form.matches("[data-once]")) return;
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "yes";
}, window);
on("click", (event) => {
  if (event.target.closest("[data-print]")) print();
  const taken = event.target.closest("[aria-disabled=true]");
  if (!taken) return;
  event.preventDefault();
  taken.animate?.({ transform: ["none", "translateX(-4px)", "translateX(4px)", "none"] }, calm.matches ? 0 : 240);
});
const calm = matchMedia("(prefers-reduced-motion: reduce)");

// A page from the back-forward cache shows the past.
on("pageshow", (event) => event.persisted && location.reload(), window);

async function stayAwake() {
  try {
    if (view === "board" || view === "me") await navigator.wakeLock?.request("screen");
  } catch { /* low battery, or not allowed: the screen may sleep */ }
}
stayAwake();
on("visibilitychange", () => document.hidden || stayAwake());

// --- finding a team ---------------------------------------------------------------------------------

const filter = $(".filter");
const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase().replace(/ł/g, "l");
function find() {
  const want = new FormData(filter);
  const words = plain(want.get("q") ?? "").split(/\s+/);
  let shown = 0;
  const out = [];
  for (const tile of document.querySelectorAll(".tile-cell")) {
    const { find, stars, kind } = tile.dataset;
    const text = plain(find);
    const fits = words.every((word) => text.includes(word))
      && (!want.get("stars") || want.get("stars") === stars)
      && (!want.get("kind") || want.get("kind") === kind);
    if (fits) shown += 1;
    else out.push(`#${tile.id}`);
  }
  hide(out.join());
  $("#nothing").hidden = shown > 0 || !out.length;
}
if (filter) {
  on("input", find, filter);
  on("submit", (event) => { event.preventDefault(); find(); document.activeElement.blur(); }, filter);
  on("reset", (event) => {
    event.preventDefault();
    filter.elements.q.value = "";
    for (const all of filter.querySelectorAll("input[value='']")) all.checked = true;
    find();
  }, filter);
  find();
}

// --- the live connection ----------------------------------------------------------------------------

const mark = $("#live-mark");
const since = () => new Date().toLocaleTimeString([], { timeStyle: "short", hourCycle: "h23" });
let socket, heard = 0, stale = false, failures = 0, over = false, connection;

function say(state, text) {
  if (mark.dataset.state === state) return;
  mark.dataset.state = state;
  mark.textContent = text;
}
function lost() {
  stale = true;
  if (!over) say("off", `Not live since ${since()}`);
}
function notice(text) {
  const toast = Object.assign(document.createElement("p"), { className: "toast is-error", textContent: text });
  $("#notice").replaceChildren(toast);
  fade();
}
let fading;
function fade() {
  clearTimeout(fading);
  const toast = $("#notice > *");
  if (toast) fading = setTimeout(() => toast.remove(), toast.matches(".is-ok") ? 4000 : 9000);
}
function reconnect() {
  if (socket?.readyState < 2) socket.close();
  else if (connection && socket?.readyState === 3) {
    clearTimeout(connection.timer);
    document.dispatchEvent(new Event("visibilitychange")); // hx-ws tries at once on this
  }
}
// No websocket on this network: ask for the page again now and then.
function poll() {
  if (document.hidden || failures < 3 || over) return;
  htmx.ajax("GET", location.href, { source: "#live", target: "#main", select: "#main", swap: "outerMorph" })
    .then(() => { if (failures >= 3) say("slow", "Every 5 s"); }, () => {});
}

if (mark) {
  say("wait", "Connecting");
  on("htmx:ws:after:connection", ({ detail }) => {
    ({ connection } = detail);
    socket = connection.socket;
    heard = Date.now();
  });
  on("htmx:ws:before:connection", ({ detail }) => { connection = detail.connection; });
  on("htmx:ws:before:message:incoming", ({ detail }) => {
    heard = Date.now();
    failures = 0;
    if (/^\{"live": ?false/.test(detail.message.data)) return lost();
    stale = false;
    say("live", "Live");
  });
  on("htmx:ws:close", ({ detail }) => {
    failures += 1;
    looking.sent = null;
    if (detail.code === 1000 || detail.code === 1008) {
      over = true;
      say("over", "Updates ended: reload");
    } else if (!document.hidden) lost();
  });
  on("online", reconnect, window);
  setInterval(() => {
    if (document.hidden || over || !heard) return;
    const quiet = Date.now() - heard;
    if (quiet > 10000 && !stale) lost();
    if (quiet > 15000 && socket?.readyState === 1) { heard = Date.now(); socket.close(); }
  }, 1000);
  setInterval(() => setTimeout(poll, Math.random() * 1000), 5000);
  on("htmx:after:swap", fade);
  on("htmx:error", ({ detail }) => detail.ctx?.request.method === "POST" && notice("No connection. Nothing is lost: try again."));
  on("htmx:response:error", ({ detail }) => {
    if (detail.ctx.request.method === "POST" && !/id="notice"/.test(detail.ctx.text)) notice("That did not work. Try again.");
  });
  on("htmx:before:request", ({ detail }) => detail.ctx.request.submitter?.classList.add("is-busy"));
  on("htmx:finally:request", ({ detail }) => detail.ctx.request.submitter?.classList.remove("is-busy"));
  fade();
}

// --- looking at a team -------------------------------------------------------------------------------

const looking = { at: null, sent: null, time: 0, timer: 0 };
function look(at) {
  looking.at = at;
  clearTimeout(looking.timer);
  looking.timer = setTimeout(tell, Math.max(120, 220 - (Date.now() - looking.time)));
}
function tell() {
  if (socket?.readyState === 1 && (looking.at !== looking.sent || looking.at !== null)) {
    socket.send(JSON.stringify({ look: looking.at }));
    looking.sent = looking.at;
    looking.time = Date.now();
  }
  if (looking.at !== null) looking.timer = setTimeout(tell, 4000);
}
if (view === "me") {
  const team = (event) => {
    const tile = event.target.closest?.(".tile:not(.is-taken,.is-mine)");
    return tile ? Number(tile.value) : null;
  };
  let touched;
  for (const name of ["pointerover", "focusin"]) on(name, (event) => {
    const at = team(event);
    if (at !== looking.at) look(at);
    clearTimeout(touched);
    if (event.pointerType === "touch") touched = setTimeout(look, 8000, null);
  });
  on("pointercancel", () => look(null)); // a scroll, not a look
  on("visibilitychange", () => document.hidden && look(null));
  on("htmx:finally:request", () => look(null));
}

// --- a board with more seats than fit ----------------------------------------------------------------

if (view === "board") {
  const page = 32;
  let turn = 0;
  const show = () => {
    const cells = $("#stage .cells");
    const count = cells?.children.length ?? 0;
    const pages = Math.ceil(count / page);
    const now = [...(cells?.children ?? [])].findLastIndex((cell) => cell.matches(".is-now, .is-done"));
    if ($("#stage").dataset.kind === "draw") turn = Math.max(0, Math.floor(now / page));
    turn %= Math.max(pages, 1);
    $("#pages").hidden = pages < 2;
    $("#pages").textContent = `Page ${turn + 1} of ${pages}`;
    const first = turn * page + 1;
    hide(pages < 2 ? "" : `.cells > :not(:nth-child(n+${first}):nth-child(-n+${first + page - 1}))`);
  };
  show();
  setInterval(() => { turn += 1; show(); }, 8000);
  on("htmx:ws:after:message:incoming", show);
}
