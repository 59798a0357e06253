// "Run this page": cells that the reader changes and runs, in a worker, with Python brought along.
// Without this script, WebAssembly or the files that it needs the page is as it is.
(function () {
  "use strict";
  const STATIC = new URL(".", document.currentScript.src).href;
  const MEGA = 1e6;
  const GIVEN = /\bgiven\(/; // in the code of a cell that asks for the reader's files
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
        const { packages, python, modules, parquet } = this.config;
        this.life += 1;
        this.worker = new Worker(`${STATIC}live-worker.js`, { type: "module" });
        this.waiting = { resolve, reject };
        this.worker.onmessage = ({ data }) => this.hear(data);
        this.worker.onerror = event => this.fail(event.message || "its files cannot be loaded");
        this.worker.postMessage({
          start: {
            folder: `${STATIC}${python}/`, modules: `${STATIC}${modules}`, packages: packages.split(" ").filter(Boolean),
            parquet: parquet && `${STATIC}${parquet}/index.js`,
          },
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

    run(source, spec, given, print, draw) {
      Object.assign(this, { print, draw });
      return new Promise((resolve, reject) => {
        this.waiting = { resolve, reject };
        this.worker.postMessage({ run: { source, setup: spec.setup, packages: spec.packages, given } });
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

  /** A plain field, for a book that was built without an editor. */
  function field({ text, label, changed, run }) {
    const area = make("textarea", { value: text, spellcheck: false, className: "rl-editor-code" });
    const fit = () => { area.rows = area.value.split("\n").length + 1; };
    area.setAttribute("aria-label", label);
    area.setAttribute("autocapitalize", "off");
    area.addEventListener("input", () => { fit(); changed(area.value); });
    area.addEventListener("keydown", event => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey || event.shiftKey)) {
        event.preventDefault();
        run();
      }
    });
    fit();
    return {
      element: area,
      get value() { return area.value; },
      set value(code) { area.value = code; fit(); changed(code); },
    };
  }

  class Cell {
    constructor(spec, block, number, page) {
      Object.assign(this, { spec, block, number, page, life: 0 });
      this.key = `rl-live:${location.pathname}:${spec.id}`;
    }

    open(editor) {
      window.rlUnfold?.(this.block); // book.js: the code may be folded away
      const code = this.block.querySelector(".cell_input, .cell-input");
      this.code = editor({
        text: this.kept() ?? this.spec.source,
        label: `Code of live cell ${this.number}; Control and Enter run it`,
        changed: text => this.keep(text),
        run: () => this.page.run(this),
      });
      this.block.liveCode = this.code; // by which a script, such as a test, reads and writes it
      this.go = make("button", { type: "button", textContent: "Run", onclick: () => this.page.run(this) });
      this.back = make("button", { type: "button", textContent: "Reset", onclick: () => this.reset() });
      this.halt = make("button", { type: "button", textContent: "Stop", disabled: true, onclick: () => this.page.stop() });
      this.note = make("output", { className: "rl-editor-note" });
      this.out = make("div", { className: "rl-live-output", hidden: true });
      this.out.setAttribute("aria-live", "polite");
      const bar = make("div", { className: "rl-editor-bar" }, this.go, this.back, this.halt, this.note);
      code.after(make("div", { className: "rl-editor rl-only-screen" }, this.code.element, bar, this.out));
      code.classList.add("rl-replaced");
      this.block.classList.add("rl-opened");
      this.block.querySelector("details.above-input")?.setAttribute("open", "");
    }

    kept() { try { return localStorage.getItem(this.key); } catch { return null; } }

    keep(text) {
      try {
        if (text === this.spec.source) localStorage.removeItem(this.key);
        else localStorage.setItem(this.key, text);
      } catch { /* a private window */ }
    }

    reset() {
      this.code.value = this.spec.source;
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
      if (!(this.out.lastChild instanceof HTMLPreElement)) this.out.append(make("pre", { tabIndex: 0 }));
      this.out.lastChild.textContent += text;
      this.out.hidden = false;
    }

    draw(picture) {
      const drawn = this.page.tools.pictured(picture), old = this.out.querySelector(`[data-picture="${picture.kind}"]`);
      if (old) old.replaceWith(drawn);
      else this.out.append(drawn);
      this.out.hidden = false;
    }

    show({ text, table, more, error }) {
      if (text) this.print(`${text}\n`);
      if (table) this.out.append(this.page.tools.tabled(table, more));
      if (error) this.out.append(make("pre", { className: "rl-error", textContent: error, tabIndex: 0 }));
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
      this.bar.meter.hidden = false;
    }

    async open() {
      this.bar.button.disabled = true;
      const { editor } = this.engine.config;
      try {
        this.tools = await import(`${STATIC}live-draw.js`);
      } catch (error) {
        return this.tell(`A script of this page cannot be loaded: ${error.message}`);
      }
      this.editor = editor ? await import(`${STATIC}live-editor.js`).then(script => script.editor, () => field) : field;
      for (const part of [this.bar.save, this.bar.hand]) part.hidden = false;
      this.bar.given.hidden = !this.cells.some(cell => GIVEN.test(cell.spec.source));
      for (const cell of this.cells) cell.open(this.editor);
      if (!(await this.start())) return;
      for (const cell of this.cells) if (!cell.spec.exercise && !(await this.run(cell))) return;
      this.tell("Ready: change the code and run it again.");
    }

    /** Keep the files that the reader gave, for every run from now on, and judge them. */
    async take(files) {
      if (!files.length) return;
      const read = await Promise.all(files.map(async file => ({ name: file.name, bytes: await file.arrayBuffer() })));
      this.given = { number: (this.given?.number ?? 0) + 1, files: read };
      this.tell(`${files.map(file => file.name).join(", ")}: at hand, in this browser alone.`);
      const reader = this.cells.find(cell => GIVEN.test(cell.spec.source));
      if (reader) await this.run(reader);
    }

    /** Hand the reader what stands in the cells, as one file. */
    save(ending, type, content) {
      const link = make("a", { href: URL.createObjectURL(new Blob([content], { type })), download: `${this.name}.${ending}` });
      link.click();
      URL.revokeObjectURL(link.href);
    }

    get name() { return location.pathname.split("/").at(-1).replace(/\.html$/, ""); }

    asPython() {
      return this.cells.map(cell => `# %% ${this.name}, cell ${cell.spec.id}\n${cell.spec.setup}\n\n${cell.code.value}\n`).join("\n\n");
    }

    /** A notebook to hand in: the cells in their order, with what they printed here. */
    asNotebook() {
      const lines = text => text.split(/(?<=\n)/);
      const title = document.querySelector("article h1").firstChild.textContent.trim();
      const head = { cell_type: "markdown", id: "title", metadata: {}, source: lines(`# ${title}\n\nWhat stood in the live cells of the page \`${this.name}\`, with what they printed there.`) };
      const cells = this.cells.map(({ spec, code, block, out }) => ({
        cell_type: "code",
        id: spec.id.replace(/[^\w-]/g, "-").slice(0, 64),
        metadata: { tags: [spec.exercise ? "exercise" : "live"], solved: block.classList.contains("rl-solved") },
        execution_count: null,
        source: lines([spec.setup, code.value].filter(Boolean).join("\n\n")),
        outputs: out.textContent && !out.hidden ? [{ output_type: "stream", name: "stdout", text: lines([...out.querySelectorAll("pre")].map(pre => pre.textContent).join("\n")) }] : [],
      }));
      const kernelspec = { display_name: "Python 3", language: "python", name: "python3" };
      return JSON.stringify({ cells: [head, ...cells], metadata: { kernelspec, regime: { chapter: this.name, from: "page" } }, nbformat: 4, nbformat_minor: 5 }, null, 1);
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
        const given = GIVEN.test(cell.code.value) ? this.given : null; // others need not wait for it, nor fail by it
        const shown = await this.engine.run(cell.code.value, cell.spec, given, text => cell.print(text), picture => cell.draw(picture));
        cell.life = this.engine.life;
        cell.show(shown);
        cell.say(`${((performance.now() - began) / 1000).toFixed(2)} s`);
        return true;
      } catch (error) {
        cell.say(error.message);
        return false;
      } finally {
        this.bar.meter.hidden = true; // a wheel may have come only now
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

  /** The files that were dropped; of a folder, those directly in it. */
  async function dropped(transfer) {
    const entries = [...transfer.items].map(item => item.webkitGetAsEntry?.()).filter(Boolean);
    const folder = entries.find(entry => entry.isDirectory);
    if (!folder) return [...transfer.files];
    const found = await new Promise((resolve, reject) => folder.createReader().readEntries(resolve, reject));
    return Promise.all(found.filter(entry => entry.isFile).map(entry => new Promise((resolve, reject) => entry.file(resolve, reject))));
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
    const says = `Change the code and run it, here in the browser. It loads ${Math.round((size + Number(script.dataset.scripts)) / MEGA)} MB, once; nothing leaves your machine.`;
    const save = make("button", { type: "button", textContent: "Save my code", hidden: true });
    const hand = make("button", { type: "button", textContent: "Save as a notebook", hidden: true });
    const file = make("input", { type: "file", multiple: true });
    const given = make("label", { className: "rl-drop", hidden: true }, "Drop your trace here, or choose its files: ", file);
    box.append(button, save, hand, make("span", { textContent: says }), meter, note, given);
    const page = new LivePage(script.dataset, specs.map((spec, n) => ({ spec, block: blocks[n] })), { button, save, hand, given, meter, note });
    file.addEventListener("change", () => page.take([...file.files]));
    given.addEventListener("dragover", event => { event.preventDefault(); given.classList.add("rl-over"); });
    given.addEventListener("dragleave", () => given.classList.remove("rl-over"));
    given.addEventListener("drop", async event => {
      event.preventDefault();
      given.classList.remove("rl-over");
      page.take(await dropped(event.dataTransfer));
    });
    save.addEventListener("click", () => page.save("py", "text/x-python", page.asPython()));
    hand.addEventListener("click", () => page.save("ipynb", "application/x-ipynb+json", page.asNotebook()));
    button.addEventListener("click", () => page.open());
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
