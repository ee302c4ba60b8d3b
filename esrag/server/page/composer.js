// The field in which a question is written, and the buttons that ask and stop.

const NEARLY = 0.8; // from this share of the longest question on, the rest is counted

export class Composer {
  constructor({ onAsk, onStop }) {
    this.form = document.getElementById("composer");
    this.field = document.getElementById("question");
    this.askButton = document.getElementById("ask");
    this.stopButton = document.getElementById("stop");
    this.hint = document.getElementById("composer-hint");
    this.words = this.hint.firstElementChild;
    this.longest = 8000;
    this.busy = false;
    this.onAsk = onAsk;
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.field.addEventListener("keydown", (event) => {
      // an Enter that ends the choice of a character in an input method asks nothing
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#submit();
    });
    this.field.addEventListener("input", () => this.#changed());
    this.stopButton.addEventListener("click", onStop);
    this.#changed();
  }

  get value() {
    return this.field.value;
  }

  set value(text) {
    this.field.value = text;
    this.#changed();
  }

  /** While an answer comes there is a stop button where the ask button was. */
  set running(running) {
    const hadFocus = [this.askButton, this.stopButton].includes(document.activeElement);
    this.busy = running;
    this.askButton.hidden = running;
    this.stopButton.hidden = !running;
    if (hadFocus) (running ? this.stopButton : this.field).focus();
  }

  focus() {
    this.field.focus({ preventScroll: true });
  }

  #submit() {
    const question = this.field.value.trim();
    if (!question || this.busy || this.#over() > 0) return;
    this.value = "";
    this.onAsk(question);
  }

  #over() {
    return Array.from(this.field.value).length - this.longest;
  }

  #changed() {
    const over = this.#over();
    this.askButton.setAttribute("aria-disabled", String(!this.field.value.trim() || over > 0));
    this.hint.classList.toggle("over", over > 0);
    if (over > 0) this.words.textContent = `${over} characters too many`;
    else if (over > -this.longest * (1 - NEARLY)) {
      this.words.textContent = `${-over} characters left`;
    } else this.words.textContent = "Enter asks, Shift and Enter begins a new line";
    this.words.classList.toggle("keys", over <= -this.longest * (1 - NEARLY));
  }
}
