// One switch for the code of a page and of the whole book: it is remembered in this browser.
// Without this script each cell still opens on its own.
(function () {
  "use strict";
  const KEY = "rl-code";
  const root = document.documentElement;

  /** @returns {boolean} whether the reader last asked to see the code */
  function remembered() {
    try { return localStorage.getItem(KEY) === "shown"; } catch { return false; }
  }

  /** @param {boolean} shown */
  function remember(shown) {
    try { localStorage.setItem(KEY, shown ? "shown" : "folded"); } catch { /* a private window */ }
  }

  /** @param {boolean} shown @param {HTMLButtonElement} button */
  function fold(shown, button) {
    root.classList.toggle("rl-code", shown);
    for (const cell of document.querySelectorAll("details.above-input")) cell.open = shown;
    button.setAttribute("aria-pressed", String(shown));
    button.textContent = shown ? "Hide all code" : "Show all code";
  }

  function start() {
    const title = document.querySelector("article h1");
    if (!title || !document.querySelector("details.above-input")) return;
    root.classList.add("rl-folds");
    const button = document.createElement("button");
    button.type = "button";
    button.className = "rl-code-switch";
    button.addEventListener("click", () => {
      const shown = !root.classList.contains("rl-code");
      remember(shown);
      fold(shown, button);
    });
    title.after(button);
    fold(remembered(), button);
    // a link to a place inside a folded cell opens it
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target) target.closest("details")?.setAttribute("open", "");
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
