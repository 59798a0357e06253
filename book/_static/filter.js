// Filters of the scorecard: each line knows its paper, kind, verdict, firmness and source.
// Without this script every line is shown, and opens on its own.
(function () {
  "use strict";

  /** @param {HTMLFormElement} form */
  function liven(form) {
    const rows = [...document.querySelectorAll(".rl-compact > .rl-row")];
    const fields = [...form.querySelectorAll("select")];
    const said = form.querySelector("output");

    function show() {
      const wanted = fields.filter(field => field.value);
      for (const row of rows) row.hidden = !wanted.every(field => row.dataset[field.name] === field.value);
      for (const list of document.querySelectorAll(".rl-compact")) {
        list.hidden = ![...list.children].some(row => !row.hidden);
        list.previousElementSibling.hidden = list.hidden; // its heading
      }
      for (const section of document.querySelectorAll("section:has(> .rl-compact)"))
        section.hidden = ![...section.querySelectorAll(".rl-row")].some(row => !row.hidden);
      const count = rows.filter(row => !row.hidden).length;
      said.value = `${count} of ${rows.length} claims`;
    }

    /** Keep the choice in the address, so that a filtered scorecard can be linked. */
    function keep() {
      const query = new URLSearchParams(fields.filter(f => f.value).map(f => [f.name, f.value]));
      try { history.replaceState(null, "", query.size ? `?${query}` : location.pathname); } catch { /* a file */ }
    }

    const asked = new URLSearchParams(location.search);
    for (const field of fields)
      if ([...field.options].some(option => option.value === asked.get(field.name))) field.value = asked.get(field.name);
    form.addEventListener("input", () => { show(); keep(); });
    form.addEventListener("reset", () => setTimeout(() => { show(); keep(); }));
    form.addEventListener("submit", event => event.preventDefault());
    form.hidden = false;
    show();
  }

  function start() { document.querySelectorAll("form.rl-filter").forEach(liven); }
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
