"use strict";
// What a live page does besides swapping regions (that is htmx's part). Comes after lct.js.

const view = document.body.dataset.view;
const mark = $("#live-mark");
const clock = () => new Date().toLocaleTimeString([], { timeStyle: "short", hourCycle: "h23" });

// --- is this page live? -----------------------------------------------------------------------

let connection; // hx-ws's, with its socket and its timer
let heard = Date.now(); // when the last message came
let failures = 0;
let trouble = false; // the server itself hears nothing new
let over = false;

function say(state, text) {
  if (mark.dataset.state === state) return;
  mark.dataset.state = state;
  mark.textContent = text;
}
function lost() {
  if (!over && mark.dataset.state !== "slow") say("off", `Not live since ${clock()}`);
}
const open = () => connection?.socket?.readyState === 1;
say("wait", "Connecting");

on("htmx:ws:before:connection", ({ detail }) => { connection = detail.connection; });
on("htmx:ws:after:connection", ({ detail }) => {
  connection = detail.connection;
  heard = Date.now();
  trouble = false;
});
on("htmx:ws:before:message:incoming", ({ detail }) => {
  const { data } = detail.message;
  heard = Date.now();
  failures = 0;
  if (data.startsWith("{")) trouble = JSON.parse(data).live === false;
  if (trouble) lost();
  else say("live", "Live");
});
on("htmx:ws:close", ({ detail }) => {
  failures += 1;
  looked = null;
  over = Boolean(detail.code) && !detail.connection.config.reconnectCodes.includes(detail.code);
  if (over) say("over", "Updates ended: reload");
  else if (!document.hidden) lost();
});
setInterval(() => {
  const quiet = Date.now() - heard;
  if (document.hidden || quiet < 10000) return;
  lost();
  if (quiet < 15000 || !(connection?.socket?.readyState < 2)) return;
  heard = Date.now();
  connection.socket.close(); // half-dead: hx-ws makes a new one
}, 1000);
on("online", () => {
  if (open()) connection.socket.close();
  else if (connection?.socket?.readyState === 3) {
    clearTimeout(connection.timer);
    document.dispatchEvent(new Event("visibilitychange")); // on which hx-ws tries at once
  }
}, window);

// No websocket gets through here: ask for the whole page now and then instead.
async function poll() {
  if (failures > 2 && !document.hidden && !over) {
    const page = { source: "#live", target: "#main", select: "#main", swap: "outerMorph" };
    await htmx.ajax("GET", location.href, page).catch(() => {});
  }
  setTimeout(poll, 4000 + Math.random() * 2000);
}
poll();
on("htmx:after:request", ({ detail: { ctx } }) => {
  if (ctx.request.method === "GET" && ctx.response.status === 200) say("slow", "Every 5 s");
});

// --- how a tap went ---------------------------------------------------------------------------

let told, fading;

function tell(text) {
  if (text) $("#notice").replaceChildren(Object.assign(document.createElement("p"), { className: "toast is-error", textContent: text }));
  const toast = $("#notice > *");
  if (toast?.textContent === told) return; // a live frame, not a new notice
  told = toast?.textContent;
  clearTimeout(fading);
  if (toast) fading = setTimeout(() => { toast.remove(); told = ""; }, toast.matches(".is-ok") ? 4000 : 9000);
}
tell();
on("htmx:after:swap", () => tell());
on("htmx:error", ({ detail }) => {
  if (detail.ctx?.request.method === "POST") tell("No connection. Nothing is lost: try again.");
  else if (mark.dataset.state === "slow") say("off", `Not live since ${clock()}`);
});
on("htmx:before:request", ({ detail }) => detail.ctx.request.submitter?.classList.add("is-busy"));
on("htmx:finally:request", ({ detail: { ctx } }) => {
  if (ctx.request.method !== "POST") return;
  ctx.request.submitter?.classList.remove("is-busy");
  if (ctx.response?.status >= 400 && !ctx.text.includes('id="notice"')) tell("That did not work. Try again.");
  // The message goes beside its field, too.
  const field = ctx.sourceElement.elements?.[$("#notice [data-field]")?.dataset.field];
  if (!field?.setCustomValidity) return;
  field.setCustomValidity($("#notice span").textContent);
  field.reportValidity();
  on("input", () => field.setCustomValidity(""), field);
});

// --- looking at a team ------------------------------------------------------------------------

let at = null, looked = null, sent = 0, timer, touched;

function look(team) {
  if (team === at) return;
  at = team;
  clearTimeout(timer);
  timer = setTimeout(send, Math.max(120, sent + 220 - Date.now())); // 5 a second at most
}
function send() {
  if (open() && (at !== null || looked !== null)) {
    connection.socket.send(JSON.stringify({ look: at }));
    looked = at;
    sent = Date.now();
  }
  if (at !== null) timer = setTimeout(send, 4000);
}
function follow({ target, pointerType }) {
  const tile = target.closest?.(".tile:not(.is-taken,.is-mine)");
  clearTimeout(touched);
  look(tile ? Number(tile.value) : null);
  if (pointerType === "touch") touched = setTimeout(look, 8000, null);
}
if (view === "me") {
  on("pointerover", follow);
  on("focusin", follow);
  on("pointercancel", () => look(null)); // a scroll, not a look
  on("visibilitychange", () => document.hidden && look(null));
}

// --- the TV -----------------------------------------------------------------------------------

async function stayAwake() {
  if (document.hidden || (view !== "board" && view !== "me")) return;
  await navigator.wakeLock?.request("screen").catch(() => {}); // low battery, or not allowed
}
stayAwake();
on("visibilitychange", stayAwake);

// More seats than a screen holds: pages of 32, turning by themselves, or following the card.
const PAGE = 32;
let turn = 0;

function turnTo(next) {
  const cells = [...document.querySelectorAll("#stage .cells > *")];
  const pages = Math.ceil(cells.length / PAGE);
  if ($("#stage").dataset.kind === "draw") {
    const last = cells.map((cell) => cell.matches(".is-now, .is-done")).lastIndexOf(true);
    next = Math.floor(Math.max(last, 0) / PAGE);
  }
  turn = next % Math.max(pages, 1);
  const first = turn * PAGE + 1;
  $("#pages").hidden = pages < 2;
  $("#pages").textContent = `Page ${turn + 1} of ${pages}`;
  hide(pages < 2 ? "" : `.cells > :not(:nth-child(n+${first}):nth-child(-n+${first + PAGE - 1}))`);
}
if (view === "board") {
  turnTo(0);
  setInterval(() => turnTo(turn + 1), 8000);
  on("htmx:ws:after:message:incoming", () => turnTo(turn));
}
