// Draws a race from the data that stands in the page: ways on the map, curves, and the player that walks along both.
(() => {
  "use strict";

  const root = document.documentElement;
  addEventListener("error", (event) => { root.dataset.errors = `${root.dataset.errors || ""} ${event.message}`; });

  const page = JSON.parse(document.getElementById("data").textContent);
  const byId = (id) => document.getElementById(id);
  const last = page.steps.length - 1;
  const colour = (m) => `var(--m${m % page.colours.length})`;
  const hidden = new Set();
  let frame = last;

  function make(parent, name, attributes = {}, text = "") {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    if (text) element.textContent = text;
    return parent.appendChild(element);
  }

  function number(value) {
    if (value == null) return "–";
    const shown = Number(value.toPrecision(3));
    const size = Math.abs(shown);
    if (shown === 0 || (size >= 0.01 && size < 1e5)) return String(shown);
    const [mantissa, exponent] = shown.toExponential(2).split("e");
    return `${Number(mantissa)}e${Number(exponent)}`;
  }

  // Points of a line, up to a frame; where a value is missing the line is broken into pieces, here left out.
  const points = (xs, ys, until) => {
    const out = [];
    for (let k = 0; k <= until; k++) if (xs[k] != null && ys[k] != null) out.push(`${xs[k]},${ys[k]}`);
    return out.join(" ");
  };

  // --- curves

  const box = { left: 56, right: 508, top: 10, bottom: 218 };
  const logSteps = page.steps[last] > 1500;
  const across = (step) => {
    const share = logSteps ? Math.log10(step + 1) / Math.log10(page.steps[last] + 1) : step / (page.steps[last] || 1);
    return box.left + share * (box.right - box.left);
  };

  // Round numbers between two ends; powers of ten on a logarithmic axis.
  function ticks(low, high, log, count = 5) {
    if (log) {
      const [first, end] = [Math.ceil(low - 1e-9), Math.floor(high + 1e-9)];
      const every = Math.max(1, Math.ceil((end - first + 1) / count));
      const all = [];
      for (let p = first; p <= end; p += every) all.push([p, number(10 ** p)]);
      return all.length > 1 ? all : [low, high].map((p) => [p, number(10 ** p)]);
    }
    const size = 10 ** Math.floor(Math.log10((high - low) / count));
    const step = [1, 2, 5, 10].map((m) => m * size).find((s) => (high - low) / s <= count);
    const all = [];
    for (let n = Math.ceil(low / step - 1e-9); n <= Math.floor(high / step + 1e-9); n++) all.push([n * step, number(n * step)]);
    return all;
  }

  function range(panel) {
    const value = (y) => (panel.log ? Math.log10(y) : y);
    const all = panel.curves.flatMap((curve) => curve.y).filter((y) => y != null && (!panel.log || y > 0)).map(value);
    if (!all.length) return [0, 1];
    let [low, high] = all.reduce(([a, b], y) => [Math.min(a, y), Math.max(b, y)], [Infinity, -Infinity]);
    let top = high;
    if (panel.log) {
      // What diverges leaves the picture upwards, for the others to be seen.
      const starts = panel.curves.map((curve) => curve.y.find((y) => y > 0)).filter((y) => y != null).map(Math.log10);
      top = Math.max(Math.min(high, Math.max(...starts) + 4), low);
      low = Math.max(low, top - 14);
    }
    const room = (top - low) * 0.04 || 0.5;
    return [low - room, top + room];
  }

  const cursors = [];
  document.querySelectorAll("[data-panel]").forEach((figure) => {
    const panel = page.panels[Number(figure.dataset.panel)];
    const svg = figure.querySelector("svg");
    const [low, high] = range(panel);
    const up = (y) => box.bottom - (((panel.log ? Math.log10(y) : y) - low) / (high - low)) * (box.bottom - box.top);
    for (const [value, text] of ticks(low, high, panel.log)) {
      const y = up(panel.log ? 10 ** value : value);
      make(svg, "line", { class: "grid", x1: box.left, x2: box.right, y1: y, y2: y });
      make(svg, "text", { x: box.left - 6, y: y + 4, "text-anchor": "end" }, text);
    }
    const places = panel.at || page.steps;
    const end = places[places.length - 1];
    const place = panel.at ? (value) => box.left + ((value - places[0]) / (end - places[0])) * (box.right - box.left) : across;
    const marks = logSteps && !panel.at
      ? ticks(0, Math.log10(end), true, 7).map(([p]) => 10 ** p)
      : ticks(panel.at ? places[0] : 0, end || 1, false, 6).map(([value]) => value);
    for (const at of marks) {
      make(svg, "text", { x: place(at), y: box.bottom + 15, "text-anchor": "middle" }, number(at));
    }
    make(svg, "text", { x: (box.left + box.right) / 2, y: box.bottom + 30, "text-anchor": "middle" }, panel.axis || page.axis);
    const xs = places.map(place);
    const clip = `clip${figure.dataset.panel}`;
    make(make(svg, "clipPath", { id: clip }), "rect", { x: box.left, y: box.top - 2, width: box.right - box.left + 2, height: box.bottom - box.top + 4 });
    for (const curve of panel.curves) {
      const ys = curve.y.map((y) => (y == null || (panel.log && y <= 0) ? null : Math.max(Math.min(up(y), 4000), -4000).toFixed(1)));
      const kind = `${curve.dashed ? "dashed" : ""} ${curve.faint ? "faint" : ""}`;
      const line = make(svg, "polyline", { class: kind, points: points(xs.map((x) => x.toFixed(1)), ys, xs.length - 1), "clip-path": `url(#${clip})` });
      line.style.stroke = colour(curve.m);
      line.dataset.m = curve.m;
    }
    if (!page.ways.length || panel.at || last < 1) return;
    cursors.push(make(svg, "line", { class: "cursor", y1: box.top, y2: box.bottom }));
    svg.addEventListener("click", (event) => {
      const at = ((event.clientX - svg.getBoundingClientRect().left) / svg.clientWidth) * 520;
      show(xs.reduce((best, x, k) => (Math.abs(x - at) < Math.abs(xs[best] - at) ? k : best), 0));
    });
  });

  // --- the table: what every panel says of each method, at the frame

  const table = byId("table");
  const cells = [];
  if (page.ways.length) {
    for (const panel of page.panels.filter((panel) => !panel.at).slice(0, 3)) {
      const head = document.createElement("th");
      head.textContent = panel.title.toLowerCase();
      table.tHead.rows[0].appendChild(head);
      for (const row of table.tBodies[0].rows) {
        const curves = panel.curves.filter((curve) => curve.m === Number(row.dataset.m));
        cells.push([row.appendChild(document.createElement("td")), curves]);
      }
    }
  }
  table.addEventListener("click", (event) => {
    const button = event.target.closest(".swatch");
    if (!button) return;
    const m = Number(button.closest("tr").dataset.m);
    hidden.has(m) ? hidden.delete(m) : hidden.add(m);
    button.setAttribute("aria-pressed", String(!hidden.has(m)));
    document.querySelectorAll("polyline, .dot, .arrow").forEach((element) => {
      if (element.dataset.m === String(m)) element.classList.toggle("hidden", hidden.has(m));
    });
    if (page.ways.length) show(frame);
  });

  // --- the map

  const ground = byId("ground");
  if (!ground) return;
  const [width, height] = page.size;
  const ways = byId("ways");
  const drawn = page.ways.map(([xs, ys], m) => {
    const line = (kind) => {
      const element = make(ways, "polyline", { class: kind });
      element.style.stroke = colour(m);
      element.dataset.m = m;
      return element;
    };
    const [all, now] = [line("all"), line("now")];
    all.setAttribute("points", points(xs, ys, last));
    const dot = make(ways, "ellipse", { class: "dot" });
    dot.style.fill = colour(m);
    dot.dataset.m = m;
    return { xs, ys, now, dot };
  });
  const arrows = page.arrows.map((arrow) => {
    const line = (kind) => {
      const element = make(ways, "line", { class: `arrow ${kind}` });
      element.dataset.m = arrow.m;
      return element;
    };
    return { ...arrow, lines: [line("velocity"), line("gradient")] };
  });

  let view = [0, 0, width, height];
  const marks = { across: document.querySelector(".marks .across"), up: document.querySelector(".marks .up") };
  const texts = [...document.querySelectorAll(".across text")];
  const upTexts = [...document.querySelectorAll(".up text")];
  const line = (elements, key) => elements.map((element) => [Number(element.getAttribute(key)), Number(element.textContent)]);
  const slope = ([[a, u], [b, v]]) => (at) => u + ((at - a) / (b - a)) * (v - u);
  const toX = slope(line(texts, "x"));
  const toY = slope(line(upTexts, "y").map(([y, value]) => [y - 4, value]));

  function look(next) {
    const size = Math.min(Math.max(next[2], width / 5000), width * 4);
    view = [next[0], next[1], size, (size * height) / width];
    ground.setAttribute("viewBox", view.join(" "));
    const zoom = width / view[2];
    const rewrite = (group, low, high, place) => {
      group.replaceChildren();
      const [first, end] = [Math.min(low, high), Math.max(low, high)];
      for (const [value, text] of ticks(first, end, false, 6)) place((value - low) / (high - low), text);
    };
    rewrite(marks.across, toX(view[0]), toX(view[0] + view[2]), (share, text) =>
      make(marks.across, "text", { x: share * width, y: height + 16, "text-anchor": "middle" }, text));
    rewrite(marks.up, toY(view[1]), toY(view[1] + view[3]), (share, text) =>
      make(marks.up, "text", { x: -6, y: share * height + 4, "text-anchor": "end" }, text));
    for (const { dot } of drawn) {
      dot.setAttribute("rx", 5 / zoom);
      dot.setAttribute("ry", 5 / zoom);
      dot.setAttribute("stroke-width", 1.5 / zoom);
    }
    const cross = ground.querySelector(".minimum");
    if (cross) cross.setAttribute("transform", `translate(${cross.dataset.x} ${cross.dataset.y}) scale(${1 / zoom})`);
  }
  const zoomAt = (factor, x = view[0] + view[2] / 2, y = view[1] + view[3] / 2) =>
    look([x - (x - view[0]) * factor, y - (y - view[1]) * factor, view[2] * factor]);
  const place = (event) => {
    const area = ground.getBoundingClientRect();
    const [w, h] = [area.width || 1, area.height || 1];
    return [view[0] + ((event.clientX - area.left) / w) * view[2], view[1] + ((event.clientY - area.top) / h) * view[3]];
  };
  ground.addEventListener("wheel", (event) => { event.preventDefault(); zoomAt(event.deltaY > 0 ? 1.25 : 0.8, ...place(event)); }, { passive: false });
  let held = null;
  ground.addEventListener("pointerdown", (event) => { held = place(event); ground.setPointerCapture(event.pointerId); });
  ground.addEventListener("pointermove", (event) => {
    if (!held) return;
    const [x, y] = place(event);
    look([view[0] + held[0] - x, view[1] + held[1] - y, view[2]]);
  });
  ground.addEventListener("pointerup", () => { held = null; });
  byId("in").addEventListener("click", () => {
    const shown = drawn.filter((way, m) => !hidden.has(m) && way.xs[frame] != null);
    const mean = (key) => shown.reduce((sum, way) => sum + way[key][frame], 0) / shown.length;
    const [x, y] = shown.length ? [mean("xs"), mean("ys")] : [];
    const size = view[2] * 0.6;
    shown.length ? look([x - size / 2, y - (size * height) / width / 2, size]) : zoomAt(0.6);
  });
  byId("out").addEventListener("click", () => zoomAt(1 / 0.6));
  byId("whole").addEventListener("click", () => look([0, 0, width]));

  // The loss under the pointer, between the points of the grid as the map draws it.
  const under = byId("under");
  if (under) ground.addEventListener("pointermove", (event) => {
    const [x, y] = place(event);
    const [up, right] = [page.losses.length - 1, page.losses[0].length - 1];
    const [v, u] = [(1 - y / height) * up, (x / width) * right];
    if (!(u >= 0 && u <= right && v >= 0 && v <= up)) return;
    const [i, j] = [Math.min(Math.floor(v), up - 1), Math.min(Math.floor(u), right - 1)];
    const all = [[i, j], [i, j + 1], [i + 1, j], [i + 1, j + 1]].map(([a, b]) => page.losses[a][b]);
    const [a, b] = [u - j, v - i];
    const loss = all.some((value) => value == null) ? null
      : (1 - b) * ((1 - a) * all[0] + a * all[1]) + b * ((1 - a) * all[2] + a * all[3]);
    under.textContent = `loss ${number(loss)} at ${number(toX(x))}, ${number(toY(y))}`;
  });

  // --- three dimensions: the ranks of the loss as heights, painted from the back to the front

  const solid = byId("solid");
  const turned = { yaw: -0.5, tilt: 0.75, on: false };
  const rows = page.heights.length - 1;
  const shade = (rank, light) => {
    const at = Math.min(Math.max(rank, 0), 1) * (page.ramp.length - 1);
    const below = Math.min(Math.floor(at), page.ramp.length - 2);
    const mix = page.ramp[below].map((low, i) => Math.round(light * (low + (at - below) * (page.ramp[below + 1][i] - low))));
    return `rgb(${mix.join(",")})`;
  };
  const rank = (u, v) => {
    if (!(u >= 0 && u <= 1 && v >= 0 && v <= 1)) return null;
    const [j, i] = [Math.min(Math.floor(u * rows), rows - 1), Math.min(Math.floor(v * rows), rows - 1)];
    const [a, b] = [u * rows - j, v * rows - i];
    const corner = (di, dj) => page.heights[i + di][j + dj];
    const all = [corner(0, 0), corner(0, 1), corner(1, 0), corner(1, 1)];
    if (all.some((value) => value == null)) return null;
    return (1 - b) * ((1 - a) * all[0] + a * all[1]) + b * ((1 - a) * all[2] + a * all[3]);
  };
  function paint() {
    if (!turned.on) return;
    const ratio = devicePixelRatio || 1;
    const [w, h] = [solid.clientWidth, solid.clientHeight];
    solid.width = w * ratio;
    solid.height = h * ratio;
    const pen = solid.getContext("2d");
    pen.scale(ratio, ratio);
    const [c, s, size] = [Math.cos(turned.yaw), Math.sin(turned.yaw), 0.58 * w];
    const back = (u, v) => (u - 0.5) * s + (v - 0.5) * c;
    const project = (u, v, height) => [
      w / 2 + size * ((u - 0.5) * c - (v - 0.5) * s),
      h / 2 - size * (back(u, v) * Math.sin(turned.tilt) + (height - 0.5) * 0.5 * Math.cos(turned.tilt)),
    ];
    const quads = [];
    for (let i = 0; i < rows; i++) for (let j = 0; j < rows; j++) quads.push([i, j, back((j + 0.5) / rows, (i + 0.5) / rows)]);
    quads.sort((a, b) => b[2] - a[2]);
    pen.lineWidth = 0.6;
    for (const [i, j] of quads) {
      const corners = [[i, j], [i, j + 1], [i + 1, j + 1], [i + 1, j]];
      const heights = corners.map(([y, x]) => page.heights[y][x]);
      if (heights.some((value) => value == null)) continue;
      const slope = (heights[1] + heights[2] - heights[0] - heights[3]) * rows * 0.05;
      pen.fillStyle = pen.strokeStyle = shade(heights.reduce((a, b) => a + b) / 4, Math.min(Math.max(1 - slope, 0.8), 1.08));
      pen.beginPath();
      corners.forEach(([y, x], k) => pen.lineTo(...project(x / rows, y / rows, heights[k])));
      pen.closePath();
      pen.fill();
      pen.stroke();
    }
    const palette = getComputedStyle(ground);
    drawn.forEach(({ xs, ys }, m) => {
      if (hidden.has(m)) return;
      pen.strokeStyle = pen.fillStyle = palette.getPropertyValue(`--m${m % page.colours.length}`);
      pen.lineWidth = 2;
      pen.beginPath();
      let [open, end] = [false, null];
      for (let k = 0; k <= frame; k++) {
        const [u, v] = [xs[k] / width, 1 - ys[k] / height];
        const up = xs[k] == null ? null : rank(u, v);
        if (up == null) { open = false; continue; }
        end = project(u, v, up + 0.012);
        open ? pen.lineTo(...end) : pen.moveTo(...end);
        open = true;
      }
      pen.stroke();
      if (!end) return;
      pen.beginPath();
      pen.arc(...end, 5, 0, 2 * Math.PI);
      pen.fill();
    });
  }
  byId("turn").addEventListener("click", () => {
    turned.on = !turned.on;
    byId("turn").setAttribute("aria-pressed", String(turned.on));
    solid.classList.toggle("hidden", !turned.on);
    byId("map").classList.toggle("hidden", turned.on);
    paint();
  });
  let gripped = null;
  solid.addEventListener("pointerdown", (event) => { gripped = [event.clientX, event.clientY]; solid.setPointerCapture(event.pointerId); });
  solid.addEventListener("pointermove", (event) => {
    if (!gripped) return;
    turned.yaw += (event.clientX - gripped[0]) * 0.008;
    turned.tilt = Math.min(Math.max(turned.tilt + (event.clientY - gripped[1]) * 0.006, 0.15), Math.PI / 2);
    gripped = [event.clientX, event.clientY];
    paint();
  });
  solid.addEventListener("pointerup", () => { gripped = null; });
  addEventListener("resize", paint);

  // --- the player

  function show(k) {
    frame = Math.min(Math.max(k, 0), last);
    byId("at").value = frame;
    byId("step").textContent = `${page.axis} ${page.steps[frame].toLocaleString("en-US")}`;
    for (const { xs, ys, now, dot } of drawn) {
      now.setAttribute("points", points(xs, ys, frame));
      let at = frame;
      while (at > 0 && xs[at] == null) at--;
      dot.setAttribute("cx", xs[at]);
      dot.setAttribute("cy", ys[at]);
    }
    const wanted = byId("arrows") && byId("arrows").checked;
    for (const { m, velocity, gradient, lines } of arrows) {
      const { xs, ys } = drawn[m];
      const at = [xs[frame], ys[frame], velocity[0][frame], velocity[1][frame], gradient[0][frame], gradient[1][frame]];
      const there = wanted && at.every((value) => value != null) && !hidden.has(m);
      lines.forEach((element) => element.classList.toggle("hidden", !there));
      if (!there) continue;
      const [x, y, vx, vy, gx, gy] = at;
      const put = (element, x1, y1, x2, y2) => Object.entries({ x1, y1, x2, y2 }).forEach(([key, value]) => element.setAttribute(key, value));
      put(lines[0], x, y, x + vx, y + vy);
      put(lines[1], x + vx, y + vy, x + vx + gx, y + vy + gy);
    }
    for (const cursor of cursors) {
      cursor.setAttribute("x1", across(page.steps[frame]));
      cursor.setAttribute("x2", across(page.steps[frame]));
    }
    paint();
    for (const [cell, curves] of cells) cell.textContent = curves.map((curve) => number(curve.y[frame])).join(" / ");
  }

  let playing = 0;
  let since = 0;
  const pause = () => { cancelAnimationFrame(playing); playing = 0; byId("play").textContent = "Play"; };
  function play() {
    if (playing) return pause();
    if (frame >= last) show(0);
    byId("play").textContent = "Pause";
    let exact = frame;
    since = performance.now();
    const tick = (now) => {
      exact += ((now - since) / 1000) * Number(byId("speed").value);
      since = now;
      if (Math.floor(exact) !== frame) show(Math.floor(exact));
      if (frame >= last) return pause();
      playing = requestAnimationFrame(tick);
    };
    playing = requestAnimationFrame(tick);
  }
  const jump = (k) => { pause(); show(k); };
  byId("play").addEventListener("click", play);
  byId("first").addEventListener("click", () => jump(0));
  byId("back").addEventListener("click", () => jump(frame - 1));
  byId("next").addEventListener("click", () => jump(frame + 1));
  byId("end").addEventListener("click", () => jump(last));
  byId("at").addEventListener("input", (event) => jump(Number(event.target.value)));
  if (byId("arrows")) byId("arrows").addEventListener("change", () => show(frame));
  addEventListener("keydown", (event) => {
    if (["INPUT", "SELECT", "BUTTON"].includes(event.target.tagName) && event.key === " ") return;
    const keys = { ArrowLeft: () => jump(frame - 1), ArrowRight: () => jump(frame + 1), Home: () => jump(0), End: () => jump(last), " ": play };
    if (!keys[event.key] || event.target.tagName === "SELECT") return;
    event.preventDefault();
    keys[event.key]();
  });

  look(view);
  show(last);
  root.dataset.ready = "true";
})();
