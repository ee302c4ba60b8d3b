// Reads a stream of server-sent events.  It ends well only with `answer` or `error`; anything else
// was cut, however the connection ended.

const LAST = new Set(["answer", "error"]);
const SILENCE = 45_000; // the server sends a comment every 10 s

/** The stream ended without its last event. */
export class CutError extends Error {
  constructor(cause) {
    super("the stream ended before the answer was finished", { cause });
    this.name = "CutError";
  }
}

/** Takes text in pieces and hands out whole events, `{name, data}`. */
export class EventParser {
  #rest = "";
  #name = "";
  #data = [];

  /** The events that `text` completes. */
  *take(text) {
    this.#rest += text;
    const end = this.#rest.endsWith("\r") ? this.#rest.length - 1 : this.#rest.length;
    const whole = this.#rest.slice(0, end);
    const lines = whole.split(/\r\n|\n|\r/u);
    const open = lines.pop();
    this.#rest = open + this.#rest.slice(end);
    for (const line of lines) {
      const event = this.#line(line);
      if (event) yield event;
    }
  }

  #line(line) {
    if (line === "") {
      const event = this.#data.length
        ? { name: this.#name || "message", data: this.#data.join("\n") }
        : null;
      this.#name = "";
      this.#data = [];
      return event;
    }
    if (line.startsWith(":")) return null;
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /u, "");
    if (field === "event") this.#name = value;
    if (field === "data") this.#data.push(value);
    return null;
  }
}

/** The events of a response, each `{name, value}`; throws CutError when the last one is missing. */
export async function* eventsOf(response) {
  const reader = response.body.getReader();
  const decoder = new TextDecoder("utf-8");
  const parser = new EventParser();
  try {
    for (;;) {
      const { done, value } = await patiently(reader);
      if (done) throw new CutError();
      for (const event of parser.take(decoder.decode(value, { stream: true }))) {
        yield { name: event.name, value: parsed(event.data) };
        if (LAST.has(event.name)) return;
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

async function patiently(reader) {
  let timer;
  const silence = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new CutError("silence")), SILENCE);
  });
  try {
    return await Promise.race([reader.read(), silence]);
  } catch (error) {
    if (error.name === "AbortError" || error instanceof CutError) throw error;
    throw new CutError(error);
  } finally {
    clearTimeout(timer);
  }
}

function parsed(data) {
  try {
    return JSON.parse(data);
  } catch (error) {
    throw new CutError(error);
  }
}
