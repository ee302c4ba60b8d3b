// The fields of the filters' dialog: values to tick or type, dates, pairs of metadata.

import { button, foreign, make } from "./dom.js";
import { oneLine } from "./texts.js";

/** Values of a field: those that were found, as boxes to tick, and a line for others. */
export class ValueList {
  constructor({ name, label, rare = false }, chosen) {
    this.name = name;
    this.rare = rare;
    this.offered = new Set();
    this.known = make("div", { className: "value-list" });
    this.line = make("input", {
      type: "text",
      id: `filter-${name}`,
      dir: "auto",
      spellcheck: false,
      placeholder: "another value",
      "aria-label": `${label}: another value`,
    });
    const add = button({ className: "plain", onclick: () => this.#add() }, "Add");
    this.line.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || !this.line.value.trim()) return;
      event.preventDefault();
      this.#add();
    });
    this.element = make(
      "fieldset",
      {},
      make("legend", {}, label),
      this.known,
      make("div", { className: "value-line" }, this.line, add),
    );
    for (const value of chosen) this.#box(value, null, true);
  }

  /** Boxes for values that have none yet. */
  offer(counts) {
    for (const { value, count } of counts) this.#box(value, count, false);
  }

  get values() {
    const ticked = [...this.known.querySelectorAll("input:checked")].map((input) => input.value);
    const typed = this.line.value.trim();
    return [...new Set(typed ? [...ticked, typed] : ticked)];
  }

  #add() {
    const value = this.line.value.trim();
    if (!value) return;
    this.#box(value, null, true);
    this.line.value = "";
    this.line.focus();
  }

  #box(value, count, checked) {
    if (this.offered.has(value)) return;
    this.offered.add(value);
    const input = make("input", { type: "checkbox", value, checked });
    this.known.append(
      make(
        "label",
        { className: "value" },
        input,
        foreign(oneLine(value)),
        count === null ? null : make("span", { className: "count" }, String(count)),
      ),
    );
  }
}

/** A date by its name. */
export function dateField({ name, label }, value) {
  const input = make("input", { type: "date", name, id: `filter-${name}`, value });
  return make("div", { className: "field" }, make("label", { for: input.id }, label), input);
}

/** A name and a value of metadata; `kept` are the pairs that are set already. */
export function pairField(kept) {
  const element = make(
    "fieldset",
    {},
    make("legend", {}, "Metadata"),
    make(
      "div",
      { className: "value-line" },
      make("input", {
        type: "text",
        name: "metadata-name",
        placeholder: "name",
        "aria-label": "Metadata: name",
        spellcheck: false,
      }),
      make("input", {
        type: "text",
        name: "metadata-value",
        placeholder: "value",
        "aria-label": "Metadata: value",
        spellcheck: false,
      }),
    ),
  );
  element.kept = kept;
  return element;
}
