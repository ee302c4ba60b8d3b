// The lists under an answer: the passages that it cites, and those that were read besides.

import { button, fill, foreign, make } from "./dom.js";
import { dated, linkable, oneLine, paged, quoted, trail } from "./texts.js";

/** Title, headings, page, date and path of a hit. */
function described(hit) {
  const [title, ...headings] = trail(hit.title || hit.source || hit.document_id, hit.heading_path);
  const facts = [paged(hit), dated(hit.published), oneLine(hit.source)].filter(Boolean);
  return [
    foreign(title, { className: "source-title" }),
    headings.length ? foreign(headings.join(" › "), { className: "source-trail" }) : null,
    make("span", { className: "source-facts" }, ...facts.map((fact) => foreign(fact))),
  ];
}

/** The whole address, as a link where it may be one. */
export function address(url) {
  const href = linkable(url);
  if (!href) return url ? foreign(oneLine(url), { className: "address" }) : null;
  return make("a", {
    className: "address",
    href,
    target: "_blank",
    rel: "noopener noreferrer nofollow",
    referrerPolicy: "no-referrer",
  }, href);
}

/** The numbered sources of an answer, which grow while it comes. */
export class Sources {
  #numbers = new Set();

  constructor(open) {
    this.open = open;
    this.list = make("ol", { className: "sources-list" });
    this.element = make(
      "section",
      { className: "sources", hidden: true },
      make("h3", { className: "small-title" }, "Sources"),
      this.list,
    );
  }

  add(citation, hit) {
    if (this.#numbers.has(citation.number)) return;
    this.#numbers.add(citation.number);
    this.list.append(this.#item(citation, hit));
    this.element.hidden = false;
  }

  get count() {
    return this.#numbers.size;
  }

  #item(citation, hit) {
    const show = (event) => this.open(citation, event.currentTarget);
    return make(
      "li",
      { className: "source-item", value: citation.number },
      button(
        { className: "source", "aria-haspopup": "dialog", onclick: show },
        make(
          "span",
          { className: "source-number", "aria-hidden": "true" },
          String(citation.number),
        ),
        ...described(hit),
        citation.quote
          ? foreign(quoted(citation.quote), {
            className: "source-quote",
            lang: hit.language || null,
          })
          : null,
      ),
      address(hit.url),
    );
  }
}

/** The passages that were found, without numbers; `open(hit, opener)` shows one. */
export class Found {
  constructor(open) {
    this.open = open;
    this.title = make("summary", {});
    this.list = make("ul", { className: "found-list" });
    this.element = make("details", { className: "fold", hidden: true }, this.title, this.list);
  }

  show(hits, { title, unfolded = false }) {
    this.element.hidden = hits.length === 0;
    this.element.open = unfolded;
    this.title.textContent = title;
    fill(this.list, ...hits.map((hit) => this.#item(hit)));
  }

  #item(hit) {
    const show = (event) => this.open(hit, event.currentTarget);
    return make(
      "li",
      {},
      button({ className: "source", "aria-haspopup": "dialog", onclick: show }, ...described(hit)),
    );
  }
}
