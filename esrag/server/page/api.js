// Calls of esrag's HTTP API.  Whatever goes wrong becomes one `ApiError` that says what, where and
// what to do next.  Nothing here knows the page.

import { eventsOf } from "./events.js";

/** A call that did not work: `code` of the server, or "unreachable" or "unreadable". */
export class ApiError extends Error {
  constructor(
    { status = 0, code, message, hint = "", requestId = "", retryAfter = 0, answer = null },
  ) {
    super(message);
    this.name = "ApiError";
    Object.assign(this, { status, code, hint, requestId, retryAfter, answer });
  }

  get needsLogin() {
    return this.status === 401;
  }
}

/** The API under the page's own address; `authorization` is asked for at each call. */
export class Api {
  constructor(authorization) {
    this.authorization = authorization;
  }

  about(authorization = this.authorization()) {
    return this.#json("v1/about", { authorization });
  }

  document(id, { position, before = 3, after = 3, signal }) {
    const around = new URLSearchParams({ position, before, after });
    // as one part of the path: an id with ".." in it must not lead elsewhere
    return this.#json(`v1/documents/${encodeURIComponent(id)}?${around}`, { signal });
  }

  /** Counts by field among the candidates of a question, wherever they lie. */
  async facets(question) {
    const found = await this.#json("v1/search", { body: { question, size: 1, facets: true } });
    return found.facets ?? [];
  }

  feedback(answerId, rating, comment) {
    const body = { answer_id: answerId, rating, ...(comment ? { comment } : {}) };
    return this.#json("v1/feedback", { body });
  }

  /** The events of an answer; errors before the stream begins are thrown. */
  async *ask(question, { history, filters, signal }) {
    const body = { question, history, filters, stream: true };
    const response = await this.#call("v1/ask", { body, signal, accept: "text/event-stream" });
    yield* eventsOf(response);
  }

  async #json(path, options) {
    const response = await this.#call(path, { accept: "application/json", ...options });
    try {
      return await response.json();
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw unreadable(response);
    }
  }

  async #call(path, { body, signal, accept, authorization = this.authorization() }) {
    const headers = { Accept: accept };
    if (authorization) headers.Authorization = authorization;
    if (body !== undefined) headers["Content-Type"] = "application/json";
    let response;
    try {
      response = await fetch(path, {
        method: body === undefined ? "GET" : "POST",
        headers,
        body: body === undefined ? undefined : JSON.stringify(body),
        signal,
        cache: "no-store",
        credentials: "same-origin",
        redirect: "error",
        referrerPolicy: "no-referrer",
      });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new ApiError({
        code: "unreachable",
        message: "The server cannot be reached.",
        hint: "Check your connection and that esrag serve is running, then ask again.",
      });
    }
    if (!response.ok) throw await refused(response);
    return response;
  }
}

/** What an error of the API says, from an answer's body or an `error` event. */
export function described(error, { status = 0, retryAfter = 0, answer = null } = {}) {
  return new ApiError({
    status,
    retryAfter,
    answer,
    code: String(error?.code ?? "internal"),
    message: String(error?.message ?? "The server did not say what went wrong."),
    hint: String(error?.hint ?? ""),
    requestId: String(error?.request_id ?? ""),
  });
}

async function refused(response) {
  let body;
  try {
    body = await response.json();
  } catch {
    return unreadable(response);
  }
  const retryAfter = Number(response.headers.get("Retry-After")) || 0;
  return described(body?.error, {
    status: response.status,
    retryAfter,
    answer: body?.answer ?? null,
  });
}

function unreadable(response) {
  return new ApiError({
    status: response.status,
    code: "unreadable",
    message: `The server answered with status ${response.status} and nothing that can be read.`,
    hint: "Something between you and esrag serve may have answered in its place; ask again later.",
  });
}
