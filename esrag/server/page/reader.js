// The document beside the conversation: the cited passage in its place, the cited words marked.
// Where the window has room it stands beside the conversation, else it covers it.

import { button, fill, foreign, hasRoom, icon, make } from "./dom.js";
import { passageNodes } from "./passages.js";
import { address } from "./sources.js";
import { dated, lengthOf, oneLine, paged, trail, unitsOf } from "./texts.js";

const FURTHER = 5; // passages that are fetched at once before or after

export class Reader {
  /** `fetchDocument(id, {position, before, after, signal})` gets passages with the reader's rights. */
  constructor(fetchDocument) {
    this.fetchDocument = fetchDocument;
    this.element = document.getElementById("reader");
    this.stage = document.getElementById("stage");
    this.opener = null;
    this.targets = [];
    this.index = 0;
    this.loading = null;
    this.element.addEventListener("cancel", (event) => {
      event.preventDefault();
      this.close();
    });
    this.element.addEventListener("click", (event) => {
      if (event.target === this.element) this.close();
    });
    document.addEventListener("keydown", (event) => {
      if (
        event.key === "Escape" && this.element.open && !document.querySelector("dialog.sheet[open]")
      ) this.close();
    });
    hasRoom.addEventListener("change", () => {
      if (this.element.open) this.#appear();
    });
  }

  /** Shows one of `targets`, each `{hit, citation?}`; closing gives the focus back to `opener`. */
  open(targets, index, opener) {
    this.targets = targets;
    this.opener = opener;
    this.#appear();
    this.#show(index);
    this.title.focus({ preventScroll: true });
  }

  close() {
    if (!this.element.open) return;
    this.loading?.abort();
    this.element.close();
    this.stage.classList.remove("with-reader");
    fill(this.element); // a document that is closed stands nowhere on the page any more
    markCurrent(null, null);
    if (this.opener?.isConnected) this.opener.focus({ preventScroll: true });
  }

  #appear() {
    const focused = this.element.contains(document.activeElement) ? document.activeElement : null;
    if (this.element.open) this.element.close();
    this.stage.classList.toggle("with-reader", hasRoom.matches);
    if (hasRoom.matches) this.element.show();
    else this.element.showModal();
    focused?.focus({ preventScroll: true });
  }

  #show(index) {
    this.index = index;
    const { hit, citation } = this.targets[index];
    markCurrent(this.opener, citation);
    this.#draw(hit, citation);
    this.#draft(hit, citation);
    this.#load(hit, citation);
  }

  #draw(hit, citation) {
    const [title, ...headings] = trail(
      hit.title || hit.source || hit.document_id,
      hit.heading_path,
    );
    this.title = make("h2", { id: "reader-title", tabIndex: -1, dir: "auto" }, title);
    this.body = make("div", {
      className: "reader-text",
      tabIndex: 0,
      role: "region",
      "aria-label": "Text of the document",
      lang: hit.language || null,
      dir: "auto",
    });
    this.note = make("p", { className: "reader-note", role: "status" });
    this.facts = make("p", { className: "source-facts" });
    fill(
      this.element,
      make(
        "div",
        { className: "reader-head" },
        make(
          "div",
          { className: "reader-names" },
          citation
            ? make(
              "p",
              { className: "reader-kind" },
              make("span", { className: "source-number" }, String(citation.number)),
              "Source",
            )
            : make("p", { className: "reader-kind" }, "Passage"),
          this.title,
          headings.length ? foreign(headings.join(" › "), { className: "source-trail" }) : null,
          this.facts,
          address(hit.url),
        ),
        button({
          className: "quiet square",
          title: "Close the document",
          "aria-label": "Close the document",
          onclick: () => this.close(),
        }, icon("close")),
      ),
      this.note,
      this.body,
      this.targets.length > 1 ? this.#steps() : null,
    );
    this.#facts({ ...hit });
  }

  #facts(document) {
    const facts = [
      paged(document),
      dated(document.published),
      oneLine(document.author),
      oneLine(document.source),
    ];
    fill(this.facts, ...facts.filter(Boolean).map((fact) => foreign(fact)));
  }

  #steps() {
    const step = (by, words, sign) =>
      button(
        {
          className: "plain",
          disabled: !this.targets[this.index + by],
          onclick: () => {
            this.#show(this.index + by);
            this.title.focus({ preventScroll: true });
          },
        },
        icon(sign),
        make("span", {}, words),
      );
    return make(
      "div",
      { className: "reader-steps" },
      step(-1, "Previous", "up"),
      make("span", {}, `${this.index + 1} of ${this.targets.length}`),
      step(1, "Next", "down"),
    );
  }

  /** What is known already is shown at once; the document around it follows. */
  #draft(hit, citation) {
    if (!hit.text) return;
    this.passages = [{ ...hit, cited: true }];
    this.#drawPassages(hit, citation, {});
  }

  async #load(hit, citation) {
    this.loading?.abort();
    const loading = new AbortController();
    this.loading = loading;
    try {
      const document = await this.fetchDocument(hit.document_id, {
        position: hit.position ?? 0,
        signal: loading.signal,
      });
      if (loading.signal.aborted) return;
      this.passages = document.passages;
      this.#facts({ ...hit, ...document, page: hit.page, last_page: hit.last_page });
      this.#drawPassages(hit, citation, {
        before: document.more_before,
        after: document.more_after,
      });
    } catch (error) {
      if (error.name === "AbortError") return;
      this.note.textContent = hit.text
        ? `Only the passage itself can be shown. ${error.message}`
        : `${error.message} ${error.hint ?? ""}`;
    }
  }

  #drawPassages(hit, citation, more) {
    const target = citation && citation.end > citation.start
      ? [citation.start, citation.end]
      : null;
    const sections = this.passages.map((passage) => this.#passage(passage, hit, target));
    fill(
      this.body,
      more.before ? this.#further("before", "Show what stands before", hit, citation, more) : null,
      ...sections,
      more.after ? this.#further("after", "Show what follows", hit, citation, more) : null,
    );
    this.#scrollTo(
      this.body.querySelector("mark.first") ?? this.body.querySelector(".passage.cited"),
    );
  }

  /** Within the text alone: scrollIntoView would move the page behind it as well. */
  #scrollTo(element) {
    if (!element) return;
    const from = this.body.getBoundingClientRect();
    const to = element.getBoundingClientRect();
    this.body.scrollTop += to.top - from.top - Math.max(24, (from.height - to.height) / 3);
  }

  #passage(passage, hit, target) {
    const units = unitsOf(passage.text);
    const start = passage.start ?? 0;
    const end = start + lengthOf(passage.text);
    const marks = [];
    if (target && target[0] < end && target[1] > start) {
      marks.push([units(target[0] - start), units(target[1] - start)]);
    }
    const own = passage.chunk_id === hit.chunk_id;
    if (!target && own) {
      for (const [from, to] of hit.highlights ?? []) {
        marks.push(...aligned(hit, passage, from, to, units));
      }
    }
    return make(
      "section",
      { className: `passage${own || marks.length ? " cited" : ""}` },
      ...passageNodes(passage.text, marks),
    );
  }

  #further(side, words, hit, citation, more) {
    const ask = async (event) => {
      const asked = event.currentTarget;
      asked.disabled = true;
      const edge = side === "before" ? this.passages[0] : this.passages.at(-1);
      const position = (edge.position ?? 0) + (side === "before" ? -1 : 1);
      try {
        const document = await this.fetchDocument(hit.document_id, {
          position: Math.max(0, position),
          signal: this.loading.signal,
          before: side === "before" ? FURTHER - 1 : 0,
          after: side === "after" ? FURTHER - 1 : 0,
        });
        const known = new Set(this.passages.map((passage) => passage.chunk_id));
        const added = document.passages.filter((passage) => !known.has(passage.chunk_id));
        this.#grow(side, added, hit, citation, {
          ...more,
          [side]: side === "before" ? document.more_before : document.more_after,
        });
      } catch (error) {
        asked.disabled = false;
        if (error.name !== "AbortError") this.note.textContent = error.message;
      }
    };
    return button(
      { className: "plain further", onclick: ask },
      icon(side === "before" ? "up" : "down"),
      make("span", {}, words),
    );
  }

  /** Adds passages without moving what is being read. */
  #grow(side, added, hit, citation, more) {
    const below = this.body.scrollHeight - this.body.scrollTop;
    const top = this.body.scrollTop;
    this.passages = side === "before" ? [...added, ...this.passages] : [...this.passages, ...added];
    this.#drawPassages(hit, citation, more);
    this.body.scrollTop = side === "before" ? this.body.scrollHeight - below : top;
    this.body.focus({ preventScroll: true });
  }
}

/** Highlights are offsets in the hit's text; the passage may begin later, where its overlap is cut. */
function aligned(hit, passage, from, to, units) {
  const shift = (hit.start ?? 0) - (passage.start ?? 0);
  return to + shift > 0 ? [[units(from + shift), units(to + shift)]] : [];
}

/** The mark in the answer whose passage is open carries aria-current. */
function markCurrent(opener, citation) {
  for (const chip of document.querySelectorAll(".chip[aria-current]")) {
    chip.removeAttribute("aria-current");
  }
  for (const chip of opener?.closest(".turn")?.querySelectorAll(".chip") ?? []) {
    if (chip.citation === citation) chip.setAttribute("aria-current", "true");
  }
}
