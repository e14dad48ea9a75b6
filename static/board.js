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

// Matches come in a stage for each page, and CSS shows the one in data-page. Seats, cards and tables are
// cells, some on each page; hundreds of them come in several stages.
const stages = () => [...document.querySelectorAll(".stage:not([hidden])")];
const running = (stage) => $(".duel:is(.is-called, .is-reported, .is-disputed)", stage);

function pagesOf(stage) {
  const cells = [...stage.querySelectorAll(".cells > :not(caption, thead)")];
  const head = cells[0] ? [...cells[0].parentNode.children].indexOf(cells[0]) : 0; // of a table
  const per = Number(stage.dataset.per ?? PER);
  if (stage.dataset.kind === "draw") return [{ stage, head: 0, per, before: Number(stage.dataset.from), cut: cells.length > per }];
  const count = Math.max(1, Math.ceil(cells.length / per));
  return Array.from({ length: count }, (_, n) => ({ stage, head, per, before: head + n * per, cut: count > 1 }));
}
const pages = () => stages().flatMap(pagesOf);
const areStages = (all) => all.length > 1 && all.length === stages().length;

function show(next) {
  const all = pages();
  shown = next % all.length;
  const { stage, head, per, before } = all[shown], others = [];
  board.dataset.page = areStages(all) ? stage.id : "";
  if (!areStages(all)) others.push(`.stage:not(#${stage.id})`);
  if (all.some(({ cut }) => cut)) others.push(outside(`.cells > :nth-child(n+${head + 1})`, before, per));
  const lists = Math.ceil(document.querySelectorAll(".band > .now-card").length / CARDS);
  if (lists > 1) others.push(outside(".band > .now-card", (turns % lists) * CARDS, CARDS));
  hide(others.join());
  touchline(all.length, areStages(all));
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
  const all = pages();
  if (!areStages(all)) return HOLD;
  return running(all[shown].stage) ? 2 * TURN : TURN;
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
  const all = pages(), pageOf = (id) => Math.max(all.findIndex(({ stage }) => stage.id === id), 0);
  const result = $(".place:has(> .is-in)");
  const isNew = result && result.id !== newest;
  newest = result?.id;
  if (!areStages(all)) return show(shown);
  if (!isNew) return show(pageOf(board.dataset.page));
  show(pageOf(result.closest(".stage").id));
  turnAfter(HOLD);
}

newest = $(".place:has(> .is-in)")?.id;
show(Math.max(stages().findIndex((stage) => stage.id === $("#head").dataset.first), 0));
turnAfter(rest());
on("htmx:after:swap", afterFrame);
