// Who asks: the server's token, or the reader's own login to Elasticsearch.

import { button, fill, make } from "./dom.js";

/** Shows the login and calls `enter(authorization)` until that does not throw. */
export class LoginForm {
  constructor(enter) {
    this.element = document.getElementById("login");
    this.enter = enter;
    this.problem = make("p", { className: "field-problem", role: "alert" });
  }

  show(kind, problem = "") {
    this.problem.textContent = problem;
    this.element.hidden = false;
    if (kind === "elasticsearch") this.#drawElasticsearch("key");
    else {this.#draw(
        "This server asks for a token.",
        [field("token", "Token", "password", "off")],
        (values) => `Bearer ${values.token}`,
      );}
  }

  hide() {
    this.element.hidden = true;
    fill(this.element);
  }

  #drawElasticsearch(way) {
    const other = way === "key" ? "password" : "key";
    const change = button(
      { className: "plain", onclick: () => this.#drawElasticsearch(other) },
      way === "key" ? "Use a name and a password" : "Use an API key",
    );
    const fields = way === "key"
      ? [
        field(
          "key",
          "API key",
          "password",
          "off",
          "The encoded form: one long word without spaces",
        ),
      ]
      : [
        field("user", "Name", "text", "username"),
        field("password", "Password", "password", "current-password"),
      ];
    const header = way === "key"
      ? (values) => `ApiKey ${values.key}`
      : (values) => `Basic ${base64(`${values.user}:${values.password}`)}`;
    this.#draw(
      "Use your own login to Elasticsearch: you find what you may read there.",
      fields,
      header,
      change,
    );
  }

  #draw(words, fields, header, change = null) {
    const form = make(
      "form",
      { className: "login-card" },
      make("h1", { id: "login-title" }, "Sign in"),
      make("p", {}, words),
      ...fields,
      this.problem,
      make(
        "div",
        { className: "login-row" },
        make("button", { type: "submit", className: "primary" }, "Sign in"),
        change,
      ),
      make(
        "p",
        { className: "login-note" },
        "Kept in this tab, and forgotten when you close it or sign out.",
      ),
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit(form, header);
    });
    fill(this.element, form);
    form.querySelector("input").focus();
  }

  async #submit(form, header) {
    const inputs = [...form.querySelectorAll("input")];
    // a password may begin or end with a space; what is copied into the others does by accident
    const values = Object.fromEntries(
      inputs.map((
        input,
      ) => [input.name, input.name === "password" ? input.value : input.value.trim()]),
    );
    const empty = inputs.find((input) => !values[input.name]);
    if (empty) {
      this.problem.textContent = "Fill in every field.";
      empty.focus();
      return;
    }
    const submit = form.querySelector("button[type=submit]");
    submit.disabled = true;
    try {
      await this.enter(header(values));
    } catch (error) {
      this.problem.textContent = error.needsLogin
        ? "This login is not accepted: it is mistyped, expired or withdrawn."
        : `${error.message} ${error.hint ?? ""}`;
      form.querySelector("input").focus();
    } finally {
      submit.disabled = false;
    }
  }
}

function field(name, label, type, autocomplete, hint = "") {
  const input = make("input", {
    id: `login-${name}`,
    name,
    type,
    autocomplete,
    spellcheck: false,
    autocapitalize: "none",
  });
  if (hint) input.setAttribute("aria-describedby", `login-${name}-hint`);
  return make(
    "div",
    { className: "field" },
    make("label", { for: input.id }, label),
    input,
    hint ? make("p", { className: "field-hint", id: `login-${name}-hint` }, hint) : null,
  );
}

/** Base64 of the UTF-8 form, which a header can carry. */
function base64(text) {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}
