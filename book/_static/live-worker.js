// Python in a worker of its own: it loads, runs one cell after the other, and can be ended at once.
// What it is told: {start: {...}}, {run: {...}}. What it tells: {bytes}, {ready}, {printed}, {drawn}, {done}, {failed}.
const MOST = 200_000; // characters that one run may print
const PAUSE = 60; // milliseconds between two messages of what was printed
const LIBRARY = "/lib/book";

let python, runner, names, text = "", said = 0, last = 0;

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

async function start({ folder, modules, packages }) {
  const { loadPyodide } = await import(`${folder}pyodide.mjs`);
  python = await loadPyodide({ indexURL: folder });
  python.setStdout({ write: printing(new TextDecoder()) });
  python.setStderr({ write: printing(new TextDecoder()) });
  await python.loadPackage(packages, { messageCallback() {} });
  const archive = await (await fetch(modules)).arrayBuffer();
  python.unpackArchive(archive, "zip", { extractDir: LIBRARY });
  python.runPython(`import sys; sys.path.insert(0, "${LIBRARY}")`);
  runner = python.pyimport("runner");
  python.pyimport("page").send = picture => { flush(); self.postMessage({ drawn: JSON.parse(picture) }); };
  names = python.runPython("{'__name__': '__main__'}");
}

/** Put the reader's file where page.given() finds it: one at a time. */
function hold({ name, bytes }) {
  python.FS.mkdirTree("given");
  for (const old of python.FS.readdir("given")) if (!old.startsWith(".")) python.FS.unlink(`given/${old}`);
  python.FS.writeFile(`given/${name.replace(/^\.+|\//g, "_")}`, new Uint8Array(bytes));
}

self.onmessage = async ({ data }) => {
  try {
    if (data.start) {
      await start(data.start);
      self.postMessage({ ready: true });
    } else {
      said = 0;
      if (data.run.file) hold(data.run.file);
      const shown = JSON.parse(runner.run(data.run.source, names, data.run.setup));
      flush();
      self.postMessage({ done: shown });
    }
  } catch (error) {
    flush();
    self.postMessage({ failed: String(error?.message || error) });
  }
};
