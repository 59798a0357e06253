// Turns the formulas of a page into MathML, which the browser draws itself: Temml reads their TeX.
// Without this script the TeX is shown. No network.
(function () {
  "use strict";
  // such as {"\\R": "\\mathbb{R}"}; what the book calls so in _config.yml
  const macros = JSON.parse(document.currentScript.dataset.macros || "{}");

  /** @param {Element} place an element that holds one formula: \(…\), \[…\] or \begin{…} */
  function typeset(place) {
    const text = place.textContent.trim(), whole = text.startsWith("\\begin{");
    const display = whole || text.startsWith("\\[");
    if (!display && !text.startsWith("\\(")) return; // typeset already
    // a formula within a line may be broken at its relations; one of its own scrolls
    const options = { displayMode: display, wrap: display ? "none" : "tex", macros: { ...macros } };
    temml.render(whole ? text : text.slice(2, -2), place, options);
  }

  /** @param {ParentNode} part */
  function typesetAll(part) {
    for (const place of part.querySelectorAll(".math")) typeset(place);
  }

  window.rlFormulas = typesetAll; // for what is added to the page later
  const start = () => {
    typesetAll(document);
    document.documentElement.dataset.formulas = "set";
  };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
