// Elements from values.  Strings become text nodes, never markup: nothing on this page parses HTML.

const SVG = "http://www.w3.org/2000/svg";

/**
 * An element with properties and children.
 * `on…` are listeners, `data` the data attributes; what has a hyphen, `role` and `for` are
 * attributes, everything else is set as a property.  Null and false children are left out.
 */
export function make(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === null || value === undefined) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key === "data") Object.assign(element.dataset, value);
    else if (key.includes("-") || key === "role" || key === "for") element.setAttribute(key, value);
    else element[key] = value;
  }
  fill(element, ...children);
  return element;
}

/** Replaces what `element` holds. */
export function fill(element, ...children) {
  element.replaceChildren(
    ...children.flat().filter((child) => child !== null && child !== false && child !== undefined),
  );
  return element;
}

/** A button that submits nothing. */
export function button(properties, ...children) {
  return make("button", { type: "button", ...properties }, ...children);
}

/** Words for screen readers alone. */
export function unseen(text) {
  return make("span", { className: "unseen" }, text);
}

/** Text of documents, models or servers: isolated, so that its direction stays its own. */
export function foreign(text, properties = {}) {
  return make("bdi", { dir: "auto", ...properties }, text);
}

const DRAWINGS = {
  close: "M6 6l12 12M18 6L6 18",
  up: "M7 14l5-5 5 5",
  down: "M7 10l5 5 5-5",
  check: "M5 12.5l4.5 4.5L19 7.5",
  quote: "M5 6v12M9.5 8.5H19M9.5 12H19M9.5 15.5h6",
  silent: "M12 3.75a8.25 8.25 0 1 0 0 16.5 8.25 8.25 0 0 0 0-16.5zM8.5 12h7",
  warning: "M12 4.5l8.5 15h-17zM12 10.5v4M12 17.2v.1",
  copy: "M9 9h10v10H9zM5 15V5h10",
  helpful:
    "M7 11v8H4v-8zM7 11l4-7c1.6 0 2.4 1 2.2 2.6L12.8 10H18c1.4 0 2.2 1.2 1.9 2.5l-1.3 5c-.3.9-1 1.5-2 1.5H7",
  unhelpful:
    "M7 13V5H4v8zM7 13l4 7c1.6 0 2.4-1 2.2-2.6L12.8 14H18c1.4 0 2.2-1.2 1.9-2.5l-1.3-5c-.3-.9-1-1.5-2-1.5H7",
  again: "M19 12a7 7 0 1 1-2.2-5.1M19 4v4h-4",
  page: "M7 3.75h7l4 4v12.500H7zM14 3.75v4h4",
};

/** A drawing of `DRAWINGS`, which says nothing to screen readers. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("focusable", "false");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", DRAWINGS[name]);
  svg.append(path);
  return svg;
}

/** Whether the window has room for the document beside the conversation. */
export const hasRoom = matchMedia("(min-width: 64rem)");
