"use strict";
// Reviews the questions of this page. Nothing leaves the browser: what was said is kept in its
// storage while it lasts, and saved as a download.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const articles = [...document.querySelectorAll("article")];
  const kept = "esrag-review " + data.sha256;
  const said = document.getElementById("said");
  const words = { "": "not reviewed", reviewed: "reviewed", rejected: "rejected" };
  const changes = recalled();
  let here = 0;
  let unsaved = false; // what a reload found is kept already
  let quiet = 0;

  function recalled() {
    try {
      const found = JSON.parse(localStorage.getItem(kept));
      return found && typeof found === "object" && !Array.isArray(found) ? found : {};
    } catch {
      return {};
    }
  }

  function keep() {
    unsaved = true;
    try {
      localStorage.setItem(kept, JSON.stringify(changes));
    } catch {
      // a browser that keeps nothing for a file: the download is all there is
    }
  }

  function tell(text) {
    said.textContent = text;
    clearTimeout(quiet);
    quiet = setTimeout(() => { said.textContent = ""; }, 2500);
  }

  function record(number) {
    return { ...data.questions[number], ...changes[number] };
  }

  function change(number, values) {
    changes[number] = { ...changes[number], ...values };
    keep();
    show(number);
    count();
  }

  function groupsOf(question) {
    return question.answer_groups || (question.accepted ? [question.accepted] : []);
  }

  function element(name, attributes, ...content) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
      if (value !== false) made.setAttribute(key, value === true ? "" : value);
    }
    made.append(...content);
    return made;
  }

  function button(text, name, act) {
    const made = element("button", { type: "button", class: name }, text);
    made.addEventListener("click", act);
    return made;
  }

  function field(label, name, value, rows) {
    const input = element("textarea", { name, rows: String(rows) });
    input.value = value;
    return element("label", {}, label, input);
  }

  function show(number) {
    const article = articles[number];
    const question = record(number);
    const status = question.status || "";
    article.dataset.status = status || "open";
    article.querySelector(".status").textContent = words[status];
    article.querySelector(".question bdi").textContent = question.question;
    for (const [name, wanted] of [["accept", "reviewed"], ["reject", "rejected"]]) {
      article.querySelector("button." + name).setAttribute("aria-pressed", String(status === wanted));
    }
    const answer = article.querySelector(".answer bdi");
    if (answer && question.answerable !== false) answer.textContent = question.answer || "";
    const lists = [...article.querySelectorAll(".forms")];
    const groups = groupsOf(question);
    if (changes[number] && ("accepted" in changes[number] || "answer_groups" in changes[number])) {
      lists.forEach((list) => list.remove());
      const made = groups.map((forms) => element(
        "ul", { class: "forms" },
        ...forms.map((form) => element("li", {}, element("bdi", { dir: "auto" }, form))),
      ));
      article.querySelector(".answer").after(...made);
    }
    let note = article.querySelector(".note");
    if (question.note && !note) {
      note = element("p", { class: "note" }, element("bdi", { dir: "auto" }));
      article.querySelector(".acts").before(note);
    }
    if (note) {
      note.querySelector("bdi").textContent = question.note || "";
      note.hidden = !question.note;
    }
  }

  function decide(status) {
    const now = record(here).status || "";
    change(here, { status: now === status ? "" : status });
    tell(words[record(here).status || ""] + (record(here).status ? "" : " any more"));
    if (record(here).status) go(1);
  }

  function open(number, wanted) {
    const article = articles[number];
    const before = article.querySelector(".form");
    if (before) {
      const again = before.querySelector("textarea[name=" + wanted + "]");
      if (again) again.focus();
      return;
    }
    const question = record(number);
    const form = element("div", { class: "form" });
    if (wanted === "note") {
      form.append(field("Comment", "note", question.note || "", 2));
    } else {
      form.append(
        field("Question", "question", question.question, 2),
        field("Answer", "answer", question.answer || "", 2),
        field("Accepted forms, one a line; all groups that a blank line parts are needed", "forms",
          groupsOf(question).map((forms) => forms.join("\n")).join("\n\n"), 4),
      );
    }
    const close = () => { form.remove(); article.focus({ preventScroll: true }); };
    form.append(element("div", { class: "acts" },
      button("Keep", "keep", () => { if (take(number, form)) close(); }),
      button("Leave as it was", "leave", close)));
    article.append(form);
    form.querySelector("textarea").focus();
  }

  function take(number, form) {
    const value = (name) => form.querySelector("textarea[name=" + name + "]")?.value.trim();
    const note = value("note");
    if (note !== undefined) {
      change(number, { note });
      return true;
    }
    const question = value("question").split(/\s+/).join(" ");
    if (!question) {
      tell("A question needs words; reject it instead.");
      return false;
    }
    const values = { question, answer: value("answer") };
    const groups = value("forms").split(/\n\s*\n/)
      .map((group) => group.split("\n").map((line) => line.trim()).filter(Boolean))
      .filter((group) => group.length);
    if (JSON.stringify(groups) !== JSON.stringify(groupsOf(record(number)))) {
      values.accepted = groups.length === 1 ? groups[0] : null;
      values.answer_groups = groups.length > 1 ? groups : null;
    }
    change(number, values);
    tell("Kept on this page; save it when you are done.");
    return true;
  }

  function shown() {
    return articles.map((article, number) => number).filter((number) => !articles[number].hidden);
  }

  function go(step) {
    const open = shown();
    const next = step > 0 ? open.find((number) => number > here)
      : open.filter((number) => number < here).pop();
    if (next !== undefined) stand(next, true);
  }

  function stand(number, scroll) {
    articles[here]?.classList.remove("here");
    here = number;
    const article = articles[here];
    if (!article) return;
    article.classList.add("here");
    if (scroll) {
      article.focus({ preventScroll: true });
      article.scrollIntoView({ block: "start" });
    }
  }

  function count() {
    const all = data.questions.map((each, number) => record(number).status || "");
    const reviewed = all.filter((status) => status === "reviewed").length;
    const rejected = all.filter((status) => status === "rejected").length;
    total.value = `✓ ${reviewed}  ✗ ${rejected}  ○ ${all.length - reviewed - rejected}`;
  }

  function changed() {
    return data.questions.map((each, number) => {
      const question = record(number);
      for (const name of ["accepted", "answer_groups", "status", "note"]) {
        if (!question[name]) delete question[name];
      }
      if (!groupsOf(question).length && !question.evidence?.length
          && !("answerable" in question) && groupsOf(each).length) {
        question.answerable = true;
      }
      return question;
    });
  }

  // as esrag.evaluation.question_sets.cells: no cell is a formula
  function cell(text) {
    const line = text.replace(/\s+/g, " ").trim();
    return /^'*[=+\-@＝＋－＠]/.test(line) ? "'" + line : line;
  }

  function quoted(text) {
    return /["\t\n]/.test(text) ? '"' + text.replace(/"/g, '""') + '"' : text;
  }

  function table() {
    const escaped = (form) => form.replace(/\\/g, "\\\\").replace(/\|/g, "\\|").replace(/&&/g, "\\&\\&");
    const rows = changed().map((question) => [
      question.id, question.status || "", question.note || "", question.question,
      question.answer || "",
      groupsOf(question).map((forms) => forms.map(escaped).join(" | ")).join(" && "),
    ]);
    const named = ["id", "status", "note", "question", "answer", "accepted"];
    return [named, ...rows].map((row) => row.map((each) => quoted(cell(each))).join("\t") + "\n").join("");
  }

  function save(text, ending, type) {
    const link = element("a", { download: data.name.replace(/[^\w.-]+/g, "-") + ".review." + ending });
    link.href = URL.createObjectURL(new Blob([text], { type }));
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    unsaved = false;
    tell("Saved. Take it in with: esrag questions import");
  }

  const saveLines = () =>
    save(changed().map((each) => JSON.stringify(each) + "\n").join(""), "jsonl", "application/x-ndjson");
  const saveTable = () => save(table(), "tsv", "text/tab-separated-values");

  const tools = document.getElementById("tools");
  const total = element("output", {});
  const filter = element("select", { "aria-label": "Which questions" });
  const types = [...new Set(data.questions.map((each) => each.type))];
  for (const [value, text] of [
    ["", "All"], ["open", "Not reviewed"], ["reviewed", "Reviewed"], ["rejected", "Rejected"],
    ...types.map((name) => ["type " + name, "Type: " + name]),
  ]) filter.append(element("option", { value }, text));
  const search = element("input", { type: "search", placeholder: "Search", "aria-label": "Search" });
  const sift = () => {
    const wanted = search.value.trim().toLowerCase();
    articles.forEach((article, number) => {
      const question = record(number);
      const fits = !filter.value || filter.value === (question.status || "open")
        || filter.value === "type " + question.type;
      article.hidden = !fits || (wanted !== "" && !article.textContent.toLowerCase().includes(wanted));
    });
    const first = shown()[0];
    if (articles[here]?.hidden && first !== undefined) stand(first, false);
  };
  filter.addEventListener("change", sift);
  search.addEventListener("input", sift);
  tools.append(
    filter, search, button("Save JSONL", "save", saveLines), button("Save TSV", "save", saveTable), total);
  document.body.insertBefore(tools, document.getElementById("questions"));
  tools.hidden = false;
  document.getElementById("unscripted").hidden = true;

  articles.forEach((article, number) => {
    article.append(element("div", { class: "acts" },
      button("Accept", "accept", () => { stand(number); decide("reviewed"); }),
      button("Reject", "reject", () => { stand(number); decide("rejected"); }),
      button("Edit", "edit", () => { stand(number); open(number, "question"); }),
      button("Comment", "comment", () => { stand(number); open(number, "note"); })));
    article.addEventListener("focusin", () => { if (here !== number) stand(number, false); });
    show(number);
  });

  const keys = {
    j: () => go(1),
    k: () => go(-1),
    a: () => decide("reviewed"),
    r: () => decide("rejected"),
    u: () => { change(here, { status: "" }); tell(words[""]); },
    e: () => open(here, "question"),
    c: () => open(here, "note"),
    s: saveLines,
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.target.matches("textarea, input, select")) {
      if (event.key === "Escape") articles[here]?.focus({ preventScroll: true });
      return;
    }
    const act = keys[event.key];
    if (act && articles.length) {
      event.preventDefault();
      act();
    }
  });
  window.addEventListener("beforeunload", (event) => {
    if (unsaved) event.preventDefault();
  });
  if (articles.length) stand(0, false);
  count();
})();
