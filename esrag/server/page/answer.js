// One sentence of an answer, whose words an answer holds, and the answer as text to take along.

import { button, make } from "./dom.js";
import { inlineNodes } from "./passages.js";
import { oneLine, plain, trail } from "./texts.js";

const SWITCHED_OFF = "switched off"; // as answers say of a step
const UNCONFIRMED = "not confirmed by a passage";

/** What kind of answer it is: a sign, a title, and what that means. */
export function labelOf({ kind, sentences, record }) {
  if (kind === "refused") return { sign: "silent", title: "Not in the documents", meaning: "" };
  if (kind === "quoted") {
    return { sign: "quote", title: "From the documents", meaning: "their own words, quoted" };
  }
  // whether a server checks at all is known with the record; until then nothing is promised
  if (!record) return { sign: "page", title: "Answer", meaning: "" };
  if (record.steps?.verify === SWITCHED_OFF) {
    return {
      sign: "warning",
      title: "Answer, not checked",
      meaning: "checking is switched off on this server",
    };
  }
  const unsupported = sentences.filter((sentence) => sentence.supported === false).length;
  if (unsupported) {
    const meaning = `${unsupported} of ${sentences.length} sentences not confirmed, and marked`;
    return { sign: "warning", title: "Answer, not wholly supported", meaning };
  }
  return {
    sign: "check",
    title: "Answer",
    meaning: "each sentence checked against the passages it cites",
  };
}

/** A sentence with a button for each citation; `cite(citation)` opens it. */
export function sentenceNode(sentence, hitOf, cite) {
  const name = sentence.kind === "quoted" ? "q" : "span";
  const words = make(
    name,
    { className: "words", dir: "auto", lang: languageOf(sentence, hitOf) },
    ...inlineNodes(plain(sentence.text)),
  );
  const unsupported = sentence.supported === false;
  return make(
    sentence.kind === "quoted" ? "p" : "span",
    { className: `sentence ${sentence.kind}${unsupported ? " unsupported" : ""}` },
    words,
    " ",
    unsupported ? make("span", { className: "unsupported-note" }, UNCONFIRMED) : null,
    ...sentence.citations.map((citation) => chip(citation, hitOf(citation), cite)),
    " ",
  );
}

function languageOf(sentence, hitOf) {
  const first = sentence.kind === "quoted" ? sentence.citations[0] : null;
  return (first && hitOf(first).language) || null;
}

function chip(citation, hit, cite) {
  const title = oneLine(hit.title) || oneLine(citation.document_id);
  return button(
    {
      className: "chip",
      title: trail(hit.title, hit.heading_path).join(" › ") || title,
      "aria-label": `Source ${Number(citation.number)}: ${title}`,
      "aria-haspopup": "dialog",
      citation,
      onclick: (event) => cite(citation, event.currentTarget),
    },
    String(citation.number),
  );
}

/** The answer with its footnotes as plain text. */
export function asText({ question, sentences, hitOf, title }) {
  const lines = [oneLine(question), ""];
  const body = sentences.map((sentence) => {
    const numbers = [...new Set(sentence.citations.map((citation) => `[${citation.number}]`))].join(
      "",
    );
    const words = sentence.kind === "quoted" ? `“${plain(sentence.text)}”` : plain(sentence.text);
    const note = sentence.supported === false ? ` (${UNCONFIRMED})` : "";
    return `${words}${note}${numbers ? ` ${numbers}` : ""}`;
  });
  lines.push(title, body.join(sentences[0]?.kind === "quoted" ? "\n" : " "));
  const cited = new Map();
  for (const citation of sentences.flatMap((sentence) => sentence.citations)) {
    cited.set(citation.number, hitOf(citation));
  }
  if (cited.size) lines.push("");
  for (const [number, hit] of [...cited].sort(([a], [b]) => a - b)) {
    const where = [trail(hit.title, hit.heading_path).join(" › "), oneLine(hit.url || hit.source)];
    lines.push(`[${number}] ${where.filter(Boolean).join(", ")}`);
  }
  return lines.join("\n");
}
