"use strict";
// The TV turns its pages by itself. Loaded after live.js.

const board = $("main.board");
const PER = 32; // seats or cards on a page; a stage with tables says in data-per how many fit
const CARDS = 12; // matches on now in a list
const TURN = 12000, HOLD = 8000; // milliseconds of a page of matches, and of one with a new result
let shown = 0; // page, from 0
let turns = 0; // so far; the list of matches on now turns with them
let newest; // result
let turning;

// Matches come in a stage for each page, and CSS shows the one in data-page. Seats, cards and tables
// are cells of one stage.
const stages = () => [...document.querySelectorAll(".stage:not([hidden])")];
const running = (stage) => $(".duel:is(.is-called, .is-reported, .is-disputed)", stage);

function show(next) {
  const all = stages(), [first] = all;
  const cells = all.length > 1 ? [] : [...first.querySelectorAll(".cells > :not(caption, thead)")];
  const per = Number(first.dataset.per ?? PER), draw = first.dataset.kind === "draw";
  const pages = draw ? 1 : Math.max(all.length, Math.ceil(cells.length / per));
  shown = next % pages;
  board.dataset.page = all.length > 1 ? all[shown].id : "";
  const head = cells[0] ? [...cells[0].parentNode.children].indexOf(cells[0]) : 0; // of a table
  const before = draw ? Number(first.dataset.from) : head + shown * per;
  const others = cells.length <= per || all.length > 1 ? [] : [outside(`.cells > :nth-child(n+${head + 1})`, before, per)];
  const lists = Math.ceil(document.querySelectorAll(".band > .now-card").length / CARDS);
  if (lists > 1) others.push(outside(".band > .now-card", (turns % lists) * CARDS, CARDS));
  hide(others.join());
  touchline(pages, all.length > 1);
}

const outside = (cells, before, count) => `${cells}:not(:nth-child(n+${before + 1}):nth-child(-n+${before + count}))`;

function touchline(pages, dotted) {
  const line = $("#pages");
  line.hidden = pages < 2;
  const dots = Array.from({ length: dotted ? pages : 0 }, (_, n) => {
    const dot = document.createElement("i");
    dot.className = n === shown ? "is-on" : "";
    return dot;
  });
  line.replaceChildren(...dots, fill(dotted ? words.part : words.page, { n: shown + 1, of: pages }));
}

// A page of matches with one on now stays twice as long.
function rest() {
  const all = stages();
  if (all.length < 2) return HOLD;
  return running(all[shown]) ? 2 * TURN : TURN;
}
function turnAfter(milliseconds) {
  clearTimeout(turning);
  turning = setTimeout(() => {
    turns += 1;
    show(shown + 1);
    turnAfter(rest());
  }, milliseconds);
}

// After a frame: the same page, or that of a new result.
function afterFrame() {
  const all = stages();
  const at = all.findIndex((stage) => stage.id === board.dataset.page);
  const result = $(".place:has(> .is-in)");
  const isNew = result && result.id !== newest;
  newest = result?.id;
  if (!isNew || all.length < 2) return show(all.length > 1 ? Math.max(at, 0) : shown);
  show(all.indexOf(result.closest(".stage")));
  turnAfter(HOLD);
}

newest = $(".place:has(> .is-in)")?.id;
show(Math.max(stages().findIndex((stage) => stage.id === $("#head").dataset.first), 0));
turnAfter(rest());
on("htmx:after:swap", afterFrame);
