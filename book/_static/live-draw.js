// What a live cell shows: tables, curves, the flips of units, and scenes, which scene.js draws.
function make(tag, settings = {}, ...children) {
  const element = Object.assign(document.createElement(tag), settings);
  element.append(...children);
  return element;
}

/** @param {{head: string[], rows: string[][]}} table */
export function tabled(table, more) {
  const line = (cells, tag) => make("tr", {}, ...cells.map(text => make(text === "" ? "td" : tag, { textContent: text })));
  const body = make("table", {}, make("thead", {}, line(table.head, "th")), make("tbody", {}, ...table.rows.map(row => line(row, "td"))));
  // The theme takes the tab stop from what does not scroll, but gives it to what does only later.
  const box = make("div", { className: "pst-scrollable-table-container", tabIndex: 0 }, body);
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
function curves({ curves, x, y, log, title }) {
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

/** Shares from 0 to 1 as a picture of one dot each: of the first curve's colour, as dense as the share. */
function dots(rows) {
  const canvas = make("canvas", { width: rows[0].length, height: rows.length });
  const paint = canvas.getContext("2d"), image = paint.createImageData(canvas.width, canvas.height);
  const [red, green, blue] = document.documentElement.dataset.theme === "dark" ? [59, 134, 230] : [34, 97, 179];
  rows.flat().forEach((share, n) => image.data.set([red, green, blue, Math.round(255 * share)], 4 * n));
  paint.putImageData(image, 0, 0);
  return canvas.toDataURL();
}

/** A row for each unit, a column for each stretch of steps; the more often it flipped, the darker. */
function raster({ rows, x, y, title, ends }) {
  const picture = svg("svg", { viewBox: `0 0 ${ACROSS} ${UP}`, role: "img", class: "rl-plot", "aria-label": `${title}: ${rows.length} ${y}, ${x} ${ends[0]} to ${ends[1]}` });
  picture.append(svg("image", { href: dots(rows), class: "rl-raster", x: LEFT, y: TOP, width: ACROSS - LEFT - RIGHT, height: UP - TOP - BOTTOM, preserveAspectRatio: "none" }));
  for (const [at, label] of ticks(Math.log10(ends[0]), Math.log10(ends[1]), true))
    picture.append(svg("text", { x: LEFT + ((at - Math.log10(ends[0])) / (Math.log10(ends[1]) - Math.log10(ends[0]) || 1)) * (ACROSS - LEFT - RIGHT), y: UP - BOTTOM + 16, "text-anchor": "middle" }, label));
  picture.append(svg("path", { class: "rl-plot-axis", d: `M${LEFT} ${TOP}V${UP - BOTTOM}H${ACROSS - RIGHT}` }));
  picture.append(svg("text", { x: (LEFT + ACROSS - RIGHT) / 2, y: UP - 8, "text-anchor": "middle" }, x));
  picture.append(svg("text", { x: LEFT, y: 14 }, `${title}: ${y}`));
  return picture;
}

/** A scene of the book, one frame of it, with what it says below. */
function scene(told) {
  return make("div", { className: "rl-live-scene" }, window.regimesScene.still(told), make("p", { textContent: told.says }));
}

/** @returns {HTMLElement | SVGElement} */
export function pictured(picture) {
  const drawn = { curves, raster, scene }[picture.kind](picture);
  drawn.dataset.picture = picture.kind;
  return drawn;
}
