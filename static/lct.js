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

// The random value that a pick adds to the draw is made here, on the guest's phone.
function chance() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  for (const input of document.querySelectorAll("[data-random]")) input.value = hex;
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

// --- finding a team ---------------------------------------------------------------------------

const filter = $(".filter");
const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase().replace(/ł/g, "l");

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
}

if (filter) {
  on("input", find, filter);
  on("submit", (event) => {
    event.preventDefault();
    document.activeElement.blur(); // hides a phone's keyboard
  }, filter);
  on("reset", (event) => {
    event.preventDefault();
    filter.elements.q.value = "";
    for (const all of filter.querySelectorAll("[type=radio][value='']")) all.checked = true;
    find();
  }, filter);
  find();
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
