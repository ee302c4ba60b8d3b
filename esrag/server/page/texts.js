// What the page knows of text that others wrote: which characters it leaves out, which addresses it
// links, and how offsets in code points become offsets in JavaScript's strings.

// Control characters, and those that reorder or hide what stands around them.
const STEERING =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/gu;
const SURROGATE = /[\ud800-\udfff]/u;
const LONGEST_ADDRESS = 2048;

/** `text` without characters that steer the line; line breaks and tabs stay. */
export function plain(text) {
  return String(text ?? "").replace(STEERING, "");
}

/** The same on one line, for titles and labels. */
export function oneLine(text) {
  return plain(text).replace(/\s+/gu, " ").trim();
}

/** An address that may be a link: http(s), without login data; else null. */
export function linkable(text) {
  const written = String(text ?? "").trim();
  if (!/^https?:\/\//iu.test(written) || written.length > LONGEST_ADDRESS) return null;
  let url;
  try {
    url = new URL(written);
  } catch {
    return null;
  }
  const web = url.protocol === "http:" || url.protocol === "https:";
  return web && !url.username && !url.password ? url.href : null;
}

/** Turns an offset in code points, as the server counts, into one in UTF-16 units. */
export function unitsOf(text) {
  if (!/[\ud800-\udbff]/.test(text)) return (offset) => clamp(offset, text.length);
  const starts = [];
  let units = 0;
  for (const character of text) {
    starts.push(units);
    units += character.length;
  }
  starts.push(units);
  return (offset) => starts[clamp(offset, starts.length - 1)];
}

/** How many code points `text` has. */
export function lengthOf(text) {
  return SURROGATE.test(text) ? Array.from(text).length : text.length;
}

function clamp(offset, most) {
  return Math.max(0, Math.min(most, Number(offset) || 0));
}

/** Words of a document in a line or two: without the bars of a table's row. */
export function quoted(text) {
  return plain(text).replace(/^\s*\|\s*|\s*\|\s*$/gu, "").replace(/\s*\|\s*/gu, " · ");
}

/** "1 passage", "2 passages". */
export function counted(count, noun) {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** An ISO date as the reader's language writes it; anything else as it is. */
export function dated(text) {
  const match = /^(\d{4})-(\d{2})-(\d{2})/u.exec(text ?? "");
  if (!match) return oneLine(text);
  const date = new Date(Number(match[1]), Number(match[2]) - 1, Number(match[3]));
  return new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "long", year: "numeric" })
    .format(date);
}

/** "1.2 s" or "340 ms". */
export function timed(seconds) {
  return seconds < 1 ? `${Math.round(seconds * 1000)} ms` : `${seconds.toFixed(1)} s`;
}

/** The pages of a hit or passage, "" when it has none. */
export function paged({ page, last_page: last }) {
  if (!page) return "";
  return last && last > page ? `pages ${page}–${last}` : `page ${page}`;
}

/** Title and headings, each once. */
export function trail(title, headings) {
  return [...new Set([title, ...(headings ?? [])].map(oneLine).filter(Boolean))];
}
