// Puts the page together: login, composer, turns, document, filters.

import { Api } from "./api.js";
import { Composer } from "./composer.js";
import { follow, historyOf, newTurn } from "./conversation.js";
import { fill } from "./dom.js";
import { FiltersView } from "./filters.js";
import { LoginForm } from "./login.js";
import { Reader } from "./reader.js";
import { keepTurns, keptTurns, Login } from "./session.js";
import { TurnView } from "./turn.js";

const login = new Login();
const api = new Api(() => login.value);
const elements = Object.fromEntries(
  ["desk", "welcome", "turns", "set", "new", "leave", "status"].map((
    id,
  ) => [id, document.getElementById(id)]),
);
const filters = new FiltersView(() => (lastQuestion() ? api.facets(lastQuestion()) : null));
const composer = new Composer({
  onAsk: (question) => ask(question, filters.value),
  onStop: () => running?.abort(),
});
const reader = new Reader((id, around) => api.document(id, around));
const loginForm = new LoginForm(enter);

let about = {};
let turns = [];
let running = null;
let shownTo = "";

/** What is being written, else what was asked last: whose candidates the filters count. */
function lastQuestion() {
  return composer.value.trim() || turns.at(-1)?.standalone || turns.at(-1)?.question || "";
}

function say(text) {
  elements.status.textContent = text;
}

async function ask(question, chosen) {
  const turn = newTurn(question, chosen);
  const history = historyOf(turns, about.limits?.history_turns ?? 20);
  turns.push(turn);
  const view = show(turn);
  view.element.scrollIntoView({ block: "start", behavior: reducedMotion() ? "instant" : "smooth" });
  say("Searching the documents.");
  const mine = new AbortController();
  running = mine;
  composer.running = true;
  await follow(turn, view, api.ask(question, { history, filters: chosen, signal: mine.signal }));
  if (running !== mine) return; // another conversation has begun
  running = null;
  composer.running = false;
  say(outcome(turn));
  keepTurns(turns, caller());
  if (turn.error?.status === 401) {
    askLogin("Your login is not accepted any more: sign in again, then ask again.");
  }
}

function outcome(turn) {
  if (turn.state === "stopped") return "Stopped.";
  if (turn.state !== "answered") return ""; // the notice in the turn is an alert of its own
  if (turn.kind === "refused") return "The documents do not answer this question.";
  const sources = new Set(
    turn.sentences.flatMap((sentence) => sentence.citations.map((citation) => citation.number)),
  ).size;
  return `Answer complete, ${sources === 1 ? "1 source" : `${sources} sources`}.`;
}

function show(turn) {
  const view = new TurnView(turn, {
    open: (of, target, opener) => open(of, target, opener),
    again: (of, { withoutFilters = false }) => {
      if (!running) ask(of.question, withoutFilters ? {} : of.filters);
    },
    rate: async (of, rating, comment) => {
      await api.feedback(of.id, rating, comment);
      of.rating = rating;
      keepTurns(turns, caller());
    },
    say,
  });
  const ended = view.ended.bind(view);
  view.ended = () => {
    turn.rateable = Boolean(about.feedback);
    ended();
  };
  elements.turns.append(view.element);
  elements.welcome.hidden = true;
  elements.new.hidden = false;
  document.body.classList.add("has-turns");
  return view;
}

/** Opens a citation among those of its answer, or a passage by itself. */
function open(turn, target, opener) {
  if (!target.citation) {
    reader.open([target], 0, opener);
    return;
  }
  const targets = turn.sentences.flatMap((sentence) => sentence.citations).map((citation) => ({
    citation,
    hit: turn.hits.find((hit) => hit.chunk_id === citation.chunk_id) ?? target.hit,
  }));
  const index = targets.findIndex(({ citation }) => citation === target.citation);
  reader.open(targets, Math.max(0, index), opener);
}

/** Shows turns again as they were; one that was cut by the reload is incomplete. */
function restore(kept) {
  turns = kept;
  for (const turn of turns) {
    if (turn.state === "running") turn.state = "cut";
    const view = show(turn);
    if (turn.hits.length) view.searched();
    for (const sentence of turn.sentences) view.sentence(sentence);
    view.ended();
  }
}

/** Whose rights the turns came about with: with a shared key all see the same. */
function caller() {
  return about.auth === "pass-through" ? login.mark : "everybody";
}

/** Takes the turns off the page. */
function forget() {
  running?.abort();
  running = null;
  turns = [];
  reader.close();
  fill(elements.turns);
  document.body.classList.remove("has-turns");
  elements.welcome.hidden = false;
  elements.new.hidden = true;
  composer.running = false;
}

function newConversation() {
  forget();
  keepTurns(turns, caller());
  composer.focus();
}

async function enter(authorization) {
  const answer = await api.about(authorization);
  if (!answer.authenticated) throw Object.assign(new Error("not accepted"), { needsLogin: true });
  const before = shownTo;
  login.value = authorization;
  about = answer;
  if (caller() !== before) forget(); // what one reader was shown is not another's
  loginForm.hide();
  begin(answer);
}

function begin(answer) {
  about = answer;
  elements.set.textContent = about.set ? ` / ${about.set}` : "";
  elements.leave.hidden = about.login === "none";
  if (about.limits?.question_characters) composer.longest = about.limits.question_characters;
  filters.offer(about.filters ?? []);
  elements.desk.hidden = false;
  shownTo = caller();
  if (!elements.turns.childElementCount) restore(keptTurns(caller()));
  if (!matchMedia("(pointer: coarse)").matches) composer.focus(); // no keyboard over half the page
}

function askLogin(problem = "") {
  login.value = "";
  reader.close();
  elements.desk.hidden = true;
  elements.leave.hidden = true;
  loginForm.show(about.login ?? "token", problem);
}

function leave() {
  newConversation();
  elements.set.textContent = "";
  filters.value = {};
  askLogin();
}

function reducedMotion() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}

async function start() {
  elements.new.addEventListener("click", newConversation);
  elements.leave.addEventListener("click", leave);
  try {
    about = await api.about().catch((
      error,
    ) => (error.needsLogin && login.value ? api.about("") : Promise.reject(error)));
    if (about.authenticated) begin(about);
    else askLogin(login.value ? "Your login is not accepted any more." : "");
  } catch (error) {
    elements.desk.hidden = false;
    const turn = {
      ...newTurn("", {}),
      state: "failed",
      error: { message: error.message, hint: error.hint ?? "", requestId: "", retryAfter: 0 },
    };
    const view = new TurnView(turn, { again: () => location.reload(), say });
    view.heading.hidden = true;
    view.ended();
    fill(elements.turns, view.element);
  }
}

start();
