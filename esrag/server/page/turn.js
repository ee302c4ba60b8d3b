// A question and what became of it: searching, sentences as they come, and how it ended.
// `TurnView` shows a turn of conversation.js and keeps no state that matters of its own.

import { asText, labelOf, sentenceNode } from "./answer.js";
import { button, fill, foreign, icon, make } from "./dom.js";
import { feedbackRow } from "./feedback.js";
import { Found, Sources } from "./sources.js";
import { counted, oneLine, plain, timed } from "./texts.js";

const UNKNOWN = { title: "", heading_path: [], source: "", url: "", text: "", start: 0, end: 0 };

export class TurnView {
  /** `actions`: open(turn, {citation, hit}, opener), again(turn, {withoutFilters}), rate(turn, …), say(text). */
  constructor(turn, actions) {
    this.turn = turn;
    this.actions = actions;
    this.sources = new Sources((citation, opener) => this.#cite(citation, opener));
    this.found = new Found((hit, opener) => actions.open(turn, { hit }, opener));
    this.heading = make("h2", { className: "question", dir: "auto", tabIndex: -1 }, plain(turn.question));
    this.context = make("p", { className: "context", hidden: true });
    this.progress = make("p", { className: "progress" }, make("span", { className: "progress-sign", "aria-hidden": "true" }), make("span", {}, "Searching"));
    this.label = make("p", { className: "label", hidden: true });
    this.body = make("div", { className: "sentences", "aria-live": "polite" });
    this.notices = make("div", { className: "notices" });
    this.footer = make("div", { className: "turn-footer" });
    this.element = make(
      "article",
      { className: "turn", "aria-busy": "true" },
      this.heading, this.context, this.label, this.body, this.progress, this.notices, this.sources.element, this.found.element, this.footer,
    );
    this.#showContext();
  }

  rewritten() {
    this.#showContext();
  }

  searched() {
    this.#progress(this.turn.hits.length ? `Reading ${counted(this.turn.hits.length, "passage")}` : "Nothing found so far");
  }

  sentence(sentence) {
    this.#label();
    this.body.append(sentenceNode(sentence, (citation) => this.#hitOf(citation), (citation, opener) => this.#cite(citation, opener)));
    for (const citation of sentence.citations) this.sources.add(citation, this.#hitOf(citation));
    this.#progress("Writing and checking");
  }

  /** The turn has ended: shows what belongs to its state. */
  ended() {
    this.element.setAttribute("aria-busy", "false");
    this.progress.hidden = true;
    fill(this.notices, ...this.#notices());
    if (this.turn.sentences.length) this.#label();
    this.#foundPassages();
    fill(this.footer, ...this.#actions());
  }

  #showContext() {
    const parts = [];
    if (this.turn.standalone) parts.push("Searched for ", foreign(oneLine(this.turn.standalone), { className: "standalone" }));
    const filters = Object.keys(this.turn.filters).length;
    if (filters) parts.push(parts.length ? " · " : "", `with ${counted(filters, "filter")}`);
    fill(this.context, ...parts);
    this.context.hidden = parts.length === 0;
  }

  #progress(words) {
    if (this.progress.lastElementChild.textContent !== words) this.progress.lastElementChild.textContent = words;
  }

  #label() {
    const label = labelOf(this.turn);
    this.element.dataset.kind = this.turn.kind;
    this.element.dataset.sign = label.sign;
    fill(this.label, icon(label.sign), make("strong", {}, label.title), label.meaning ? make("span", { className: "meaning" }, label.meaning) : null);
    this.label.hidden = false;
  }

  #hitOf(citation) {
    return this.turn.hits.find((hit) => hit.chunk_id === citation.chunk_id) ?? { ...UNKNOWN, document_id: citation.document_id, chunk_id: citation.chunk_id };
  }

  #cite(citation, opener) {
    this.actions.open(this.turn, { citation, hit: this.#hitOf(citation) }, opener);
  }

  #notices() {
    const { state, error } = this.turn;
    if (state === "failed") return [this.#failure(error)];
    if (state === "cut") {
      return [this.#notice("bad", "Incomplete", "The connection ended before the answer was finished. What stands here may lack its end.", [this.#againButton()])];
    }
    if (state === "stopped") {
      return [this.#notice("calm", "Stopped", "You stopped this answer; it is incomplete.", [this.#againButton()])];
    }
    return this.turn.notes.map((note) => this.#notice("calm", "", plain(note), []));
  }

  #failure(error) {
    const id = error.requestId ? make("span", { className: "request-id" }, "Request ", foreign(oneLine(error.requestId))) : null;
    const title = failureTitle(this.turn);
    const again = this.#againButton();
    const notice = this.#notice("bad", title, plain(error.message), [again, id], plain(error.hint));
    if (error.retryAfter) countDown(again, error.retryAfter);
    return notice;
  }

  #notice(kind, title, text, actions, hint = "") {
    return make(
      "div",
      { className: `notice ${kind}`, role: kind === "bad" ? "alert" : null },
      kind === "bad" ? icon("warning") : null,
      make("div", { className: "notice-words" },
        make("p", { dir: "auto" }, title ? make("strong", {}, `${title}. `) : null, text),
        hint ? make("p", { className: "hint", dir: "auto" }, hint) : null,
        actions.length ? make("p", { className: "notice-actions" }, ...actions) : null),
    );
  }

  #againButton(words = "Ask again", options = {}) {
    return button({ className: "plain", onclick: () => this.actions.again(this.turn, options) }, icon("again"), make("span", {}, words));
  }

  #foundPassages() {
    const cited = new Set(this.turn.sentences.flatMap((sentence) => sentence.citations.map((citation) => citation.chunk_id)));
    const others = this.turn.hits.filter((hit) => !cited.has(hit.chunk_id));
    const refused = this.turn.kind === "refused";
    const title = refused
      ? `The closest passages, which do not answer it (${others.length})`
      : cited.size ? `Also read: ${counted(others.length, "passage")}` : `Found: ${counted(others.length, "passage")}`;
    this.found.show(others, { title });
  }

  #actions() {
    const { turn } = this;
    if (turn.state === "failed" && !turn.sentences.length) return [];
    const filtered = turn.kind === "refused" && Object.keys(turn.filters).length > 0;
    return [
      make(
        "div",
        { className: "turn-actions" },
        filtered ? this.#againButton("Ask without filters", { withoutFilters: true }) : null,
        this.#copyButton(),
        turn.id && turn.rateable ? feedbackRow(turn, this.actions.rate) : null,
      ),
      this.#story(),
    ];
  }

  #copyButton() {
    const label = make("span", {}, "Copy");
    const copy = async () => {
      const text = asText({ ...this.turn, title: labelOf(this.turn).title, hitOf: (citation) => this.#hitOf(citation) });
      try {
        await navigator.clipboard.writeText(text);
        label.textContent = "Copied";
        this.actions.say("The answer and its sources are copied.");
      } catch {
        label.textContent = "Copying is not allowed here";
      }
      setTimeout(() => { label.textContent = "Copy"; }, 2000);
    };
    return button({ className: "plain", onclick: copy }, icon("copy"), label);
  }

  /** How the answer came about, folded away. */
  #story() {
    const rows = storyOf(this.turn);
    if (!rows.length) return null;
    return make(
      "details",
      { className: "fold story" },
      make("summary", {}, "How this answer came about"),
      make("dl", {}, ...rows.flatMap(([term, text]) => [make("dt", {}, foreign(oneLine(term))), make("dd", {}, foreign(oneLine(text)))])),
    );
  }
}

function failureTitle({ error, kind, sentences }) {
  if (error.retryAfter) return "Busy";
  if (!sentences.length) return "No answer";
  return kind === "quoted" ? "Quoted instead" : "Incomplete";
}

function storyOf({ record }) {
  if (!record) return [];
  const rows = [];
  const seconds = record.seconds ?? {};
  for (const [step, outcome] of Object.entries(record.steps ?? {})) {
    const time = seconds[step] === undefined ? "" : ` (${timed(seconds[step])})`;
    rows.push([step, `${outcome}${time}`]);
  }
  if (seconds.total !== undefined) rows.push(["in all", timed(seconds.total)]);
  if (typeof record.confidence === "number") {
    const threshold = record.threshold ? `, ${record.threshold.toFixed(2)} is needed` : "";
    rows.push(["confidence", `${record.confidence.toFixed(2)}${threshold}`]);
  }
  if (record.dropped?.length) rows.push(["left out", `${counted(record.dropped.length, "sentence")} that no passage supports`]);
  if (record.invalid_citations) rows.push(["citations dropped", `${record.invalid_citations} to passages that were not given`]);
  if (record.model) rows.push(["model", record.model]);
  if (record.id) rows.push(["answer", record.id]);
  return rows;
}

function countDown(again, seconds) {
  const label = again.lastElementChild;
  const words = label.textContent;
  let left = Math.min(Math.ceil(seconds), 3600);
  again.disabled = true;
  const tick = () => {
    label.textContent = left > 0 ? `${words} in ${left} s` : words;
    again.disabled = left > 0;
    left -= 1;
    if (left >= 0) setTimeout(tick, 1000);
  };
  tick();
}
