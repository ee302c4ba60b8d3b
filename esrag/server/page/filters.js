// Where to search: the filters that are set, the dialog that sets them, and the list of them over
// the question.

import { button, fill, foreign, icon, make } from "./dom.js";
import { oneLine } from "./texts.js";
import { dateField, pairField, ValueList } from "./values.js";

const LISTS = [
  { name: "source", label: "Path of a document" },
  { name: "language", label: "Language" },
  { name: "author", label: "Author" },
  { name: "origin", label: "Origin", rare: true },
  { name: "document_id", label: "Document id", rare: true },
];
const DATES = [
  { name: "published_from", label: "Published from" },
  { name: "published_to", label: "Published until" },
  { name: "modified_from", label: "Changed from" },
  { name: "modified_to", label: "Changed until" },
];
const LABELS = new Map([...LISTS, ...DATES].map(({ name, label }) => [name, label]));

export class FiltersView {
  #filters = {};

  /** `fetchFacets()` gets the counts for the question that is asked, or null without one. */
  constructor(fetchFacets) {
    this.fetchFacets = fetchFacets;
    this.dialog = document.getElementById("filters");
    this.chosen = document.getElementById("chosen");
    this.opener = document.getElementById("filter");
    this.label = document.getElementById("filter-label");
    this.names = null;
    this.opener.addEventListener("click", () => this.#open());
    this.dialog.addEventListener("click", (event) => {
      if (event.target === this.dialog) this.dialog.close();
    });
    this.dialog.addEventListener("close", () => this.opener.focus({ preventScroll: true }));
  }

  /** The names that the server takes. */
  offer(names) {
    this.names = new Set(names);
    this.opener.hidden = ![...LISTS, ...DATES].some(({ name }) => this.names.has(name)) &&
      !this.names.has("metadata");
  }

  get value() {
    return structuredClone(this.#filters);
  }

  set value(filters) {
    this.#filters = filters;
    this.#list();
  }

  #offered(fields) {
    return fields.filter(({ name }) => !this.names || this.names.has(name));
  }

  #open() {
    const lists = this.#offered(LISTS).map((field) =>
      new ValueList(field, this.#filters[field.name] ?? [])
    );
    const dates = this.#offered(DATES).map((field) =>
      dateField(field, this.#filters[field.name] ?? "")
    );
    const pairs = this.names?.has("metadata") ? pairField(this.#filters.metadata ?? {}) : null;
    const rare = lists.filter((list) => list.rare);
    const form = make(
      "form",
      { method: "dialog", className: "sheet-form" },
      make(
        "div",
        { className: "sheet-head" },
        make("h2", { id: "filters-title" }, "Where to search"),
        button({
          className: "quiet square",
          "aria-label": "Close the filters",
          title: "Close the filters",
          onclick: () => this.dialog.close(),
        }, icon("close")),
      ),
      make(
        "div",
        { className: "sheet-body" },
        ...lists.filter((list) => !list.rare).map((list) => list.element),
        dates.length
          ? make("fieldset", { className: "dates" }, make("legend", {}, "Dates"), ...dates)
          : null,
        pairs,
        rare.length
          ? make(
            "details",
            { className: "fold", open: rare.some((list) => list.values.length) },
            make("summary", {}, "More"),
            ...rare.map((list) => list.element),
          )
          : null,
      ),
      make(
        "div",
        { className: "sheet-foot" },
        button({
          className: "plain",
          onclick: () => {
            this.value = {};
            this.dialog.close();
          },
        }, "Clear all"),
        make("button", { type: "submit", className: "primary" }, "Use these"),
      ),
    );
    form.addEventListener("submit", () => {
      this.value = collected(form, lists, pairs);
    });
    fill(this.dialog, form);
    this.dialog.showModal();
    this.#offerFacets(lists);
  }

  /** Boxes for what is there, as soon as it is known; without them values can be typed. */
  async #offerFacets(lists) {
    const facets = await Promise.resolve(this.fetchFacets()).catch(() => null);
    const counts = new Map((facets ?? []).map((facet) => [facet.field, facet.counts]));
    for (const list of lists) list.offer(counts.get(list.name) ?? []);
  }

  #list() {
    const entries = entriesOf(this.#filters);
    this.chosen.hidden = entries.length === 0;
    this.label.textContent = entries.length ? `Filters (${entries.length})` : "Filters";
    fill(
      this.chosen,
      ...entries.map(({ label, text, without }) =>
        make(
          "li",
          {},
          make("span", {}, `${label}: `, foreign(text)),
          button({
            className: "remove",
            "aria-label": `Remove the filter ${label}: ${text}`,
            onclick: () => {
              this.value = without();
              this.opener.focus();
            },
          }, icon("close")),
        )
      ),
    );
  }
}

function entriesOf(filters) {
  const entries = [];
  for (const [name, value] of Object.entries(filters)) {
    const label = LABELS.get(name) ?? name;
    if (Array.isArray(value)) {
      for (const one of value) {
        entries.push({
          label,
          text: oneLine(one),
          without: () => lacking(filters, name, value.filter((other) => other !== one)),
        });
      }
    } else if (typeof value === "object") {
      for (const [key, one] of Object.entries(value)) {
        const rest = Object.fromEntries(Object.entries(value).filter(([other]) => other !== key));
        entries.push({
          label: oneLine(key),
          text: oneLine(one),
          without: () => lacking(filters, name, rest),
        });
      }
    } else {
      entries.push({ label, text: oneLine(value), without: () => lacking(filters, name, "") });
    }
  }
  return entries;
}

/** The filters with another value; one that asks for nothing is left out. */
function lacking(filters, name, value) {
  const rest = { ...filters, [name]: value };
  if (value.length === 0 || (typeof value === "object" && Object.keys(value).length === 0)) {
    delete rest[name];
  }
  return rest;
}

function collected(form, lists, pairs) {
  const filters = {};
  for (const list of lists) {
    const values = list.values;
    if (values.length) filters[list.name] = values;
  }
  for (const input of form.querySelectorAll("input[type=date]")) {
    if (input.value) filters[input.name] = input.value;
  }
  if (pairs) {
    const name = pairs.querySelector("[name=metadata-name]").value.trim();
    const value = pairs.querySelector("[name=metadata-value]").value.trim();
    const metadata = { ...pairs.kept, ...(name && value ? { [name]: value } : {}) };
    if (Object.keys(metadata).length) filters.metadata = metadata;
  }
  return filters;
}
