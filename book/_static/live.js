// "Run this page": cells that the reader changes and runs, in a worker, with Python brought along.
// Without this script, WebAssembly or the files that it needs the page is as it is.
(function () {
  "use strict";
  const STATIC = new URL(".", document.currentScript.src).href;
  const MEGA = 1e6;
  const CELLS = "div.cell.tag_rl-live-cell, div.cell.tag-rl-live-cell"; // of chapters, and of pages

  /** @returns {HTMLElement} */
  function make(tag, settings = {}, ...children) {
    const element = Object.assign(document.createElement(tag), settings);
    element.append(...children);
    return element;
  }

  /** One Python in one worker; ended by stop(), started anew by the next run. */
  class Engine {
    constructor(config, progress) {
      Object.assign(this, { config, progress, worker: null, waiting: null, started: null, life: 0 });
    }

    start() {
      this.started ??= new Promise((resolve, reject) => {
        const { packages, python, modules } = this.config;
        this.life += 1;
        this.worker = new Worker(`${STATIC}live-worker.js`, { type: "module" });
        this.waiting = { resolve, reject };
        this.worker.onmessage = ({ data }) => this.hear(data);
        this.worker.onerror = event => this.fail(event.message || "its files cannot be loaded");
        this.worker.postMessage({
          start: { folder: `${STATIC}${python}/`, modules: `${STATIC}${modules}`, packages: packages.split(" ").filter(Boolean) },
        });
      });
      return this.started;
    }

    hear(data) {
      if (data.bytes) this.progress(data.bytes);
      else if (data.printed) this.print?.(data.printed);
      else if (data.drawn) this.draw?.(data.drawn);
      else if (data.failed) this.fail(data.failed);
      else {
        const { resolve } = this.waiting;
        this.waiting = null;
        resolve(data.done ?? true);
      }
    }

    run(source, setup, file, print, draw) {
      Object.assign(this, { print, draw });
      return new Promise((resolve, reject) => {
        this.waiting = { resolve, reject };
        this.worker.postMessage({ run: { source, setup, file } });
      });
    }

    /** End the worker, whatever it does; what it knew is gone. */
    fail(why) {
      this.worker?.terminate();
      const { waiting } = this;
      Object.assign(this, { worker: null, waiting: null, started: null });
      waiting?.reject(new Error(why));
    }
  }

  /** @param {{head: string[], rows: string[][]}} table */
  function drawn(table, more) {
    const line = (cells, tag) => make("tr", {}, ...cells.map(text => make(text === "" ? "td" : tag, { textContent: text })));
    const body = make("table", {}, make("thead", {}, line(table.head, "th")), make("tbody", {}, ...table.rows.map(row => line(row, "td"))));
    const box = make("div", { className: "pst-scrollable-table-container" }, body);
    if (more) box.append(make("p", { textContent: `… and ${more} more rows` }));
    return box;
  }

  const SVG = "http://www.w3.org/2000/svg", ACROSS = 640, UP = 300, LEFT = 62, RIGHT = 90, TOP = 26, BOTTOM = 44;

  function svg(tag, attributes, text) {
    const node = document.createElementNS(SVG, tag);
    for (const key in attributes) node.setAttribute(key, attributes[key]);
    if (text !== undefined) node.textContent = text;
    return node;
  }

  /** Round places for the ticks of an axis: decades, or steps of 1, 2 or 5. */
  function ticks(low, high, log) {
    if (log) {
      const every = Math.max(1, Math.ceil((high - low) / 6)), found = [];
      for (let n = Math.ceil(low); n <= high + 1e-9; n += every) found.push([n, n >= -2 && n <= 4 ? String(Number((10 ** n).toPrecision(3))) : `1e${n}`]);
      return found;
    }
    const rough = (high - low) / 5 || 1, size = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].find(n => n * size >= rough) * size, found = [];
    for (let n = Math.ceil(low / step - 1e-6); n * step <= high + step / 1e6; n += 1) found.push([n * step, String(Number((n * step).toPrecision(6)))]);
    return found;
  }

  /** Curves on axes; the page's colours for patterns and weights, and a name at the end of each. */
  function plotted({ curves, x, y, log, title }) {
    const scale = { x: log.includes("x") ? Math.log10 : Number, y: log.includes("y") ? Math.log10 : Number };
    const ends = axis => {
      const all = curves.flatMap(curve => curve[axis]).map(scale[axis]);
      const low = all.reduce((a, b) => Math.min(a, b), Infinity), high = all.reduce((a, b) => Math.max(a, b), -Infinity);
      return all.length ? [low, high > low ? high : low + 1] : [0, 1];
    };
    const [x0, x1] = ends("x"), [y0, y1] = ends("y");
    const px = n => LEFT + ((n - x0) / (x1 - x0)) * (ACROSS - LEFT - RIGHT), py = n => UP - BOTTOM - ((n - y0) / (y1 - y0)) * (UP - TOP - BOTTOM);
    const names = curves.map(curve => curve.name).join(", ");
    const picture = svg("svg", { viewBox: `0 0 ${ACROSS} ${UP}`, role: "img", class: "rl-plot", "aria-label": `${title || names}: ${y} against ${x}` });
    for (const [at, label] of ticks(x0, x1, log.includes("x"))) {
      picture.append(svg("line", { class: "rl-plot-grid", x1: px(at), x2: px(at), y1: TOP, y2: UP - BOTTOM }));
      picture.append(svg("text", { x: px(at), y: UP - BOTTOM + 16, "text-anchor": "middle" }, label));
    }
    for (const [at, label] of ticks(y0, y1, log.includes("y"))) {
      picture.append(svg("line", { class: "rl-plot-grid", x1: LEFT, x2: ACROSS - RIGHT, y1: py(at), y2: py(at) }));
      picture.append(svg("text", { x: LEFT - 6, y: py(at) + 4, "text-anchor": "end" }, label));
    }
    picture.append(svg("text", { x: (LEFT + ACROSS - RIGHT) / 2, y: UP - 8, "text-anchor": "middle" }, x));
    picture.append(svg("text", { x: LEFT, y: 14 }, title ? `${title}: ${y}` : y));
    const taken = [];
    curves.forEach((curve, n) => {
      if (!curve.x.length) return;
      const points = curve.x.map((value, i) => [px(scale.x(value)), py(scale.y(curve.y[i]))]);
      const line = points.map(([a, b]) => `${a.toFixed(1)} ${b.toFixed(1)}`).join("L");
      picture.append(svg("path", { class: `rl-plot-line rl-plot-${n % 4}`, d: `M${line}` }));
      let [a, b] = points.at(-1);
      while (taken.some(other => Math.abs(other - b) < 14)) b += 14; // names do not lie on each other
      taken.push(b);
      picture.append(svg("text", { class: `rl-plot-${n % 4}`, x: a + 6, y: b + 4 }, curve.name));
    });
    return picture;
  }

  class Cell {
    constructor(spec, block, number, page) {
      Object.assign(this, { spec, block, number, page, life: 0 });
      this.key = `rl-live:${location.pathname}:${spec.id}`;
    }

    open() {
      const code = this.block.querySelector(".cell_input, .cell-input");
      this.area = make("textarea", { value: this.kept() ?? this.spec.source, spellcheck: false, className: "rl-editor-code" });
      this.area.setAttribute("aria-label", `Code of live cell ${this.number}; Control and Enter run it`);
      this.area.setAttribute("autocapitalize", "off");
      this.area.addEventListener("input", () => { this.fit(); this.keep(this.area.value); });
      this.area.addEventListener("keydown", event => {
        if (event.key === "Enter" && (event.ctrlKey || event.metaKey || event.shiftKey)) {
          event.preventDefault();
          this.page.run(this);
        }
      });
      this.go = make("button", { type: "button", textContent: "Run", onclick: () => this.page.run(this) });
      this.back = make("button", { type: "button", textContent: "Reset", onclick: () => this.reset() });
      this.halt = make("button", { type: "button", textContent: "Stop", disabled: true, onclick: () => this.page.stop() });
      this.note = make("output", { className: "rl-editor-note" });
      this.out = make("div", { className: "rl-live-output", hidden: true });
      this.out.setAttribute("aria-live", "polite");
      const bar = make("div", { className: "rl-editor-bar" }, this.go, this.back, this.halt, this.note);
      code.after(make("div", { className: "rl-editor rl-only-screen" }, this.area, bar, this.out));
      code.classList.add("rl-replaced");
      this.block.classList.add("rl-opened");
      this.block.querySelector("details.above-input")?.setAttribute("open", "");
      this.fit();
    }

    fit() { this.area.rows = this.area.value.split("\n").length + 1; }

    kept() { try { return localStorage.getItem(this.key); } catch { return null; } }

    keep(text) {
      try {
        if (text === this.spec.source) localStorage.removeItem(this.key);
        else localStorage.setItem(this.key, text);
      } catch { /* a private window */ }
    }

    reset() {
      this.area.value = this.spec.source;
      this.keep(this.spec.source);
      this.fit();
      this.say("");
      this.out.hidden = true;
      this.block.classList.remove("rl-ran");
    }

    say(text) { this.note.value = text; }

    clear() {
      this.block.classList.add("rl-ran"); // the book's own output gives way
      this.out.replaceChildren();
      this.out.hidden = true;
    }

    print(text) {
      if (!(this.out.lastChild instanceof HTMLPreElement)) this.out.append(make("pre"));
      this.out.lastChild.textContent += text;
      this.out.hidden = false;
    }

    draw(picture) {
      const drawn = plotted(picture), old = this.out.querySelector("svg.rl-plot");
      if (old) old.replaceWith(drawn);
      else this.out.append(drawn);
      this.out.hidden = false;
    }

    show({ text, table, more, error }) {
      if (text) this.print(`${text}\n`);
      if (table) this.out.append(drawn(table, more));
      if (error) this.out.append(make("pre", { className: "rl-error", textContent: error }));
      this.out.hidden = !this.out.childElementCount;
      if (this.spec.exercise) this.block.classList.toggle("rl-solved", /: solved\.\s*$/.test(this.out.textContent));
    }
  }

  class LivePage {
    constructor(config, cells, bar) {
      Object.assign(this, { bar, loaded: 0, size: Number(config.size), busy: false });
      this.engine = new Engine(config, bytes => this.progress(bytes));
      this.cells = cells.map(({ spec, block }, place) => new Cell(spec, block, place + 1, this));
    }

    progress(bytes) {
      this.loaded += bytes;
      this.bar.meter.value = Math.min(this.loaded, this.size);
    }

    async open() {
      this.bar.button.disabled = true;
      this.bar.save.hidden = false;
      this.bar.file.hidden = !this.cells.some(cell => /\bgiven\(/.test(cell.spec.source));
      for (const cell of this.cells) cell.open();
      if (!(await this.start())) return;
      for (const cell of this.cells) if (!cell.spec.exercise && !(await this.run(cell))) return;
      this.tell("Ready: change the code and run it again.");
    }

    /** Keep the file that the reader chose, for every run from now on. */
    async take() {
      const [chosen] = this.bar.file.files;
      this.file = chosen && { name: chosen.name, bytes: await chosen.arrayBuffer() };
      if (chosen) this.tell(`${chosen.name} is at hand, in this browser alone: run the code that reads it.`);
    }

    /** Hand the reader what stands in the cells, as one file of Python. */
    save() {
      const name = location.pathname.split("/").at(-1).replace(/\.html$/, "");
      const parts = this.cells.map(cell => `# %% ${name}, cell ${cell.spec.id}\n${cell.spec.setup}\n\n${cell.area.value}\n`);
      const link = make("a", { href: URL.createObjectURL(new Blob([parts.join("\n\n")], { type: "text/x-python" })), download: `${name}.py` });
      link.click();
      URL.revokeObjectURL(link.href);
    }

    tell(text) { this.bar.note.value = text; }

    async start() {
      if (this.engine.started) return this.engine.started.then(() => true, () => false);
      this.loaded = 0;
      this.bar.meter.hidden = false;
      this.tell("Python is loading …");
      this.mark(true);
      try {
        await this.engine.start();
        this.tell("Python is ready.");
        return true;
      } catch (error) {
        this.tell(`Python did not start: ${error.message}`);
        this.bar.button.disabled = true;
        return false;
      } finally {
        this.bar.meter.hidden = true;
        this.mark(false);
      }
    }

    /** @returns {Promise<boolean>} whether it ran to its end, with an error of its own or without */
    async run(cell) {
      if (this.busy) return false;
      this.busy = true;
      try {
        if (!(await this.start())) return false;
        for (const place of cell.spec.needs) {
          const before = this.cells[place];
          if (before.life !== this.engine.life) await this.runOne(before);
        }
        return await this.runOne(cell);
      } finally {
        this.busy = false;
      }
    }

    async runOne(cell) {
      const began = performance.now();
      cell.clear();
      cell.say("running …");
      this.mark(true, cell);
      try {
        const shown = await this.engine.run(cell.area.value, cell.spec.setup, this.file, text => cell.print(text), picture => cell.draw(picture));
        cell.life = this.engine.life;
        cell.show(shown);
        cell.say(`${((performance.now() - began) / 1000).toFixed(2)} s`);
        return true;
      } catch (error) {
        cell.say(error.message);
        return false;
      } finally {
        this.mark(false);
      }
    }

    stop() { this.engine.fail("stopped; what ran before is forgotten, and the next run starts anew"); }

    /** Let one run at a time be started, and the one that goes on be stopped. */
    mark(busy, running) {
      for (const cell of this.cells) {
        cell.go.disabled = busy;
        cell.halt.disabled = !busy || cell !== running;
      }
    }
  }

  function start() {
    const script = document.querySelector("script.rl-live-cells");
    const title = document.querySelector("article h1");
    if (!script || !title || typeof WebAssembly !== "object" || typeof Worker !== "function") return;
    const specs = JSON.parse(script.textContent);
    const blocks = [...document.querySelectorAll(CELLS)];
    if (blocks.length !== specs.length) return;
    const note = make("output");
    const box = make("div", { className: "rl-live-bar rl-only-screen" });
    (document.querySelector(".rl-code-switch") ?? title).after(box);
    if (location.protocol === "file:") {
      box.append(make("p", { textContent: "The code of this page can be run here where the book comes from a server: make serve shows it so." }));
      return;
    }
    const button = make("button", { type: "button", textContent: "Run this page" });
    const size = Number(script.dataset.size);
    const meter = make("progress", { max: size, value: 0, hidden: true });
    meter.setAttribute("aria-label", "How much of Python is loaded");
    const says = `Change the code and run it, here in the browser. It loads ${Math.round(size / MEGA)} MB, once; nothing leaves your machine.`;
    const save = make("button", { type: "button", textContent: "Save my code", hidden: true });
    const file = make("input", { type: "file", hidden: true });
    file.setAttribute("aria-label", "A file for the code of this page; it stays in the browser");
    box.append(button, save, file, make("span", { textContent: says }), meter, note);
    const page = new LivePage(script.dataset, specs.map((spec, n) => ({ spec, block: blocks[n] })), { button, save, file, meter, note });
    file.addEventListener("change", () => page.take());
    save.addEventListener("click", () => page.save());
    button.addEventListener("click", () => page.open());
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
