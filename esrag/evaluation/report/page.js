// Filters, search, order and steps of a report; everything can be read without it.
(() => {
  "use strict";
  const form = document.getElementById("filters");
  const list = document.getElementById("questions");
  const shown = document.getElementById("shown");
  const none = document.getElementById("none");
  if (!form || !list) return;
  const asked = [...list.children].map((element, place) => ({
    element,
    place,
    apart: Number(element.dataset.apart),
    kind: element.dataset.kind,
    outcomes: element.dataset.outcomes.split(" "),
    marks: element.dataset.marks.split("|").map((marks) => marks.split(" ")),
    words: null,
  }));
  let order = "";

  const folded = (text) => text.normalize("NFKC").toLowerCase().replace(/\s+/gu, " ").trim();

  function fits(question, wanted) {
    if (wanted.kind && question.kind !== wanted.kind) return false;
    if (wanted.outcome || wanted.mark) {
      const places = wanted.system ? [Number(wanted.system)] : [...question.outcomes.keys()];
      const some = places.some(
        (place) =>
          (!wanted.outcome || question.outcomes[place] === wanted.outcome) &&
          (!wanted.mark || question.marks[place].includes(wanted.mark)),
      );
      if (!some) return false;
    }
    if (!wanted.words.length) return true;
    question.words ??= folded(question.element.textContent);
    return wanted.words.every((word) => question.words.includes(word));
  }

  function apply() {
    const given = Object.fromEntries(new FormData(form));
    const wanted = { ...given, words: folded(given.words).split(" ").filter(Boolean) };
    let count = 0;
    for (const question of asked) {
      const fit = fits(question, wanted);
      question.element.hidden = !fit;
      count += fit;
    }
    if (wanted.order !== order) {
      order = wanted.order;
      const sorted = [...asked].sort((one, other) =>
        order === "apart" ? other.apart - one.apart || one.place - other.place : one.place - other.place,
      );
      list.remove(); // so that the page is laid out once
      list.append(...sorted.map((question) => question.element));
      none.before(list);
    }
    none.hidden = count > 0;
    shown.textContent = `${count} of ${asked.length} ${asked.length === 1 ? "question" : "questions"}`;
  }

  function step(by) {
    const open = [...list.children].filter((element) => !element.hidden);
    const top = form.getBoundingClientRect().bottom + 24;
    const at = open.filter((element) => element.getBoundingClientRect().top <= top).length - 1;
    const next = open[Math.max(0, Math.min(open.length - 1, at + by))];
    if (!next) return;
    next.scrollIntoView();
    const link = next.querySelector("a.number");
    link.focus({ preventScroll: true });
  }

  let waiting = 0;
  form.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(apply, 120);
  });
  form.addEventListener("reset", () => setTimeout(apply));
  form.addEventListener("submit", (event) => event.preventDefault());
  document.getElementById("previous").addEventListener("click", () => step(-1));
  document.getElementById("next").addEventListener("click", () => step(1));

  // A link to a question or passage that is hidden shows it; what lies in a fold is opened.
  function arrive() {
    const target = /^#q[0-9]+(-p[0-9]+)?$/u.test(location.hash) && document.getElementById(location.hash.slice(1));
    if (!target) return;
    const question = target.closest(".question");
    if (question.hidden) {
      form.reset();
      apply();
    }
    const fold = target.closest("details");
    if (fold) fold.open = true;
    target.scrollIntoView();
  }
  addEventListener("hashchange", arrive);

  // What shows on hovering or focus goes away with Escape, until another stretch is pointed at.
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") list.classList.add("still");
  });
  let last = null;
  for (const name of ["pointerover", "focusin"]) {
    document.addEventListener(name, (event) => {
      const span = event.target.closest(".span");
      if (span !== last) list.classList.remove("still");
      last = span;
    });
  }

  form.hidden = false;
  form.reset();
  apply();
  arrive();
})();
