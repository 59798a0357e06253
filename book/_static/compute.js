// What the page computes while a reader moves a picture: four programs, each from data and the values
// of its controls to the marks of its panels, in the units of their axes. scene.js draws them.
// A mark: {k: "l" line, "o" dots, "a" area, "v" or "h" line across, "t" word; c: number of its colour;
// x, y: numbers; w: width; d: dashed; f: opacity; t: text}. NaN breaks a line.
(function () {
  "use strict";

  /** @typedef {{k: string, c: number, x?: number[], y?: number[], w?: number, d?: number, f?: number, t?: string}} Mark */
  /** @typedef {{marks: Mark[][], says: string, titles?: string[]}} Frame */

  /** Two bytes a number, between the ends of the array. @returns {Float64Array} */
  function unpack({ u16, low, high }) {
    const bytes = Uint8Array.from(atob(u16), c => c.charCodeAt(0)), found = new Float64Array(bytes.length / 2);
    for (let i = 0; i < found.length; i += 1)
      found[i] = low + (high - low) * (bytes[2 * i] + 256 * bytes[2 * i + 1]) / 65535;
    return found;
  }

  /** Chance that a number decides: uniform in 0..1, and normal. @param {number} seed */
  function chance(seed) {
    let state = (seed * 0x9e3779b9) >>> 0;
    const uniform = () => { // mulberry32
      state = (state + 0x6d2b79f5) >>> 0;
      let t = Math.imul(state ^ (state >>> 15), 1 | state);
      t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
      return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
    const normal = () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
    return { uniform, normal };
  }

  /** @param {number[]} values */
  function median(values) {
    const sorted = [...values].sort((a, b) => a - b), n = sorted.length, mid = n >> 1;
    return n ? (n % 2 ? sorted[mid] : (sorted[mid - 1] + sorted[mid]) / 2) : NaN;
  }

  /** Three figures, as a reader writes them. @param {number} x */
  function short(x) {
    if (!Number.isFinite(x)) return "–";
    return Math.abs(x) >= 1e5 || (x && Math.abs(x) < 1e-3) ? x.toExponential(1) : String(Number(x.toPrecision(3)));
  }

  const memory = new WeakMap();
  /** What a program makes of its data once. @template T @param {object} data @param {() => T} make @returns {T} */
  function once(data, make) {
    if (!memory.has(data)) memory.set(data, make());
    return memory.get(data);
  }

  // ── Chapter 20: when has a series settled? ──────────────────────────────────────────────────────

  /** The settling time of one series, or Infinity where the run does not tell it (censored).
   * @param {number[]} steps @param {Float64Array} v over its peak @param {number} how @param {number} q */
  function settles(steps, v, how, q, window) {
    const n = steps.length, last = steps[n - 1], tail = last * 0.9;
    const crossing = i => { // between two samples, on straight lines of the logarithm
      const a = Math.log(v[i - 1]), b = Math.log(v[i]), at = Math.log(q);
      return a > at && b < at ? steps[i - 1] + (steps[i] - steps[i - 1]) * (a - at) / (a - b) : steps[i];
    };
    if (how === 0) { // below it for good, and for a window at least
      let i = n;
      while (i > 0 && v[i - 1] <= q) i -= 1;
      if (i === n) return Infinity;
      const time = i ? crossing(i) : steps[0];
      return time > last - window ? Infinity : time;
    }
    if (how === 1) { // below it for the first time, behind the peak
      let i = v.indexOf(Math.max(...v));
      while (i < n && v[i] > q) i += 1;
      return i === n ? Infinity : i ? crossing(i) : steps[0];
    }
    // only a share q of the summed change is left
    let total = 0, late = 0, floor = 0;
    const sums = [0];
    for (let i = 1; i < n; i += 1) {
      const piece = (steps[i] - steps[i - 1]) * (v[i] + v[i - 1]) / 2;
      total += piece;
      sums.push(total);
      if (steps[i] > tail) { late += piece; floor += steps[i] - steps[i - 1]; }
    }
    if (late / (floor || 1) * last / total > q) return Infinity; // a floor's share grows with the run
    const wanted = (1 - q) * total, i = sums.findIndex(sum => sum >= wanted);
    return steps[i - 1] + (steps[i] - steps[i - 1]) * (wanted - sums[i - 1]) / (sums[i] - sums[i - 1]);
  }

  /** Both times of every run of one optimiser, their ratio, and how many runs tell none. */
  function timed(parts, name, how, q) {
    const { steps, series, runs, window } = parts, times = [];
    for (let run = 0; run < runs; run += 1)
      times.push([0, 1].map(which => settles(steps, series(name, which, run), how, q, window)));
    const told = times.filter(pair => pair.some(Number.isFinite));
    const ratio = 2 * told.length < runs ? NaN : median(told.map(([p, w]) => Math.min(w, steps[steps.length - 1]) / Math.max(Math.min(p, steps[steps.length - 1]), 1)));
    const settled = which => times.filter(pair => Number.isFinite(pair[which])).length;
    const exact = settled(0) === runs && settled(1) === runs;
    const time = which => (2 * settled(which) > runs ? median(times.map(pair => Math.min(pair[which], steps[steps.length - 1]))) : NaN);
    return { ratio, exact, settled: [settled(0), settled(1)], times: [time(0), time(1)] };
  }

  /** @returns {Frame} */
  function settling(data, [name, how, q]) {
    const parts = once(data, () => {
      const all = unpack(data.series).map(Math.exp), [, , runs, n] = data.series.shape;
      const series = (k, which, run) => all.subarray((((k * 2) + which) * runs + run) * n, (((k * 2) + which) * runs + run + 1) * n);
      const middle = (k, which) => data.steps.map((_, i) => median(Array.from({ length: runs }, (_, run) => series(k, which, run)[i])));
      return { steps: data.steps, series, runs, window: data.window, middles: data.names.map((_, k) => [middle(k, 0), middle(k, 1)]), curves: new Map() };
    });
    const end = parts.steps[parts.steps.length - 1], now = timed(parts, name, how, q);
    const left = [0, 1].map(which => ({ k: "l", c: which, x: parts.steps, y: parts.middles[name][which], w: 1.8, d: which }));
    if (how < 2) left.push({ k: "h", c: 2, y: [q], w: 1.4 });
    ["patterns", "weights"].forEach((t, which) => left.push({ k: "t", c: which, x: [1.3], y: [4.5e-3 * 0.62 ** which], t }));
    now.times.forEach((time, which) => Number.isFinite(time) && left.push({ k: "v", c: which, x: [time] }));
    if (!parts.curves.has(how)) {
      const levels = Array.from({ length: 41 }, (_, i) => data.low * (data.high / data.low) ** (i / 40));
      parts.curves.set(how, { levels, ratios: data.names.map((_, k) => levels.map(level => timed(parts, k, how, level))) });
    }
    const { levels, ratios } = parts.curves.get(how);
    const right = [{ k: "h", c: 5, y: [1] }, { k: "h", c: 2, y: [data.claimed] }, { k: "t", c: 2, x: [0.42 * data.high], y: [1.13 * data.claimed], t: "claimed" }];
    data.names.forEach((t, k) => right.push({ k: "t", c: 6 + k, x: [1.05 * data.low], y: [15 * 0.72 ** k], t }));
    ratios.forEach((own, k) => {
      const exact = own.map(one => (one.exact ? one.ratio : NaN)), bound = own.map(one => (one.exact ? NaN : one.ratio));
      right.push({ k: "l", c: 6 + k, x: levels, y: exact, w: k === name ? 2.4 : 1.2 });
      right.push({ k: "o", c: 6 + k, x: levels, y: bound, w: 1.3 });
    });
    if (Number.isFinite(now.ratio)) right.push({ k: "o", c: 6 + name, x: [q], y: [now.ratio], w: 5 });
    right.push({ k: "v", c: 5, x: [q] });
    const runs = parts.runs, [p, w] = now.settled;
    const ratio = !Number.isFinite(now.ratio) ? "no ratio: in most runs neither settles, and their times are censored"
      : now.exact ? `ratio ${now.ratio.toFixed(2)}` : `ratio ${now.ratio.toFixed(2)}, a bound: some times are censored at the end of the run`;
    const when = (which, of) => (Number.isFinite(now.times[which]) ? `at step ${Math.round(now.times[which])}` : `not by step ${end}`) + ` (${of} of ${runs} runs)`;
    return { marks: [left, right], says: `${data.names[name]}: patterns settle ${when(0, p)}, weights ${when(1, w)}; ${ratio}.` };
  }

  // ── Chapter 50: how a deep linear network learns one singular value after the other ─────────────

  /** Times and strengths of a balanced mode of any depth, even in the logit of the strength. */
  function mode(depth, sigma, start, points) {
    const logit = s => Math.log(s / (sigma - s)), low = logit(start), high = Math.log(0.999 / 0.001), fine = 20 * points;
    const times = [0], values = [start];
    const strength = x => sigma / (1 + Math.exp(-x));
    const slow = x => strength(x) ** (2 / depth - 1) / (depth * sigma); // dx/dt = h σ s^(1-2/h)
    let time = 0, before = slow(low), step = (high - low) / fine;
    for (let i = 1; i <= fine; i += 1) {
      const x = low + i * step, middle = slow(x - step / 2), after = slow(x);
      time += step * (before + 4 * middle + after) / 6; // Simpson's rule
      before = after;
      if (i % 20 === 0) { times.push(time); values.push(strength(x)); }
    }
    return { times, values };
  }

  /** @param {number[]} xs rising @param {number[]} ys @param {number} x */
  function between(xs, ys, x) {
    if (x >= xs[xs.length - 1]) return ys[ys.length - 1];
    let a = 0, b = xs.length - 1;
    while (b - a > 1) { const m = (a + b) >> 1; if (xs[m] <= x) a = m; else b = m; }
    return ys[a] + (ys[b] - ys[a]) * (x - xs[a]) / (xs[b] - xs[a]);
  }

  /** @returns {Frame} */
  function staircase(data, [depth, start, ...sigmas]) {
    const order = [...sigmas].sort((a, b) => b - a), modes = order.map(sigma => mode(depth, sigma, Math.min(start, 0.99 * sigma), 90));
    const total = Math.max(...modes.map(one => one.times[one.times.length - 1]));
    const times = [...new Set(modes.flatMap(one => one.times))].sort((a, b) => a - b);
    const curves = modes.map(one => times.map(time => between(one.times, one.values, time)));
    const loss = times.map((_, i) => order.reduce((sum, sigma, k) => sum + (sigma - curves[k][i]) ** 2 / 2, 0));
    const shares = times.map(time => time / total);
    const levels = order.map((_, k) => order.slice(k).reduce((sum, s) => sum + s * s / 2, 0)).concat(0);
    const left = [...levels.map(y => ({ k: "h", c: 0, y: [y], w: 1, d: 1 })), { k: "l", c: 1, x: shares, y: loss, w: 2 }];
    const right = order.flatMap((sigma, k) => [{ k: "h", c: 0, y: [sigma], w: 1, d: 1 }, { k: "l", c: 2 + k, x: shares, y: curves[k], w: 2, d: k % 2 }]);
    const half = k => between(curves[k], shares, order[k] / 2);
    // how far apart the stairs are: the share of the time between two halves
    const says = order.map((sigma, k) => `${short(sigma)} at ${half(k).toFixed(2)}`).join(", ");
    return { marks: [left, right], says: `Depth ${short(depth)}, learning time ${short(total)}; half of each singular value is learnt by this share of it: ${says}.` };
  }

  // ── Chapter 40: two inputs, rectifiers, gradient flow ───────────────────────────────────────────

  // Where a neuron is active, u > 0 on x₊ and v > 0 on x₋, or on which boundary it is held.
  const OFF = 0, MINUS = 1, PLUS = 2, BOTH = 3, HELD_U = 4, HELD_V = 5;
  const ACTIVE = [[PLUS, BOTH, HELD_V], [MINUS, BOTH, HELD_U]].map(some => [0, 1, 2, 3, 4, 5].map(s => some.includes(s)));

  /** @typedef {{p: number, delta: number, kappa1: number, kappa2: number, d: number, end: number}} Problem */
  /** @typedef {{places: number[][], signs: number[]}} Start u and v of every neuron, and its sign */

  /** Neurons at a random start. @param {Problem} problem @returns {Start} */
  function start({ delta, kappa1, d }, m, seed) {
    const random = chance(seed), places = [[], []], signs = [];
    for (let k = 0; k < m; k += 1) {
      const w = Array.from({ length: d }, random.normal), size = kappa1 / Math.sqrt(m) / Math.hypot(...w);
      places[0].push(w[0] * size);
      places[1].push((Math.cos(delta) * w[0] + Math.sin(delta) * w[1]) * size);
      signs.push(random.uniform() < 0.5 ? 1 : -1);
    }
    return { places, signs };
  }

  /** One network under gradient flow. Between two events all neurons, and both outputs, are affine in
   * τ = ∫ aA dt and σ = ∫ aB dt, A and B being the halves of the loss; an event is a neuron that meets
   * a boundary, or pulls A and B that let go of those that are held on one.
   * @param {Problem} problem @param {Start} begin */
  function flow({ p, delta, kappa1, kappa2, end }, begin) {
    const { signs } = begin, m = signs.length, places = begin.places.map(own => [...own]);
    const c = Math.cos(delta), held = Math.sin(delta) ** 2, a = kappa2 / Math.sqrt(m), share = 1 / (1 + p);
    // by state: du/dτ, du/dσ, dv/dτ, dv/dσ of a positive neuron; a negative one goes the opposite way
    const speeds = [[0, 0, 0, 0], [0, -c, 0, -1], [1, 0, c, 0], [1, -c, c, -1], [0, 0, 0, -held], [held, 0, 0, 0]];
    const states = signs.map((_, k) => (places[0][k] > 0 ? 2 : 0) + (places[1][k] > 0 ? 1 : 0));
    const f = [0, 1].map(i => signs.reduce((sum, s, k) => sum + s * a * Math.max(places[i][k], 0), 0));
    let rates = [];
    const gather = () => {
      rates = [0, 0, 0, 0];
      states.forEach(s => { for (let j = 0; j < 4; j += 1) if (ACTIVE[j >> 1][s]) rates[j] += a * speeds[s][j]; });
    };
    const shift = (r, i, [x, y]) => r[2 * i] * x + r[2 * i + 1] * y;
    const pulls = by => [a * p * share * Math.exp(-f[0] - shift(rates, 0, by)), a * share * Math.exp(f[1] + shift(rates, 1, by))];
    const advance = dt => { // Runge and Kutta's step of τ and σ
      const k1 = pulls([0, 0]), k2 = pulls(k1.map(k => k * dt / 2)), k3 = pulls(k2.map(k => k * dt / 2)), k4 = pulls(k3.map(k => k * dt));
      return k1.map((k, i) => dt * (k + 2 * k2[i] + 2 * k3[i] + k4[i]) / 6);
    };
    // which neuron first meets which boundary, after what part of a step
    const meets = by => {
      const found = { part: 2, who: -1, axis: 0 };
      for (let axis = 0; axis < 2; axis += 1) {
        const own = places[axis], ways = speeds.map((r, s) => (s === HELD_U + axis ? 0 : shift(r, axis, by))), active = ACTIVE[axis];
        for (let k = 0; k < m; k += 1) {
          const s = states[k], along = signs[k] * ways[s];
          if (along === 0 || active[s] !== along < 0) continue; // held there, or on its way from it
          const part = Math.max(0, -own[k] / along);
          if (part < found.part) { found.part = part; found.who = k; found.axis = axis; }
        }
      }
      return found;
    };
    // how far ln A/B is from where it lets go of those held on u = 0, and on v = 0
    const room = by => {
      const [A, B] = pulls(by), ratio = Math.log(A / B);
      return [states.includes(HELD_U) ? ratio - Math.log(c) : Infinity, states.includes(HELD_V) ? -Math.log(c) - ratio : Infinity];
    };
    const found = { t: [], loss: [], accurate: NaN, off: NaN, on: NaN, alive: [0, 0] };
    const condensing = kappa1 / kappa2;
    let t = 0, fallen = false;
    gather();
    for (let budget = 60000; t < end && budget > 0; budget -= 1) {
      const [A, B] = pulls([0, 0]), quick = Math.abs(rates[0] * A) + Math.abs(rates[1] * B) + Math.abs(rates[2] * A) + Math.abs(rates[3] * B);
      let dt = Math.min(Math.max(0.08 * t, 2e-4 * condensing), 0.4 / quick, end - t), by = advance(dt), event = meets(by);
      const before = Math.max(0, Math.min(...room([0, 0])));
      for (let i = 0; i < 40; i += 1) { // end the step at its first event
        let part = Math.min(1, event.part);
        const left = Math.min(...room(by));
        if (left < -1e-6) part = Math.min(part, (before + 5e-7) / (before - left)); // a hair beyond
        if (part < 1e-12) { dt = 0; by = [0, 0]; break; } // it stands there already
        if (part > 1 - 1e-10) break;
        dt *= part;
        by = advance(dt);
        event = meets(by);
      }
      const free = room(by).map(left => left < 0), last = f[1];
      for (let axis = 0; axis < 2; axis += 1) {
        const ways = speeds.map(r => shift(r, axis, by));
        for (let k = 0; k < m; k += 1) places[axis][k] += signs[k] * ways[states[k]];
        f[axis] += shift(rates, axis, by);
      }
      t += dt;
      const meeting = event.part <= 1 + 1e-9;
      if (meeting) {
        const { who, axis } = event, s = states[who], [A1, B1] = pulls([0, 0]), sides = axis ? c * A1 > B1 : c * B1 > A1;
        places[axis][who] = 0;
        // a neuron is held where both sides push it to the boundary, else it crosses
        if ((signs[who] > 0) === (axis === 1)) states[who] = s === BOTH || s === (axis ? PLUS : MINUS) ? (sides ? BOTH : HELD_U + axis) : OFF;
        else states[who] = s === (axis ? PLUS : MINUS) ? BOTH : s === BOTH ? (axis ? PLUS : MINUS) : OFF;
        if (states[who] === HELD_V && fallen && !(found.off > 0)) found.off = t;
      }
      if (free[0] && !(found.on > 0)) found.on = t;
      states.forEach((s, k) => { if (s >= HELD_U && free[s - HELD_U]) states[k] = BOTH; });
      if (meeting || free[0] || free[1]) gather();
      fallen ||= f[1] < last && f[1] > 0;
      if (last >= 0 && f[1] < 0) found.accurate = t - dt * f[1] / (f[1] - last);
      if (f[1] >= 0) found.accurate = NaN;
      if (!found.t.length || t > 1.06 * found.t[found.t.length - 1]) {
        found.t.push(t);
        found.loss.push(pulls([0, 0]).reduce((sum, one) => sum + one / a, 0));
      }
    }
    found.alive = [1, -1].map(sign => states.filter((s, k) => s !== OFF && signs[k] === sign).length);
    return found;
  }

  /** Every network that the reader draws leaves its dot. @returns {Frame} */
  function phases(data, [m, seed]) {
    const drawn = once(data, () => new Map()), key = `${m},${seed}`;
    if (!drawn.has(key)) drawn.set(key, flow(data.problem, start(data.problem, m, seed)));
    const one = drawn.get(key), top = data.problem.end, ratio = ({ alive }) => Math.min(alive[1] / Math.max(alive[0], 1e-9), data.widest);
    const left = [{ k: "l", c: 0, x: one.t, y: one.loss, w: 2 }];
    for (const [time, c] of [[one.accurate, 1], [one.off, 2], [one.on, 3]]) if (time > 0) left.push({ k: "v", c, x: [time] });
    const dots = some => ({ x: some.map(ratio), y: some.map(({ off }) => (off > 0 ? off : top)) });
    const right = [{ k: "l", c: 1, ...data.law, w: 1.4, d: 1 }, { k: "v", c: 1, x: [data.never] }, { k: "o", c: 4, ...dots([...drawn.values()]), w: 2.5 }, { k: "o", c: 2, ...dots([one]), w: 5 }];
    const [p, n] = one.alive, when = (time, words) => (time > 0 ? `${words} at ${short(time)}` : `${words} not before ${short(top)}`);
    return { marks: [left, right], says: `${m} neurons, draw ${seed}: ${p} positive and ${n} negative ones live. ${when(one.accurate, "All samples are right")}; ${when(one.off, "positive neurons switch off")}; ${when(one.on, "negative ones switch on")}. Networks drawn so far: ${drawn.size}.` };
  }

  // ── Chapter 61: noise on inputs, and on weights ─────────────────────────────────────────────────

  /** The answers of a network to some inputs, both flat. @returns {number[]} */
  function answers(layers, inputs, count) {
    let rows = inputs, width = inputs.length / count;
    layers.forEach(({ w, b }, depth) => {
      const units = b.length, out = new Float64Array(count * units);
      for (let r = 0; r < count; r += 1) for (let j = 0; j < units; j += 1) {
        let sum = b[j];
        for (let i = 0; i < width; i += 1) sum += w[j * width + i] * rows[r * width + i];
        out[r * units + j] = depth < layers.length - 1 ? Math.max(sum, 0) : sum;
      }
      [rows, width] = [out, units];
    });
    return Array.from({ length: count }, (_, r) => { const own = rows.subarray(r * width, (r + 1) * width); return own.indexOf(Math.max(...own)); });
  }

  /** @param {Float64Array} values */
  function deviation(values) {
    const mean = values.reduce((a, b) => a + b, 0) / values.length;
    return Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length);
  }

  const moved = (values, size, random) => values.map(value => value + size * random.normal());

  /** A network with noise on its weights, in deviations of each matrix; biases stay. */
  const shaken = (layers, size, random) => layers.map(({ w, b, std }) => ({ w: moved(w, size * std, random), b }));

  /** @returns {Frame} */
  function noise(data, [which, where, sample, size]) {
    const known = once(data, () => ({
      nets: data.networks.map(net => net.layers.map(({ w, b }) => { const own = unpack(w); return { w: own, b: unpack(b), std: deviation(own) }; })),
      images: unpack(data.images), curves: new Map(),
    }));
    const pixels = data.images.shape[1], count = data.labels.length, key = `${which},${where}`, layers = known.nets[which];
    const share = (amplitude, draws, seed, images, labels) => { // of right answers
      const random = chance(seed);
      let right = 0;
      for (let draw = 0; draw < draws; draw += 1) {
        const found = where ? answers(shaken(layers, amplitude, random), images, labels.length) : answers(layers, moved(images, amplitude, random), labels.length);
        right += found.filter((answer, i) => answer === labels[i]).length;
      }
      return right / (draws * labels.length);
    };
    if (!known.curves.has(key)) {
      const sizes = Array.from({ length: 17 }, (_, i) => data.low * (data.high / data.low) ** (i / 16));
      known.curves.set(key, { sizes, shares: sizes.map(one => share(one, 6, 1, known.images, data.labels)) });
    }
    const { sizes, shares } = known.curves.get(key), below = shares.findIndex(one => one < 0.5);
    const basin = below > 0 ? sizes[below - 1] * (sizes[below] / sizes[below - 1]) ** ((shares[below - 1] - 0.5) / (shares[below - 1] - shares[below])) : NaN;
    const image = known.images.subarray(sample * pixels, (sample + 1) * pixels), random = chance(7 + sample);
    const seen = where ? image : moved(image, size, random), net = where ? shaken(layers, size, random) : layers;
    const [answer] = answers(net, seen, 1), label = data.labels[sample], own = share(size, 100, 3, image, [label]);
    const side = Math.sqrt(pixels), left = [];
    seen.forEach((value, i) => {
      const x = i % side, y = side - 1 - Math.floor(i / side), ink = Math.max(0, Math.min(1, (value - data.paper) / (data.ink - data.paper)));
      left.push({ k: "a", c: 0, x: [x, x + 1, x + 1, x], y: [y, y, y + 1, y + 1], f: ink });
    });
    const right = [{ k: "h", c: 1, y: [0.5] }, { k: "l", c: 2 + where, x: sizes, y: shares, w: 2 }, { k: "v", c: 1, x: [size] }];
    if (basin > 0) right.push({ k: "o", c: 2 + where, x: [basin], y: [0.5], w: 5 });
    const what = where ? "weights, in standard deviations of each layer" : "inputs";
    return { marks: [left, right], says: `Noise of ${short(size)} on the ${what}: this ${label} is read as ${answer} in the draw shown, and correctly in ${Math.round(100 * own)} of 100 draws. Over ${count} images half of the answers are wrong from ${short(basin)} on.` };
  }

  window.regimeCompute = { programs: { settling, staircase, phases, noise }, unpack, chance, settles, mode, flow, answers };
})();
