// How an answer came about: each step, how it ended and what it took.

import { foreign, make } from "./dom.js";
import { counted, oneLine, timed } from "./texts.js";

/** The story of a turn, folded away; null when it has no record. */
export function storyOf({ record }) {
  if (!record) return null;
  const rows = rowsOf(record).flatMap(([term, text]) => [
    make("dt", {}, foreign(oneLine(term))),
    make("dd", {}, foreign(oneLine(text))),
  ]);
  return make(
    "details",
    { className: "fold story" },
    make("summary", {}, "How this answer came about"),
    make("dl", {}, ...rows),
  );
}

function rowsOf(record) {
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
  if (record.dropped?.length) {
    rows.push([
      "left out",
      `${counted(record.dropped.length, "sentence")} that no passage supports`,
    ]);
  }
  if (record.invalid_citations) {
    rows.push(["citations dropped", `${record.invalid_citations} to passages that were not given`]);
  }
  if (record.model) rows.push(["model", record.model]);
  if (record.id) rows.push(["answer", record.id]);
  return rows;
}
