// Whether an answer helped: two buttons, and a line of words for whoever wants to say why.

import { button, fill, icon, make } from "./dom.js";

const LONGEST = 2000;

/** The row under an answer; `rate(turn, rating, comment)` keeps it and throws when it cannot. */
export function feedbackRow(turn, rate) {
  const note = make("span", { className: "feedback-note", role: "status" });
  const form = make("form", { className: "feedback-form", hidden: true });
  const buttons = {
    up: ratingButton("helpful", "This helped"),
    down: ratingButton("unhelpful", "This did not help"),
  };
  const press = () => {
    for (const [rating, pressed] of Object.entries(buttons)) {
      pressed.setAttribute("aria-pressed", String(turn.rating === rating));
    }
  };
  const send = async (rating, comment = "") => {
    try {
      await rate(turn, rating, comment);
      note.textContent = comment ? "Thank you, kept with your words." : "Thank you.";
    } catch (error) {
      note.textContent = `Not kept: ${error.message}`;
    }
    press();
  };
  for (const [rating, pressed] of Object.entries(buttons)) {
    pressed.addEventListener("click", async () => {
      fill(form, ...commentFields(form, rating, send));
      await send(rating);
      form.hidden = turn.rating !== rating;
    });
  }
  press();
  return make("div", { className: "feedback" }, buttons.up, buttons.down, note, form);
}

function ratingButton(sign, words) {
  return button({
    className: "plain square",
    title: words,
    "aria-label": words,
    "aria-pressed": "false",
  }, icon(sign));
}

function commentFields(form, rating, send) {
  const words = rating === "up" ? "What helped?" : "What is wrong or missing?";
  const field = make("input", {
    type: "text",
    maxLength: LONGEST,
    "aria-label": words,
    placeholder: words,
    dir: "auto",
  });
  form.onsubmit = async (event) => {
    event.preventDefault();
    if (!field.value.trim()) return;
    await send(rating, field.value.trim());
    form.hidden = true;
  };
  return [field, make("button", { type: "submit", className: "plain" }, "Send")];
}
