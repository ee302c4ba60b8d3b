// Light or dark, before anything is painted: therefore a plain script in the head.
// "system" follows prefers-color-scheme; the choice stays in this browser.
(() => {
  "use strict";
  const NAME = "esrag.theme";
  const ORDER = ["system", "light", "dark"];
  const WORDS = {
    system: "Colours: as the system has them",
    light: "Colours: light",
    dark: "Colours: dark",
  };

  function stored() {
    try {
      const value = localStorage.getItem(NAME);
      return ORDER.includes(value) ? value : "system";
    } catch {
      return "system"; // storage is switched off
    }
  }

  function apply(theme) {
    document.documentElement.dataset.theme = theme;
    const label = document.getElementById("theme-label");
    if (label) label.textContent = WORDS[theme];
    const button = document.getElementById("theme");
    if (button) button.title = WORDS[theme];
  }

  let theme = stored();
  apply(theme);
  document.addEventListener("DOMContentLoaded", () => {
    apply(theme);
    document.getElementById("theme").addEventListener("click", () => {
      theme = ORDER[(ORDER.indexOf(theme) + 1) % ORDER.length];
      try {
        localStorage.setItem(NAME, theme);
      } catch {
        // it holds for this visit only
      }
      apply(theme);
    });
  });
})();
