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

  /** Tells logins apart without being one. */
  get mark() {
    let mark = 0x811c9dc5;
    for (const character of this.#value) {
      mark = Math.imul(mark ^ character.codePointAt(0), 0x01000193);
    }
    return this.#value ? `login ${mark >>> 0}` : "";
  }

  set value(authorization) {
    this.#value = authorization;
    keep(LOGIN, authorization);
  }
}

/** The turns of the conversation as they were shown to `caller`; nobody else gets them. */
export function keptTurns(caller) {
  try {
    const { of, turns } = JSON.parse(kept(TURNS) ?? "{}");
    if (of === caller && Array.isArray(turns)) return turns;
    keep(TURNS, "");
    return [];
  } catch {
    return [];
  }
}

/** Keeps `turns` for `caller`; the oldest go when there is no room. */
export function keepTurns(turns, caller) {
  let rest = turns;
  while (rest.length && !keep(TURNS, JSON.stringify({ of: caller, turns: rest }))) {
    rest = rest.slice(1);
  }
  if (!rest.length) keep(TURNS, "");
}
