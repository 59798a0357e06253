// Predict, then reveal: a question before a chapter's results. The score stays in this browser.
(function () {
  "use strict";
  const KEY = "rl-predictions";

  /** @returns {Record<string, boolean>} by claim, whether the prediction was right */
  function kept() {
    try { return JSON.parse(localStorage.getItem(KEY)) ?? {}; } catch { return {}; }
  }

  /** @param {Record<string, boolean>} votes */
  function keep(votes) {
    try { localStorage.setItem(KEY, JSON.stringify(votes)); } catch { /* a private window */ }
  }

  /** @param {HTMLFormElement} form */
  function liven(form) {
    const { claim, answer } = form.dataset;
    const buttons = [...form.querySelectorAll(".rl-choices button")];
    const said = form.querySelector("output");
    const first = document.querySelector("article h2")?.closest("section");
    if (first) first.before(form); // before the results

    /** @param {string} words */
    function reveal(words) {
      const all = Object.values(kept());
      form.querySelector(".rl-revealed").hidden = false;
      for (const button of buttons) button.disabled = true;
      said.value = `${words} Your predictions in this book: ${all.filter(Boolean).length} of ${all.length} right.`;
    }

    for (const button of buttons)
      button.addEventListener("click", () => {
        button.setAttribute("aria-pressed", "true");
        keep({ ...kept(), [claim]: button.value === answer });
        reveal(button.value === answer ? "As you expected." : "Not as you expected.");
      });
    form.addEventListener("submit", event => event.preventDefault());
    form.hidden = false;
    if (claim in kept()) reveal("You have predicted this before.");
  }

  function start() { document.querySelectorAll("form.rl-predict").forEach(liven); }
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
