// Shows the text of a passage as a reader wants it: paragraphs, headings, lists, tables, code.
// Only how it looks is guessed from the text; every stretch keeps its offsets, so that a citation
// marks exactly the words it is about.  Markup in the text stays text.

import { make } from "./dom.js";
import { plain } from "./texts.js";

const HEADING = /^(#{1,6})[ \t]+(?=\S)/u;
const ITEM = /^([ \t]*)([-*+•]|\d{1,3}[.)])[ \t]+(?=\S)/u;
const ROW = /^[ \t]*\|.*\|[ \t]*$/u;
const RULER = /^[ \t]*\|[\s:|-]+\|[ \t]*$/u;
const FENCE = /^[ \t]*(```|~~~)/u;
const INDENTED = /^(?: {3,}|\t)/u;
const PROSE = /^[^$>{}<].*[.:!?][)"”’]?$/u;
const COLUMNS = / {2,}\S|[{}=;]$/u;
const EARLY = 0.6; // of the longest line of a paragraph
const INLINE = /(`+)([^`\n]+)\1|\*\*([^\s*][^*\n]*)\*\*/gu;

/**
 * Elements for `text`.  `marks` are `[start, end]` in UTF-16 units, in order and apart; each
 * becomes `<mark>` elements, of which the first has the class `first`.
 */
export function passageNodes(text, marks = []) {
  const shown = new Marked(text, marks);
  return blocksOf(text).map((block) => DRAWN[block.kind](block, shown));
}

/** The same within a line: `code` and **strong**, for sentences of an answer. */
export function inlineNodes(text) {
  return new Marked(text, []).inline(0, text.length);
}

const DRAWN = {
  heading: (block, shown) =>
    make(
      "p",
      { className: "text-heading", data: { level: block.level } },
      ...shown.inline(block.start, block.end),
    ),
  paragraph: (block, shown) =>
    make(
      "p",
      {},
      ...block.stretches.flatMap((
        [start, end],
        index,
      ) => [index ? make("br") : null, ...shown.inline(start, end)]),
    ),
  continued: (block, shown) =>
    make("p", { className: "continued" }, ...shown.inline(block.start, block.end)),
  code: (block, shown) =>
    make("pre", { tabIndex: 0 }, make("code", {}, ...shown.literal(block.start, block.end))),
  list: (block, shown) =>
    make("ul", { className: "text-list" }, ...block.items.map((item) => drawnItem(item, shown))),
  table: (block, shown) => drawnTable(block, shown),
};

function drawnItem(item, shown) {
  const numbered = /\d/u.test(item.sign);
  return make(
    "li",
    { data: { depth: Math.min(3, item.depth) }, className: numbered ? "numbered" : null },
    numbered ? make("span", { className: "item-number" }, `${item.sign} `) : null,
    ...shown.inline(item.start, item.end),
  );
}

function drawnTable(block, shown) {
  const rows = block.rows.map((cells, index) => {
    const name = block.headed && index === 0 ? "th" : "td";
    const scope = name === "th" ? { scope: "col" } : {};
    return make(
      "tr",
      {},
      ...cells.map(([start, end]) => make(name, scope, ...shown.inline(start, end))),
    );
  });
  const head = block.headed ? [make("thead", {}, rows[0])] : [];
  const body = make("tbody", {}, ...rows.slice(head.length));
  return make(
    "div",
    { className: "text-table", tabIndex: 0, role: "group", "aria-label": "Table" },
    make("table", {}, ...head, body),
  );
}

/** Stretches of the text with those that are marked set apart. */
class Marked {
  constructor(text, marks) {
    this.text = text;
    this.marks = marks;
    this.first = true;
  }

  /** Nodes of a stretch in which line breaks are spaces and signs of markup are left out. */
  inline(start, end) {
    const nodes = [];
    let at = start;
    INLINE.lastIndex = 0;
    for (const found of this.text.slice(start, end).matchAll(INLINE)) {
      const from = start + found.index;
      const sign = found[1] ? found[1].length : 2;
      nodes.push(...this.literal(at, from));
      const name = found[1] ? "code" : "strong";
      nodes.push(make(name, {}, ...this.literal(from + sign, from + found[0].length - sign)));
      at = from + found[0].length;
    }
    nodes.push(...this.literal(at, end));
    return nodes;
  }

  /** Nodes of a stretch as it is written. */
  literal(start, end) {
    const nodes = [];
    let at = start;
    for (const [from, to] of this.marks) {
      if (to <= at || from >= end) continue;
      if (from > at) nodes.push(plain(this.text.slice(at, from)));
      const last = Math.min(to, end);
      nodes.push(this.#mark(Math.max(from, at), last));
      at = last;
    }
    if (at < end) nodes.push(plain(this.text.slice(at, end)));
    return nodes;
  }

  #mark(from, to) {
    const className = this.first ? "first" : null;
    this.first = false;
    return make("mark", { className }, plain(this.text.slice(from, to)));
  }
}

function linesOf(text) {
  const lines = [];
  let start = 0;
  for (const line of text.split("\n")) {
    lines.push({ start, end: start + line.length, text: line.replace(/\r$/u, "") });
    start += line.length + 1;
  }
  return lines;
}

function blocksOf(text) {
  const lines = linesOf(text);
  const blocks = [];
  let at = 0;
  while (at < lines.length) {
    if (!lines[at].text.trim()) {
      at += 1;
      continue;
    }
    const [block, next] = blockAt(lines, at);
    blocks.push(block);
    at = next;
  }
  return blocks;
}

function blockAt(lines, at) {
  const line = lines[at];
  const heading = HEADING.exec(line.text);
  if (heading) {
    const start = line.start + heading[0].length;
    return [{ kind: "heading", level: heading[1].length, start, end: line.end }, at + 1];
  }
  if (FENCE.test(line.text)) return fenceAt(lines, at);
  if (ROW.test(line.text)) return tableAt(lines, at);
  if (ITEM.test(line.text)) return listAt(lines, at);
  if (INDENTED.test(line.text)) return indentedAt(lines, at);
  const [block, next] = runAt(
    lines,
    at,
    "paragraph",
    (text) => !begins(text) && !INDENTED.test(text),
  );
  return [{ ...block, stretches: stretchesOf(lines.slice(at, next)) }, next];
}

/** Lines that were broken because they were full go on; one that ended early was meant to. */
function stretchesOf(lines) {
  const full = Math.max(...lines.map((line) => line.text.length));
  const stretches = [[lines[0].start, lines[0].end]];
  for (let index = 1; index < lines.length; index += 1) {
    const meant = lines[index - 1].text.length < full * EARLY;
    if (meant) stretches.push([lines[index].start, lines[index].end]);
    else stretches.at(-1)[1] = lines[index].end;
  }
  return stretches;
}

function begins(line) {
  return HEADING.test(line) || FENCE.test(line) || ROW.test(line) || ITEM.test(line);
}

function runAt(lines, at, kind, goesOn) {
  let next = at + 1;
  while (next < lines.length && lines[next].text.trim() && goesOn(lines[next].text)) next += 1;
  return [{ kind, start: lines[at].start, end: lines[next - 1].end }, next];
}

/** What is indented goes on from a list, if it reads like prose; else it is code. */
function indentedAt(lines, at) {
  const [block, next] = runAt(lines, at, "code", (line) => INDENTED.test(line) && !ITEM.test(line));
  const run = lines.slice(at, next).map((line) => line.text.trim());
  if (PROSE.test(run.at(-1)) && !run.some((line) => COLUMNS.test(line))) block.kind = "continued";
  return [block, next];
}

function fenceAt(lines, at) {
  let next = at + 1;
  while (next < lines.length && !FENCE.test(lines[next].text)) next += 1;
  const first = Math.min(at + 1, lines.length - 1);
  const start = first === at ? lines[at].end : lines[first].start;
  const end = next > at + 1 ? lines[next - 1].end : start;
  return [{ kind: "code", start, end }, next + 1];
}

function tableAt(lines, at) {
  const rows = [];
  let headed = false;
  let next = at;
  while (next < lines.length && ROW.test(lines[next].text)) {
    if (RULER.test(lines[next].text)) headed = headed || rows.length === 1;
    else rows.push(cellsOf(lines[next]));
    next += 1;
  }
  return [{ kind: "table", rows, headed }, next];
}

function cellsOf(line) {
  const cells = [];
  const open = line.text.indexOf("|");
  let from = open + 1;
  for (let index = from; index < line.text.length; index += 1) {
    if (line.text[index] !== "|" || line.text[index - 1] === "\\") continue;
    cells.push(trimmed(line, from, index));
    from = index + 1;
  }
  return cells;
}

function trimmed(line, from, to) {
  const cell = line.text.slice(from, to);
  const lead = cell.length - cell.trimStart().length;
  const length = cell.trim().length;
  return [line.start + from + lead, line.start + from + lead + length];
}

function listAt(lines, at) {
  const items = [];
  let next = at;
  while (next < lines.length) {
    const line = lines[next];
    const item = ITEM.exec(line.text);
    if (item) {
      const depth = Math.floor(item[1].replaceAll("\t", "    ").length / 2);
      items.push({ sign: item[2], depth, start: line.start + item[0].length, end: line.end });
    } else if (line.text.trim() && !begins(line.text)) {
      items.at(-1).end = line.end; // a line that goes on
    } else {
      break;
    }
    next += 1;
  }
  return [{ kind: "list", items }, next];
}
