"use strict";
// Everything a live page does except swapping regions, which htmx does. Loaded after lct.js.

// Without htmx or its policy (trusted.js) nothing can be shown here: asking.js takes over.
if (!self.htmx || typeof policy === "undefined") throw new Error("incomplete");

const view = document.body.dataset.view;
const words = JSON.parse(document.body.dataset.words); // in the reader's language
const fill = (text, data) => text.replace(/\{(\w+)\}/g, (_, name) => data[name]);
const mark = $("#live-mark");
const live = $("#live");
const address = (way) => live.getAttribute("hx-ws:connect").replace("/live?", `/${way}?`);
const clock = () => new Date().toLocaleTimeString([], { timeStyle: "short", hourCycle: "h23" });

// --- is this page live? -----------------------------------------------------------------------

// Three transports, each a fallback for the one before: a websocket (ws, kept by hx-ws),
// server-sent events (sse), polling (poll). On a fallback, the better ones are retried now and
// then; a transport is in use from its first message.
let way;
let worked = false; // a websocket has got through to this page
let failures = 0; // of websockets since then
let opened = false; // the current websocket has opened
let connection; // hx-ws's, with its socket and its timer
let stream; // the EventSource
let tag, asked = 0, polling, climb; // of polling: last ETag, current request, timer, next retry
const patience = {}; // way -> timer by which its first message must arrive
const ticks = () => performance.now(); // Date jumps when a device gets its time
let heard = ticks(); // when the last message arrived
let trouble = false; // the server reports that it gets no updates itself
let over = false;

let marked; // not the mark's own text, which a browser may have translated
function say(state, text = words[state]) {
  mark.dataset.state = state;
  if (marked !== text) mark.textContent = marked = text;
}
const is = (state) => mark.dataset.state === state;
const lost = () => over || is("off") || say("off", fill(words.off, { time: clock() }));
const open = () => connection?.socket?.readyState === 1;
say("wait");
use("ws");
expect("ws", fall); // hx-ws may not have arrived

function use(next) {
  way = mark.dataset.way = next;
  tag = "";
  asked += 1; // drops the answer to a poll in flight
  if (next !== "sse") hangUp();
  if (connection) connection.config.reconnectMaxDelay = next === "ws" ? 8000 : 60000;
}
function got(from, data) {
  const back = is("off");
  heard = ticks();
  clearTimeout(patience[from]);
  if (from === "ws") worked = !(failures = 0);
  if (from !== way) use(from);
  if (data?.startsWith("{")) {
    trouble = JSON.parse(data).live === false;
    mark.toggleAttribute("data-beat"); // starts the dot's animation again
  }
  if (trouble) say("slow");
  else if (way === "poll") say("slow", words.poll);
  else say("live");
  if (back && way !== "ws") up();
}
function expect(from, otherwise) {
  clearTimeout(patience[from]);
  patience[from] = setTimeout(otherwise, 6000);
}
async function swap(text) { // as hx-ws does
  await htmx.swap({ sourceElement: live, target: live, swap: "none", text, transition: false });
}
function end() {
  over = true;
  hangUp();
  htmx.swap({ sourceElement: live, target: live, swap: "delete", text: "" }); // makes hx-ws give up
  say("over");
}
// Retry the transports above the one in use.
function up() {
  climb = ticks() + 45000 + Math.random() * 30000;
  if (way === "poll") listen();
  if (over || connection?.socket?.readyState !== 3) return;
  clearTimeout(connection.timer);
  connection.visibilityHandler(); // hx-ws's, which reconnects at once
}

on("htmx:ws:before:connection", ({ detail }) => {
  connection = detail.connection;
  if (way === "ws") expect("ws", fall);
});
on("htmx:ws:after:connection", () => {
  opened = true;
  if (document.hidden) return sleep();
  if (way !== "ws") return;
  heard = ticks();
  trouble = false;
  expect("ws", fall);
});
on("htmx:ws:before:message:incoming", ({ detail }) => got("ws", detail.message.data));
on("htmx:ws:close", ({ detail }) => {
  // The pod that stops next refuses a screen once; "again" lets the second attempt in.
  detail.connection.url = detail.connection.url.replace("&again", "") + (opened ? "" : "&again");
  opened = false;
  if (detail.code && !detail.connection.config.reconnectCodes.includes(detail.code)) return end();
  if (way !== "ws") return;
  looked = null;
  if (document.hidden) return;
  if (!is("wait")) lost();
  failures += 1; // once a socket has worked, the first failure is its loss
  if (failures > (worked ? 3 : 1)) fall();
});
function fall() {
  if (way !== "ws" || over) return;
  use("sse");
  listen();
}

function listen(again = "") {
  hangUp();
  if (over || document.hidden) return;
  let first = true;
  stream = new EventSource(address("events") + again);
  expect("sse", ask); // a proxy may buffer the stream
  stream.onmessage = ({ data }) => {
    first = false;
    got("sse", data);
    if (!data.startsWith("{")) swap(data);
  };
  stream.addEventListener("over", end);
  stream.onerror = () => {
    if (first) return again || stream?.readyState !== 2 ? ask() : listen("&again");
    lost(); // EventSource reconnects by itself, unless it was refused
    if (stream?.readyState === 2) setTimeout(() => way === "sse" && listen("&again"), 1000 + Math.random() * 4000);
  };
}
function hangUp() {
  clearTimeout(patience.sse);
  stream?.close();
  stream = null;
}

function ask() {
  hangUp();
  if (way === "poll") return;
  climb = ticks() + 60000;
  use("poll");
  poll();
}
async function poll() {
  clearTimeout(polling);
  if (way !== "poll" || over || document.hidden) return;
  const mine = ++asked;
  try {
    const answer = await fetch(address("now"), { headers: { "If-None-Match": tag }, signal: AbortSignal.timeout?.(8000) });
    const text = await answer.text();
    if (mine !== asked) return;
    if (!answer.headers.has("X-Request-Id")) throw answer; // not our server: a captive portal's page
    if (answer.status === 403 || answer.status === 404) return end();
    if (!answer.ok) throw answer;
    trouble = answer.headers.get("Lct-Live") === "false";
    got("poll");
    tag = answer.headers.get("ETag");
    if (text) await swap(text);
    if (ticks() > climb) up();
  } catch {
    if (mine === asked) lost();
  } finally {
    // A gathering takes 5 s at most.
    const soon = ["ready", "gather"].includes($("#me")?.dataset.phase);
    if (mine === asked) polling = setTimeout(poll, soon ? 1500 + Math.random() * 1000 : 4000 + Math.random() * 2000);
  }
}

setInterval(() => {
  const quiet = ticks() - heard;
  if (document.hidden || quiet < 10000 || is("wait")) return;
  lost();
  if (quiet < 15000) return;
  heard = ticks();
  if (way === "sse") listen();
  else if (way === "poll") poll();
  else if (connection?.socket?.readyState < 2) connection.socket.close(); // half-open: hx-ws makes a new one
}, 1000);
on("online", () => {
  if (open()) connection.socket.close();
  else up();
  if (way === "sse") listen();
  poll();
}, window);

// A hidden page tells the server that it is asleep, then closes its connection.
const noticed = view === "me" || view === "board";
function sleep() {
  if (noticed) tellServer({ asleep: document.hidden });
  if (document.hidden) {
    hangUp();
    clearTimeout(connection?.timer);
    if (open()) connection.socket.close();
    return;
  }
  heard = ticks();
  if (way === "ws") expect("ws", fall);
  if (way === "sse") listen();
  poll();
}
document.addEventListener("visibilitychange", sleep, { capture: true });
on("pagehide", () => view === "me" && tellServer({ asleep: true }), window);
on("pageshow", ({ persisted }) => persisted && location.reload(), window); // the server thinks that it is asleep

function tellServer(what) {
  if (way === "ws") {
    if (open()) connection.socket.send(JSON.stringify(what));
    return;
  }
  const [[name, value]] = Object.entries(what);
  const body = new URLSearchParams({ [name === "look" ? "team" : name]: value ?? "" });
  const headers = JSON.parse(document.body.getAttribute("hx-headers:inherited"));
  fetch(address("look"), { method: "POST", body, headers, keepalive: true }).catch(() => {});
}

// --- a page never goes back -------------------------------------------------------------------

// Every region carries the state it shows (data-at: sequence number, milliseconds) or inherits it
// from the region around it. An older region never replaces a newer one, whether it comes by frame,
// by event or in the late answer to a tap.
const shows = (region) => (region.closest("[data-at]")?.dataset.at ?? "0.0").split(".").map(Number);
function isOlder(incoming, shown) {
  const [seq, time] = shows(incoming), [shownSeq, shownTime] = shows(shown);
  return seq < shownSeq || (seq === shownSeq && time < shownTime);
}
// A container that comes because some of its regions did or went does not repeat the others: each
// run of those that stay is a template with the ids of its first and its last one.
function fillIn(incoming) {
  for (const gap of incoming.querySelectorAll("template[data-first]")) {
    const { first, last } = gap.dataset, same = [];
    let next = document.getElementById(first);
    while (next && same.at(-1)?.id !== last) {
      same.push(next.cloneNode(true));
      next = next.nextElementSibling;
    }
    if (same.at(-1)?.id !== last) return startAgain();
    gap.replaceWith(...same);
  }
  return true;
}
// The page lacks something that the server takes to be here: get everything.
function startAgain() {
  if (way === "sse") listen();
  else if (open()) connection.socket.close();
  return false;
}
on("htmx:before:swap", ({ detail: { tasks } }) => {
  for (let i = tasks.length - 1; i >= 0; i -= 1) {
    const { target } = tasks[i], incoming = tasks[i].fragment.firstElementChild;
    if (!incoming?.dataset.at || incoming.id !== target.id) continue;
    if (isOlder(incoming, target) || !fillIn(incoming)) {
      tasks.splice(i, 1);
      continue;
    }
    for (const shown of target.querySelectorAll("[data-at]")) {
      const within = incoming.querySelector(`#${CSS.escape(shown.id)}`);
      if (within && isOlder(within, shown)) within.replaceWith(shown.cloneNode(true));
    }
  }
});

// --- how a tap went ---------------------------------------------------------------------------

let told, fading;

function tell(text) {
  if (text) $("#notice").replaceChildren(Object.assign(document.createElement("p"), { className: "toast is-error", textContent: text }));
  const toast = $("#notice > *");
  if (toast?.textContent === told) return; // swapped by a live frame: not a new notice
  told = toast?.textContent;
  clearTimeout(fading);
  if (toast) fading = setTimeout(() => { toast.remove(); told = ""; }, toast.matches(".is-ok") ? 4000 : 9000);
}
tell();
on("htmx:after:swap", () => tell());
on("htmx:error", ({ detail }) => {
  if (detail.ctx?.request.method === "POST") tell(words.unsent);
});
on("htmx:before:request", ({ detail: { ctx } }) => {
  delete ctx.request.headers["HX-Current-URL"]; // a seat's key may stand behind its # (shares.js)
  ctx.request.submitter?.classList.add("is-busy");
  if (ctx.request.method !== "POST") return;
  $("#notice").replaceChildren(); // so that the same words are news again
  told = "";
});
on("htmx:finally:request", ({ detail: { ctx } }) => {
  ctx.request.submitter?.classList.remove("is-busy");
  if (ctx.request.method !== "POST") return;
  if (ctx.response?.status >= 400 && !ctx.text.includes('id="notice"')) tell(words.failed);
  // Show the message beside its field, too.
  const field = ctx.sourceElement.elements?.[$("#notice [data-field]")?.dataset.field];
  if (!field?.setCustomValidity) return;
  field.setCustomValidity($("#notice span").textContent);
  field.reportValidity();
  on("input", () => field.setCustomValidity(""), field);
});

// --- read aloud -------------------------------------------------------------------------------

// What is the reader's own is read at once; how far the evening is only at a quarter of it or with
// news, and at most every 5 s.
let saidAt = -5000, counting;
function aloud(text) {
  saidAt = ticks();
  $("#aloud").textContent = "";
  setTimeout(() => { $("#aloud").textContent = text; }, 50); // the same words are read again, too
}
function sentences(selector) {
  return [...document.querySelectorAll(selector)].map((part) => {
    const copy = part.cloneNode(true);
    for (const each of copy.querySelectorAll("svg, .stars")) each.remove();
    return copy.textContent.replace(/\s+/g, " ").trim();
  }).filter(Boolean).map((text) => (/[.!?…]$/.test(text) ? text : `${text}.`)).join(" ");
}
const own = () => sentences("#me p:not(.me-who):not(.me-hint)");
const evening = () => sentences("#wait > span");
function readCount() {
  clearTimeout(counting);
  const soon = saidAt + 5000 - ticks();
  if (soon > 0) counting = setTimeout(readCount, soon);
  else aloud(evening());
}
const news = {
  own: () => $("#me [data-said]")?.dataset.said ?? own(),
  needs: () => sentences("#needs h3"), // the host
  evening() {
    const bar = $("#wait progress");
    return bar ? sentences("#wait > .result") + Math.floor(4 * bar.position) : evening();
  },
};
const last = { own: news.own(), needs: news.needs(), evening: news.evening() };
on("htmx:after:swap", () => {
  for (const kind in last) {
    const now = news[kind]();
    if (now === last[kind]) continue;
    last[kind] = now;
    if (kind === "evening") readCount();
    else aloud(kind === "own" ? own() : now);
  }
});

// --- looking at a team ------------------------------------------------------------------------

let at = null, looked = null, sent = 0, timer, touched;

function look(team) {
  if (team === at) return;
  at = team;
  clearTimeout(timer);
  timer = setTimeout(send, Math.max(120, sent + (way === "ws" ? 220 : 600) - ticks())); // 5 a second at most
}
function send() {
  if (at !== null && !$(`.tile[value="${at}"]:not(.is-taken,.is-mine)`)) at = null; // taken, or gone
  if ((open() || way !== "ws") && (at !== null || looked !== null)) {
    tellServer({ look: at });
    looked = at;
    sent = ticks();
  }
  if (at !== null) timer = setTimeout(send, 4000);
}
function follow({ target, pointerType }) {
  const tile = target.closest?.(".tile:not(.is-taken,.is-mine)");
  clearTimeout(touched);
  look(tile ? parseInt(tile.value, 10) : null);
  if (pointerType === "touch") touched = setTimeout(look, 8000, null);
}
if (view === "me") {
  on("pointerover", follow);
  on("focusin", follow);
  on("pointercancel", () => look(null)); // a scroll, not a look
  // The pointer left the window, or the person did.
  on("pointerout", ({ relatedTarget, pointerType }) => relatedTarget || pointerType === "touch" || look(null));
  on("blur", () => look(null), window);
  on("visibilitychange", () => document.hidden && look(null));
}

// --- awake ------------------------------------------------------------------------------------

// There is no lock on plain http, and it is refused on low battery: then the page says so.
async function stayAwake() {
  if (document.hidden || !noticed) return;
  const lock = await navigator.wakeLock?.request("screen").catch(() => null);
  $("#dark").hidden = Boolean(lock);
}
stayAwake();
on("visibilitychange", stayAwake);

document.documentElement.dataset.live = ""; // tells asking.js
