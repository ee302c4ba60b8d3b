// What a turn has to say beside its answer: errors, cuts, notes; and the way to ask again.

import { button, foreign, icon, make } from "./dom.js";
import { oneLine, plain } from "./texts.js";

const CUT =
  "The connection ended before the answer was finished. What stands here may lack its end.";
const LONGEST_WAIT = 3600;

/** The notices of a turn that has ended; `again()` asks its question once more. */
export function noticesOf(turn, again) {
  if (turn.state === "failed") return [failure(turn, again)];
  if (turn.state === "cut") {
    return [notice({ kind: "bad", title: "Incomplete", text: CUT, actions: [againButton(again)] })];
  }
  if (turn.state === "stopped") {
    const text = "You stopped this answer; it is incomplete.";
    return [notice({ kind: "calm", title: "Stopped", text, actions: [againButton(again)] })];
  }
  return turn.notes.map((note) => notice({ kind: "calm", text: plain(note) }));
}

/** A button that calls `again`. */
export function againButton(again, words = "Ask again") {
  return button(
    { className: "plain", onclick: () => again() },
    icon("again"),
    make("span", {}, words),
  );
}

function failure(turn, again) {
  const { error } = turn;
  const retry = againButton(again);
  if (error.retryAfter) countDown(retry, error.retryAfter);
  const id = error.requestId
    ? make("span", { className: "request-id" }, "Request ", foreign(oneLine(error.requestId)))
    : null;
  return notice({
    kind: "bad",
    title: failureTitle(turn),
    text: plain(error.message),
    hint: plain(error.hint),
    actions: [retry, id],
  });
}

function notice({ kind, title = "", text, hint = "", actions = [] }) {
  return make(
    "div",
    { className: `notice ${kind}`, role: kind === "bad" ? "alert" : null },
    kind === "bad" ? icon("warning") : null,
    make(
      "div",
      { className: "notice-words" },
      make("p", { dir: "auto" }, title ? make("strong", {}, `${title}. `) : null, text),
      hint ? make("p", { className: "hint", dir: "auto" }, hint) : null,
      actions.length ? make("p", { className: "notice-actions" }, ...actions) : null,
    ),
  );
}

function failureTitle({ error, kind, sentences }) {
  if (error.retryAfter) return "Busy";
  if (!sentences.length) return "No answer";
  return kind === "quoted" ? "Quoted instead" : "Incomplete";
}

function countDown(again, seconds) {
  const label = again.lastElementChild;
  const words = label.textContent;
  let left = Math.min(Math.ceil(seconds), LONGEST_WAIT);
  again.disabled = true;
  const tick = () => {
    label.textContent = left > 0 ? `${words} in ${left} s` : words;
    again.disabled = left > 0;
    left -= 1;
    if (left >= 0) setTimeout(tick, 1000);
  };
  tick();
}
