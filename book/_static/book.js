// One switch for the code of a page and of the whole book: it is remembered in this browser. What is
// folded away is one text until it is opened (regime_lib/companion/publish/fold.py).
// Without scripts each part still opens on its own.
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

  let settled = false, copied = 0; // whether every script has seen the page as it came

  const FOLDED = "details, .solution";

  /** Builds what one of them keeps. @param {Element} folded */
  function unfold(folded) {
    const kept = folded.querySelector(":scope > noscript");
    if (!kept) return;
    const made = document.createElement("template");
    made.innerHTML = kept.textContent;
    kept.replaceWith(made.content);
    window.rlFormulas?.(folded);
    if (settled) for (const listing of folded.querySelectorAll("div.highlight pre")) offerCopy(listing);
  }

  /** Says what a click does now: show or hide. @param {HTMLDetailsElement} folded */
  function rename(folded) {
    const name = folded.querySelector(":scope > summary > [data-open]");
    if (!name) return;
    name.dataset.closed ??= name.textContent;
    name.textContent = folded.open ? name.dataset.open : name.dataset.closed;
  }

  /** As sphinx-copybutton does for what it finds at first. @param {Element} listing */
  function offerCopy(listing) {
    const like = document.querySelector("button.copybtn");
    if (!like) return;
    const button = like.cloneNode(true);
    listing.id = `unfolded${copied++}`;
    button.dataset.clipboardTarget = `#${listing.id}`;
    listing.after(button);
  }

  /** Builds all that a part of the page keeps. @param {ParentNode} part */
  function unfoldAll(part = document) {
    for (const folded of part.querySelectorAll(FOLDED)) unfold(folded);
  }
  window.rlUnfold = unfoldAll;

  /** Shows the place that the address names, also where it is folded away. */
  function reveal() {
    let id;
    try { id = decodeURIComponent(location.hash.slice(1)); } catch { return; }
    if (!id) return;
    let target = document.getElementById(id);
    if (!target) {
      const named = `id="${id}"`;
      const kept = [...document.querySelectorAll(`:is(${FOLDED}) > noscript`)].find(one => one.textContent.includes(named));
      if (kept) unfold(kept.parentElement);
      target = document.getElementById(id);
    }
    const around = target?.closest("details");
    if (!around || around.open) return;
    around.open = true;
    target.scrollIntoView();
  }

  /** @param {boolean} shown @param {HTMLButtonElement} button */
  function fold(shown, button) {
    root.classList.toggle("rl-code", shown);
    for (const cell of document.querySelectorAll("details.above-input")) {
      if (shown) unfold(cell);
      cell.open = shown;
    }
    button.setAttribute("aria-pressed", String(shown));
    button.textContent = shown ? "Hide all code" : "Show all code";
  }

  function start() {
    document.addEventListener("click", event => {
      const opened = event.target.closest?.("summary, .solution");
      if (opened) unfold(opened.matches("summary") ? opened.parentElement : opened);
    }, true);
    document.addEventListener("toggle", event => {
      unfold(event.target); // where it was opened by other means
      rename(event.target);
    }, true);
    document.addEventListener("keydown", event => {
      if ((event.ctrlKey || event.metaKey) && event.key === "f") unfoldAll(); // to be found
    });
    window.addEventListener("hashchange", reveal);
    window.addEventListener("beforeprint", () => unfoldAll());
    offerSwitch();
    reveal();
  }

  function offerSwitch() {
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
  }

  document.addEventListener("DOMContentLoaded", () => { settled = true; });
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
