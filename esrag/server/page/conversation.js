// The turns of a conversation and how each of them came to its end.  Knows the API's events and
// nothing of how they look.

import { described } from "./api.js";
import { CutError } from "./events.js";

const LONGEST_ANSWER = 4000; // of an answer that goes along as history

/** A question that is being asked: plain data, so that it can be kept over a reload. */
export function newTurn(question, filters) {
  return {
    question,
    filters,
    state: "running", // then answered, failed, cut or stopped
    standalone: "",
    hits: [],
    sentences: [],
    kind: "",
    notes: [],
    record: null,
    error: null,
    id: "",
    rateable: false,
    rating: "",
  };
}

/** The turns as the API takes them: those that were answered, oldest first. */
export function historyOf(turns, most) {
  return turns
    .filter((turn) => turn.state === "answered" && turn.sentences.length)
    .slice(-most || turns.length)
    .map((turn) => ({
      question: turn.question,
      answer: turn.sentences.map((sentence) => sentence.text).join(" ").slice(0, LONGEST_ANSWER),
    }));
}

/** Follows the events of an answer into `turn` and tells `view` of each; never throws. */
export async function follow(turn, view, events) {
  try {
    for await (const { name, value } of events) TAKEN[name]?.(turn, view, value);
  } catch (error) {
    ended(turn, error);
  }
  view.ended();
}

const TAKEN = {
  rewritten(turn, view, { standalone }) {
    turn.standalone = String(standalone ?? "");
    view.rewritten();
  },
  sources(turn, view, { hits }) {
    turn.hits = hits ?? [];
    view.searched();
  },
  sentence(turn, view, sentence) {
    turn.kind ||= sentence.kind;
    tell(turn, view, sentence);
  },
  answer(turn, view, record) {
    turn.state = "answered";
    complete(turn, view, record);
  },
  error(turn, view, { error, answer }) {
    fail(turn, described(error, { answer }));
    if (answer) complete(turn, view, answer);
  },
};

function tell(turn, view, sentence) {
  const shown = {
    text: String(sentence.text ?? ""),
    kind: sentence.kind ?? turn.kind,
    supported: sentence.supported !== false,
    citations: sentence.citations ?? [],
  };
  turn.sentences.push(shown);
  view.sentence(shown);
}

/** What the record says beyond the events, and sentences that no event told. */
function complete(turn, view, record) {
  const { hits } = record;
  // what is large, and words that were not to be shown, are not kept
  turn.record = { ...record, prompt: null, hits: null, generated_text: "", verdicts: [] };
  turn.id = record.id ?? "";
  turn.kind = record.kind ?? turn.kind;
  turn.standalone ||= record.standalone ?? "";
  turn.notes = [record.degraded, ...(record.notes ?? [])].filter(Boolean).map(String);
  if (!turn.hits.length) turn.hits = hits ?? [];
  const told = new Set(turn.sentences.map((sentence) => sentence.text));
  for (const sentence of record.sentences ?? []) {
    if (!told.has(sentence.text)) tell(turn, view, { kind: record.kind, ...sentence });
  }
}

function ended(turn, error) {
  if (error.name === "AbortError") turn.state = "stopped";
  else if (error instanceof CutError) turn.state = "cut";
  else {
    fail(turn, error);
  }
}

function fail(turn, error) {
  turn.state = "failed";
  turn.error = {
    status: error.status ?? 0,
    code: error.code ?? "page",
    message: error.message,
    hint: error.hint ?? "",
    requestId: error.requestId ?? "",
    retryAfter: error.retryAfter ?? 0,
  };
}
