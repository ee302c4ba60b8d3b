// What outlives a reload of this tab and ends with it: the login and the conversation.
// Nothing is kept beyond the tab, so that the next person at the machine finds nothing.

const LOGIN = "esrag.login";
const TURNS = "esrag.turns";

function kept(name) {
  try {
    return sessionStorage.getItem(name);
  } catch {
    return null; // storage is switched off: everything lasts until the next reload
  }
}

function keep(name, value) {
  try {
    if (value) sessionStorage.setItem(name, value);
    else sessionStorage.removeItem(name);
    return true;
  } catch {
    return false;
  }
}

/** The login of this tab, as the value of an Authorization header. */
export class Login {
  #value = kept(LOGIN) ?? "";

  get value() {
    return this.#value;
  }

  set value(authorization) {
    this.#value = authorization;
    keep(LOGIN, authorization);
  }
}

/** The turns of the conversation as they were shown. */
export function keptTurns() {
  try {
    const turns = JSON.parse(kept(TURNS) ?? "[]");
    return Array.isArray(turns) ? turns : [];
  } catch {
    return [];
  }
}

/** Keeps `turns`; the oldest go when there is no room. */
export function keepTurns(turns) {
  let rest = turns;
  while (rest.length && !keep(TURNS, JSON.stringify(rest))) rest = rest.slice(1);
  if (!rest.length) keep(TURNS, "");
}
