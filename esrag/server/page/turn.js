// A question and what became of it: searching, sentences as they come, and how it ended.
// `TurnView` shows a turn of conversation.js and keeps no state that matters of its own.

import { asText, labelOf, sentenceNode } from "./answer.js";
import { button, fill, foreign, icon, make } from "./dom.js";
import { feedbackRow } from "./feedback.js";
import { againButton, noticesOf } from "./notices.js";
import { Found, Sources } from "./sources.js";
import { storyOf } from "./story.js";
import { counted, oneLine, plain } from "./texts.js";

const UNKNOWN = { title: "", heading_path: [], source: "", url: "", text: "", start: 0, end: 0 };

export class TurnView {
  /**
   * `actions`: open(turn, {citation, hit}, opener), again(turn, {withoutFilters}),
   * rate(turn, rating, comment), say(text).
   */
  constructor(turn, actions) {
    this.turn = turn;
    this.actions = actions;
    this.sources = new Sources((citation, opener) => this.#cite(citation, opener));
    this.found = new Found((hit, opener) => actions.open(turn, { hit }, opener));
    this.heading = make(
      "h2",
      { className: "question", dir: "auto", tabIndex: -1 },
      plain(turn.question),
    );
    this.context = make("p", { className: "context", hidden: true });
    this.progress = make(
      "p",
      { className: "progress" },
      make("span", { className: "progress-sign", "aria-hidden": "true" }),
      make("span", {}, "Searching"),
    );
    this.label = make("p", { className: "label", hidden: true });
    this.body = make("div", { className: "sentences", "aria-live": "polite" });
    this.notices = make("div", { className: "notices" });
    this.footer = make("div", { className: "turn-footer" });
    this.element = make(
      "article",
      { className: "turn", "aria-busy": "true" },
      this.heading,
      this.context,
      this.label,
      this.body,
      this.progress,
      this.notices,
      this.sources.element,
      this.found.element,
      this.footer,
    );
    this.#showContext();
  }

  rewritten() {
    this.#showContext();
  }

  searched() {
    this.#progress(
      this.turn.hits.length
        ? `Reading ${counted(this.turn.hits.length, "passage")}`
        : "Nothing found so far",
    );
  }

  sentence(sentence) {
    this.#label();
    this.body.append(
      sentenceNode(
        sentence,
        (citation) => this.#hitOf(citation),
        (citation, opener) => this.#cite(citation, opener),
      ),
    );
    for (const citation of sentence.citations) this.sources.add(citation, this.#hitOf(citation));
    this.#progress("Writing and checking");
  }

  /** The turn has ended: shows what belongs to its state. */
  ended() {
    this.element.setAttribute("aria-busy", "false");
    this.progress.hidden = true;
    fill(this.notices, ...noticesOf(this.turn, this.#again));
    if (this.turn.sentences.length) this.#label();
    this.#foundPassages();
    fill(this.footer, ...this.#actions());
  }

  #showContext() {
    const parts = [];
    if (this.turn.standalone) {
      parts.push(
        "Searched for ",
        foreign(oneLine(this.turn.standalone), { className: "standalone" }),
      );
    }
    const filters = Object.keys(this.turn.filters).length;
    if (filters) parts.push(parts.length ? " · " : "", `with ${counted(filters, "filter")}`);
    fill(this.context, ...parts);
    this.context.hidden = parts.length === 0;
  }

  #progress(words) {
    if (this.progress.lastElementChild.textContent !== words) {
      this.progress.lastElementChild.textContent = words;
    }
  }

  #label() {
    const label = labelOf(this.turn);
    this.element.dataset.kind = this.turn.kind;
    this.element.dataset.sign = label.sign;
    fill(
      this.label,
      icon(label.sign),
      make("strong", {}, label.title),
      label.meaning ? make("span", { className: "meaning" }, label.meaning) : null,
    );
    this.label.hidden = false;
  }

  #again = (options = {}) => this.actions.again(this.turn, options);

  #hitOf(citation) {
    return this.turn.hits.find((hit) => hit.chunk_id === citation.chunk_id) ??
      { ...UNKNOWN, document_id: citation.document_id, chunk_id: citation.chunk_id };
  }

  #cite(citation, opener) {
    this.actions.open(this.turn, { citation, hit: this.#hitOf(citation) }, opener);
  }

  #foundPassages() {
    const cited = new Set(
      this.turn.sentences.flatMap((sentence) =>
        sentence.citations.map((citation) => citation.chunk_id)
      ),
    );
    const others = this.turn.hits.filter((hit) => !cited.has(hit.chunk_id));
    const refused = this.turn.kind === "refused";
    const title = refused
      ? `The closest passages, which do not answer it (${others.length})`
      : cited.size
      ? `Also read: ${counted(others.length, "passage")}`
      : `Found: ${counted(others.length, "passage")}`;
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
        filtered
          ? againButton(() => this.#again({ withoutFilters: true }), "Ask without filters")
          : null,
        this.#copyButton(),
        turn.id && turn.rateable ? feedbackRow(turn, this.actions.rate) : null,
      ),
      storyOf(turn),
    ];
  }

  #copyButton() {
    const label = make("span", {}, "Copy");
    const copy = async () => {
      const text = asText({
        ...this.turn,
        title: labelOf(this.turn).title,
        hitOf: (citation) => this.#hitOf(citation),
      });
      try {
        await navigator.clipboard.writeText(text);
        label.textContent = "Copied";
        this.actions.say("The answer and its sources are copied.");
      } catch {
        label.textContent = "Copying is not allowed here";
      }
      setTimeout(() => {
        label.textContent = "Copy";
      }, 2000);
    };
    return button({ className: "plain", onclick: copy }, icon("copy"), label);
  }
}
