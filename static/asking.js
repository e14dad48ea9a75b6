"use strict";
// Keeps a live page up to date where the other scripts do not run: a TV whose browser is too old for
// them, or a page that one of them has not reached. So this is JavaScript of 2015.

(function () {
  var FIRST = 8000, EVERY = 15000; // milliseconds until it begins, and between two requests
  var PAUSES = [0, 15000, 45000]; // before the page is loaded again for a script that did not arrive
  var root = document.documentElement, body = document.body, mark = document.getElementById("live-mark");
  var words = JSON.parse(body.getAttribute("data-words"));
  var failed = false, asked = 0;

  window.addEventListener("error", function (event) {
    if (event.target.tagName === "SCRIPT") failed = true;
  }, true);

  function runs() {
    return root.hasAttribute("data-live"); // live.js sets it
  }
  // How often this page was loaded again; without storage, as often as it may be.
  function reloads(change) {
    try {
      if (change !== undefined) sessionStorage.setItem("reloads", change);
      return Number(sessionStorage.getItem("reloads"));
    } catch (error) {
      return PAUSES.length;
    }
  }

  setTimeout(function () {
    var lacks = failed || document.readyState === "loading", tries = lacks ? reloads() : reloads(0);
    if (lacks && tries < PAUSES.length) {
      setTimeout(function () {
        reloads(tries + 1);
        location.replace(here());
      }, PAUSES[tries]);
    }
    if (runs()) return;
    unhook();
    ask();
    setInterval(ask, EVERY);
  }, FIRST);

  window.addEventListener("load", function () {
    if (failed && !runs()) setTimeout(unhook, 0); // until then a tap is a plain form already
  });

  function here() {
    return location.href.split("#")[0];
  }
  function say(state, text) {
    mark.setAttribute("data-state", state);
    if (mark.textContent !== text) mark.textContent = text;
  }
  // A form that htmx has taken over, but whose answer it cannot show, is an ordinary one again.
  function unhook() {
    var forms = document.querySelectorAll("form"), i;
    for (i = 0; i < forms.length; i += 1) forms[i].parentNode.replaceChild(forms[i].cloneNode(true), forms[i]);
  }

  function ask() {
    var request = new XMLHttpRequest();
    if (document.hidden) return;
    request.open("GET", here());
    request.responseType = "document"; // its scripts do not run
    request.timeout = 10000;
    request.onerror = request.ontimeout = lost;
    request.onload = function () {
      var fresh = request.response && request.response.getElementById("main");
      if (request.status === 403 || request.status === 404) return say("over", words.over);
      if (request.status !== 200 || !fresh || !request.getResponseHeader("X-Request-Id")) return lost();
      show(document.importNode(fresh, true));
      say("slow", failed ? words.incomplete : words.asking);
    };
    request.send();
  }
  function lost() {
    if (mark.getAttribute("data-state") === "off") return;
    say("off", words.off.replace("{time}", new Date().toTimeString().slice(0, 5)));
  }

  function show(fresh) {
    var main = document.getElementById("main"), active = document.activeElement;
    var before = main.querySelectorAll("details"), after = fresh.querySelectorAll("details"), i;
    if (main.contains(active) && /INPUT|TEXTAREA|SELECT/.test(active.tagName)) return; // somebody types
    for (i = 0; i < before.length && before.length === after.length; i += 1) after[i].open = before[i].open;
    if (!navigator.wakeLock && fresh.querySelector("#dark")) fresh.querySelector("#dark").hidden = false;
    main.parentNode.replaceChild(fresh, main);
    if (body.getAttribute("data-view") === "board") turn(fresh);
    asked += 1;
  }
  // Shows the next page of the board, as board.js does.
  function turn(board) {
    var stages = board.querySelectorAll(".stage:not([hidden])"), pages = [], i, page;
    for (i = 0; i < stages.length; i += 1) pagesOf(stages[i], pages);
    page = pages[asked % pages.length];
    for (i = 0; i < page.cells.length; i += 1) {
      page.cells[i].style.display = i < page.first || i >= page.first + page.per ? "none" : "";
    }
    if (stages.length > 1) board.setAttribute("data-page", page.stage.id);
  }
  function pagesOf(stage, pages) {
    var cells = stage.querySelectorAll(".cells > li"), drawn = stage.getAttribute("data-from"), first;
    var per = Number(stage.getAttribute("data-per") || 32), most = drawn === null ? cells.length : 1;
    for (first = 0; first < Math.max(1, most); first += per) {
      pages.push({ stage: stage, cells: cells, per: per, first: drawn === null ? first : Number(drawn) });
    }
  }

  // Stands in for :has() in board.css.
  if (body.getAttribute("data-view") === "board" && !(window.CSS && CSS.supports("selector(:has(a))"))) arrange();
  function arrange() {
    document.getElementById("main").setAttribute("data-phase", document.getElementById("head").getAttribute("data-phase"));
    setTimeout(arrange, 1000);
  }
}());
