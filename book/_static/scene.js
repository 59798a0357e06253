// Pictures with sliders: places the numbers that regime_lib/companion/figures/scene_data.py wrote, or
// those that a program of compute.js makes of the reader's choice.
// No library, no server, works from a file. Without this script the still picture is shown.
(function () {
  "use strict";
  const NS = "http://www.w3.org/2000/svg";
  const WIDE = 640, NARROW = 342; // CSS pixels across, as the still pictures assume
  const LEFT = 50, RIGHT = 12, TOP = 24, BOTTOM = 42, GAP = 18;
  let count = 0;

  function el(name, attributes, text) {
    const node = document.createElementNS(NS, name);
    for (const key in attributes) node.setAttribute(key, attributes[key]);
    if (text !== undefined) node.textContent = text;
    return node;
  }

  // Where the axes of each panel lie: side by side when wide, in a column when narrow.
  function layout(panels, narrow) {
    const total = narrow ? NARROW : WIDE, columns = narrow ? 1 : panels.length;
    const cell = (total - GAP * (columns - 1)) / columns, boxes = [];
    let y = 0, tallest = 0;
    panels.forEach((panel, i) => {
      let w = cell - LEFT - RIGHT;
      let h = panel.aspect ? w * panel.aspect : columns > 1 ? 230 : narrow ? 210 : 290;
      const most = narrow ? 300 : 400;
      if (panel.aspect && h > most) { w *= most / h; h = most; }
      boxes.push({ x: (i % columns) * (cell + GAP) + LEFT + (cell - LEFT - RIGHT - w) / 2, y: y + TOP, w, h });
      tallest = Math.max(tallest, h);
      if ((i + 1) % columns === 0) { y += tallest + TOP + BOTTOM; tallest = 0; }
    });
    return { boxes, width: total, height: y };
  }

  function axes(svg, panel, box, grid) {
    const px = n => box.x + (n / grid) * box.w, py = n => box.y + box.h - (n / grid) * box.h;
    panel.xt.forEach(([at, label]) => {
      svg.append(el("line", { class: "rl-grid", x1: px(at), x2: px(at), y1: box.y, y2: box.y + box.h }));
      svg.append(el("text", { x: px(at), y: box.y + box.h + 15, "text-anchor": "middle" }, label));
    });
    panel.yt.forEach(([at, label]) => {
      svg.append(el("line", { class: "rl-grid", x1: box.x, x2: box.x + box.w, y1: py(at), y2: py(at) }));
      svg.append(el("text", { x: box.x - 6, y: py(at) + 4, "text-anchor": "end" }, label));
    });
    svg.append(el("path", { class: "rl-axis", d: `M${box.x} ${box.y}V${box.y + box.h}H${box.x + box.w}` }));
    svg.append(el("text", { x: box.x, y: box.y - 9, class: "rl-title" }, panel.title));
    svg.append(el("text", { x: box.x + box.w / 2, y: box.y + box.h + 33, "text-anchor": "middle" }, panel.x));
    const mid = box.y + box.h / 2, side = box.x - 39;
    svg.append(el("text", { x: side, y: mid, "text-anchor": "middle", transform: `rotate(-90 ${side} ${mid})` }, panel.y));
  }

  function path(p, px, py, closed) {
    let d = "", pen = false;
    for (let i = 0; i < p.length; i += 2) {
      if (p[i] === null) { pen = false; continue; }
      d += (pen ? "L" : "M") + px(p[i]).toFixed(1) + " " + py(p[i + 1]).toFixed(1);
      pen = true;
    }
    return closed ? d + "Z" : d;
  }

  function draw(group, marks, box, grid) {
    const px = n => box.x + (n / grid) * box.w, py = n => box.y + box.h - (n / grid) * box.h;
    for (const mark of marks) {
      const c = `rl-c${mark.c}`;
      if (mark.k === "l") {
        const line = el("path", { class: `${c} rl-line`, d: path(mark.p, px, py), "stroke-width": mark.w });
        if (mark.d) line.setAttribute("stroke-dasharray", "5 3");
        group.append(line);
      } else if (mark.k === "a") {
        group.append(el("path", { class: `${c} rl-area${mark.e ? " rl-edge" : ""}`, d: path(mark.p, px, py, true), "fill-opacity": mark.f }));
      } else if (mark.k === "o") {
        for (let i = 0; i < mark.p.length; i += 2)
          if (mark.p[i] !== null) group.append(el("circle", { class: `${c} rl-dot`, cx: px(mark.p[i]).toFixed(1), cy: py(mark.p[i + 1]).toFixed(1), r: mark.w }));
      } else if (mark.k === "v") {
        group.append(el("path", { class: `${c} rl-line`, d: `M${px(mark.p[0]).toFixed(1)} ${box.y}v${box.h}` }));
      } else if (mark.k === "h") {
        group.append(el("path", { class: `${c} rl-line`, d: `M${box.x} ${py(mark.p[0]).toFixed(1)}h${box.w}` }));
      } else if (mark.k === "t" && mark.p[0] !== null) {
        group.append(el("text", { class: `${c} rl-word`, x: px(mark.p[0]).toFixed(1), y: (py(mark.p[1]) + 4).toFixed(1) }, mark.t));
      }
    }
  }

  // What a program gives in the units of a panel's axes, on the grid; null stands for no number.
  function placed(mark, { xlim, ylim, logs }, grid) {
    const along = ([low, high], log) => {
      const of = log ? Math.log : Number, first = of(low), width = of(high) - first;
      return value => {
        const share = (of(value) - first) / width;
        return Number.isNaN(share) ? null : Math.round(grid * Math.max(-1, Math.min(2, share)));
      };
    };
    const x = (mark.x ?? []).map(along(xlim, logs[0])), y = (mark.y ?? []).map(along(ylim, logs[1]));
    const p = mark.k === "v" ? x : mark.k === "h" ? y : x.flatMap((n, i) => (n === null || y[i] === null ? [null, null] : [n, y[i]]));
    return { w: 1.6, f: 0.5, ...mark, p };
  }

  const number = x => String(Number(x.toPrecision(3)));

  // What the reader moves: stops by their labels, or numbers from low to high.
  function asControl({ name, labels, low, high, log, whole, plays }, choice) {
    if (labels) return { name, choice, first: 0, last: labels.length - 1, step: 1, value: Number, label: n => labels[n], labels, plays: labels.length > 8 };
    const value = n => (whole ? Math.round(log ? Math.exp(n) : n) : log ? Math.exp(n) : Number(n));
    return { name, first: low, last: high, step: log ? (high - low) / 240 : whole ? 1 : 10 ** Math.floor(Math.log10((high - low) / 60)), value, label: n => number(value(n)), plays };
  }

  // A picture as one function from the places of its controls to marks and words.
  function asFrames(scene) {
    if (!scene.program) return { controls: scene.sliders.map((slider, i) => asControl(slider, false)), start: scene.start, frame: at => scene.frames[at.join(",")], backdrop: scene.backdrop };
    const controls = scene.controls.map(one => asControl(one, true)), program = window.regimeCompute.programs[scene.program];
    const frame = at => {
      const { marks, says } = program(scene.data, at.map((n, i) => controls[i].value(n)));
      return { m: marks.map((own, i) => own.map(mark => placed(mark, scene.panels[i], scene.grid))), r: says };
    };
    return { controls, start: scene.controls.map(one => one.start), frame, backdrop: scene.panels.map(() => []) };
  }

  // What a picture lies in: the colours of its theme.
  function staged(scene) {
    const stage = document.createElement("div");
    stage.className = "rl-stage";
    scene.colours.forEach(([light, dark], i) => {
      stage.style.setProperty(`--l${i}`, light);
      stage.style.setProperty(`--d${i}`, dark);
    });
    const style = document.createElement("style");
    style.textContent = scene.colours.map((_, i) =>
      `.rl-stage .rl-c${i}{color:var(--l${i})}html[data-theme="dark"] .rl-stage .rl-c${i}{color:var(--d${i})}`).join("");
    stage.append(style);
    return stage;
  }

  // The axes and what stays, with a group in each panel for what moves.
  function built(scene, id, narrow, backdrop) {
    const { boxes, width, height } = layout(scene.panels, narrow);
    const svg = el("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": scene.alt });
    const groups = scene.panels.map((panel, i) => {
      const box = boxes[i], clip = el("clipPath", { id: `${id}-${i}` });
      clip.append(el("rect", { x: box.x, y: box.y, width: box.w, height: box.h }));
      axes(svg, panel, box, scene.grid);
      const back = el("g", { "clip-path": `url(#${id}-${i})` }), front = back.cloneNode();
      draw(back, backdrop[i], box, scene.grid);
      svg.append(clip, back, front);
      return { front, box };
    });
    return { svg, groups };
  }

  // A scene without sliders: live cells draw with it.
  function still(scene) {
    const stage = staged(scene);
    const { svg } = built(scene, `rl-scene-${count++}`, window.matchMedia("(max-width: 600px)").matches, scene.backdrop);
    stage.append(svg);
    return stage;
  }
  window.regimesScene = { still };

  function liven(figure) {
    const scene = JSON.parse(figure.querySelector(":scope > script").textContent);
    const { controls: movers, start, frame: frameAt, backdrop } = asFrames(scene);
    const id = `rl-scene-${count++}`, at = start.slice();
    const stage = staged(scene);
    const holder = document.createElement("div"), controls = document.createElement("div");
    controls.className = "rl-controls";
    const readout = document.createElement("output");
    readout.className = "rl-readout";
    readout.setAttribute("aria-live", "polite");
    const narrow = window.matchMedia("(max-width: 600px)");
    let svg, groups, timer = null, due = false;

    function build() {
      ({ svg, groups } = built(scene, id, narrow.matches, backdrop));
      if (scene.drag) dragged(groups[scene.drag.panel].box);
      holder.replaceChildren(svg);
      show();
    }

    function show() {
      due = false;
      const frame = frameAt(at);
      groups.forEach(({ front, box }, i) => {
        front.replaceChildren();
        draw(front, frame.m[i], box, scene.grid);
      });
      if (readout.value !== frame.r) readout.value = frame.r;
    }

    // at most once for each image that the screen shows
    function soon() {
      if (!due) requestAnimationFrame(show);
      due = true;
    }

    // The reader takes hold of a height in a panel instead of the slider.
    function dragged(box) {
      const area = el("rect", { class: "rl-drag", x: box.x, y: box.y, width: box.w, height: box.h });
      const { low, high, log } = scene.controls[scene.drag.control], [bottom, top] = scene.panels[scene.drag.panel].ylim;
      const take = event => {
        if (!(event.buttons & 1)) return;
        const place = area.getBoundingClientRect(), share = 1 - (event.clientY - place.top) / place.height;
        const value = Math.log(bottom) + share * (Math.log(top) - Math.log(bottom)); // of a logarithmic axis
        set(scene.drag.control, Math.max(low, Math.min(high, log ? value : Math.exp(value))));
      };
      area.addEventListener("pointerdown", event => { area.setPointerCapture(event.pointerId); take(event); });
      area.addEventListener("pointermove", take);
      svg.append(area);
    }

    function set(i, place) {
      stop();
      at[i] = place;
      inputs[i].tell();
      if (scene.program) soon(); else show();
    }

    function menu({ labels }) {
      const select = document.createElement("select");
      labels.forEach((label, n) => select.append(new Option(label, n)));
      return select;
    }

    function slide({ first, last, step }) {
      const input = document.createElement("input");
      Object.assign(input, { type: "range", min: first, max: last, step });
      return input;
    }

    const inputs = movers.map((mover, i) => {
      const row = document.createElement("div"), label = document.createElement("label");
      const input = mover.choice ? menu(mover) : slide(mover), shown = document.createElement("span");
      row.className = "rl-slider";
      input.id = `${id}-in${i}`;
      label.htmlFor = input.id; label.textContent = mover.name;
      shown.className = "rl-stop"; shown.setAttribute("aria-hidden", "true");
      input.tell = () => {
        input.value = at[i];
        if (mover.choice) return;
        shown.textContent = mover.label(at[i]);
        input.setAttribute("aria-valuetext", mover.label(at[i]));
      };
      input.addEventListener("input", () => set(i, +input.value));
      row.append(label, input, shown);
      controls.append(row);
      return input;
    });

    const play = document.createElement("button");
    play.type = "button"; play.className = "rl-play"; play.textContent = "Play";
    function stop() { clearInterval(timer); timer = null; play.textContent = "Play"; }
    const running = movers.findIndex((mover, i) => mover.plays && (scene.program || i === 0));
    if (running >= 0) {
      const { first, last, step } = movers[running], stops = Math.round((last - first) / step);
      play.addEventListener("click", () => {
        if (timer !== null) return stop();
        if (at[running] >= last) at[running] = first - step;
        play.textContent = "Pause";
        timer = setInterval(() => {
          at[running] = Math.min(last, at[running] + step); inputs[running].tell(); show();
          if (at[running] >= last) stop();
        }, Math.max(60, Math.min(400, 6000 / stops)));
      });
      controls.children[running].append(play);
    }
    inputs.forEach(input => input.tell());

    stage.append(holder, controls, readout);
    figure.insertBefore(stage, figure.querySelector("figcaption"));
    figure.classList.add("rl-live");
    narrow.addEventListener("change", build);
    build();
    // on the landing page it moves once by itself, unless the reader asked for stillness
    if (figure.closest(".rl-hero") && window.matchMedia("(prefers-reduced-motion: no-preference)").matches) play.click();
  }

  // What is computed waits until the reader comes near.
  function start() {
    const near = new IntersectionObserver(seen => seen.filter(one => one.isIntersecting).forEach(({ target }) => {
      near.unobserve(target);
      liven(target);
    }), { rootMargin: "800px" });
    document.querySelectorAll("figure.rl-scene:not(.rl-live)").forEach(figure => {
      if (figure.hasAttribute("data-computed")) near.observe(figure);
      else liven(figure);
    });
  }
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
