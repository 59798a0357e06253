// Python in a worker of its own: it loads, runs one cell after the other, and can be ended at once.
// What it is told: {start: {...}}, {run: {...}}. What it tells: {bytes}, {ready}, {printed}, {drawn}, {done}, {failed}.
const MOST = 200_000; // characters that one run may print
const PAUSE = 60; // milliseconds between two messages of what was printed
const LIBRARY = "/lib/book";

let python, runner, names, reader, held, known = [], text = "", said = 0, last = 0;

/** Count what arrives, so that the page can show how far loading is. What does not come is told here:
 *  Pyodide would wait for it for ever. */
const plain = self.fetch.bind(self);
self.fetch = async (...asked) => {
  const answer = await plain(...asked).catch(() => null);
  if (!answer?.ok) {
    const name = String(asked[0]?.url ?? asked[0]).split("/").at(-1);
    self.postMessage({ failed: `${name} cannot be loaded` });
    throw new TypeError(`${name} cannot be loaded`);
  }
  if (!answer.body) return answer;
  const counting = new TransformStream({
    transform(chunk, out) { self.postMessage({ bytes: chunk.byteLength }); out.enqueue(chunk); },
  });
  return new Response(answer.body.pipeThrough(counting), answer);
};

function flush() {
  if (text) self.postMessage({ printed: text });
  text = "";
  last = performance.now();
}

/** @param {TextDecoder} decoder */
function printing(decoder) {
  return bytes => {
    const more = decoder.decode(bytes, { stream: true });
    if (said < MOST) text += said + more.length < MOST ? more : more.slice(0, MOST - said) + "\n… what follows is not shown\n";
    said += more.length;
    if (performance.now() - last > PAUSE) flush();
    return bytes.length;
  };
}

/** Load the wheels that some code needs, SciPy as late as can be: it is most of what a page loads. */
async function bring(wanted, source) {
  const needed = known.filter(name => wanted.includes(name) || source.includes(name));
  if (needed.length) await python.loadPackage(needed, { messageCallback() {} });
}

async function start({ folder, modules, packages, parquet }) {
  known = packages;
  reader = parquet;
  const { loadPyodide } = await import(`${folder}pyodide.mjs`);
  python = await loadPyodide({ indexURL: folder });
  python.setStdout({ write: printing(new TextDecoder()) });
  python.setStderr({ write: printing(new TextDecoder()) });
  const archive = await (await fetch(modules)).arrayBuffer();
  python.unpackArchive(archive, "zip", { extractDir: LIBRARY });
  python.runPython(`import sys; sys.path.insert(0, "${LIBRARY}")`);
  runner = python.pyimport("runner");
  python.pyimport("page").send = picture => { flush(); self.postMessage({ drawn: JSON.parse(picture) }); };
  names = python.runPython("{'__name__': '__main__'}");
}

/** Columns of a Parquet file as JSON, which Python reads without a package of its own. */
async function columns(bytes, name) {
  if (!reader) throw new Error(`${name}: this book was built without a reader of Parquet; give JSON or CSV`);
  const { parquetReadObjects, parquetMetadata } = await import(reader);
  const file = bytes.slice(0), rows = await parquetReadObjects({ file });
  const found = {};
  for (const { name: column } of parquetMetadata(file).schema.slice(1)) found[column] = rows.map(row => row[column]);
  return new TextEncoder().encode(JSON.stringify(found, (_, value) => (typeof value === "bigint" ? Number(value) : value)));
}

/** Put the reader's files where page.given() finds them, and no others. */
async function hold({ number, files }) {
  if (held === number) return;
  python.FS.mkdirTree("given");
  for (const old of python.FS.readdir("given")) if (!old.startsWith(".")) python.FS.unlink(`given/${old}`);
  for (const { name, bytes } of files) {
    const plain = name.replace(/^\.+|\//g, "_"), packed = /\.parquet$/i.test(name);
    if (packed && /^(groups|units)-/.test(name)) continue; // no series: a saved trace has them beside
    python.FS.writeFile(`given/${plain}${packed ? ".json" : ""}`, packed ? await columns(bytes, name) : new Uint8Array(bytes));
  }
  held = number;
}

self.onmessage = async ({ data }) => {
  try {
    if (data.start) {
      await start(data.start);
      self.postMessage({ ready: true });
    } else {
      said = 0;
      if (data.run.given) {
        try {
          await hold(data.run.given);
        } catch (error) { // what the reader brings is no reason to end Python
          self.postMessage({ done: { error: `what was given cannot be read: ${error.message}` } });
          return;
        }
      }
      await bring(data.run.packages, data.run.source);
      const shown = JSON.parse(runner.run(data.run.source, names, data.run.setup));
      runner.release();
      flush();
      self.postMessage({ done: shown });
    }
  } catch (error) {
    flush();
    self.postMessage({ failed: String(error?.message || error) });
  }
};
