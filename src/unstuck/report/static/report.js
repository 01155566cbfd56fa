// Draws the report's plots from the data that stands in the page. Nothing is loaded; uPlot stands before this script.
(() => {
  "use strict";

  const root = document.documentElement;
  const failures = [];
  const fail = (what, error) => {
    failures.push(`${what}: ${error && error.message ? error.message : error}`);
    root.dataset.errors = failures.join(" | ");
  };
  addEventListener("error", (event) => fail("page", event.error || event.message));

  const page = JSON.parse(document.getElementById("data").textContent);
  const say = (key) => page.words[key];
  const style = (name) => getComputedStyle(root).getPropertyValue(name).trim();

  // Numbers as the rest of the report writes them: three digits, 1e-3 rather than 0.001.
  function number(value) {
    if (value == null || Number.isNaN(value)) return "–";
    const shown = Number(value.toPrecision(3));
    const size = Math.abs(shown);
    if (shown === 0) return "0";
    if (size >= 1000 && size < 1e6) return Math.round(value).toLocaleString("en-US");
    if (size >= 0.01 && size < 1000) return String(shown);
    const [mantissa, exponent] = value.toExponential(2).split("e");
    return `${Number(mantissa)}e${Number(exponent)}`;
  }
  const percent = (value) => (value == null ? "–" : `${Number((100 * value).toFixed(1))}%`);

  const channels = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
  function ramp(name, stops, share) {
    const at = Math.min(Math.max(share, 0), 1) * (stops - 1);
    const below = Math.min(Math.floor(at), stops - 2);
    const [a, b] = [below, below + 1].map((stop) => channels(style(`--${name}-${stop}`)));
    return a.map((low, i) => Math.round(low + (at - below) * (b[i] - low)));
  }

  function colour(line) {
    if (line.kind === "reference") return style("--reference");
    if (line.kind === "raw") return style("--raw");
    if (line.tone === "depth") return `rgb(${ramp("ramp", 5, line.depth).join(",")})`;
    return style(`--${line.tone}`);
  }

  // All lines of a plot on one axis of steps; its ends are those of the whole training, so that plots can be compared.
  function aligned(chart, last) {
    const lines = chart.blocks.flatMap((block) => block.lines);
    const tables = chart.blocks.map((block) => [block.x, ...block.lines.map((line) => line.y)]);
    const data = uPlot.join([[[0, Math.max(last, 1)]], ...tables]);
    for (const level of chart.references) {
      lines.push({ name: level.name, kind: "reference", level: level.value });
      data.push(data[0].map(() => level.value));
    }
    return { lines, data };
  }

  const positive = (data) => data.map((ys, i) => (i ? ys.map((y) => (y === undefined || y > 0 ? y : null)) : ys));

  const wholeSteps = [1, 2, 5].flatMap((n) => Array.from({ length: 9 }, (_, i) => n * 10 ** i)).sort((a, b) => a - b);

  // Over many decades, whole decades alone: at most six lines rather than nine a decade.
  function decades(u, axisIndex, low, high) {
    const [first, last] = [Math.ceil(Math.log10(low)), Math.floor(Math.log10(high))];
    if (last - first < 1) {
      const fine = [first - 1, first, first + 1].flatMap((power) => [1, 2, 5].map((n) => n * 10 ** power));
      const seen = fine.filter((value) => value >= low && value <= high);
      return seen.length ? seen : [low, high];
    }
    const stride = Math.ceil((last - first + 1) / 6);
    return Array.from({ length: Math.floor((last - first) / stride) + 1 }, (_, i) => 10 ** (first + i * stride));
  }
  const wide = (lines, data, right) => {
    const values = lines.flatMap((line, i) => (Boolean(line.right) === right ? data[i + 1] : [])).filter((y) => y > 0);
    const [low, high] = values.reduce(([a, b], y) => [Math.min(a, y), Math.max(b, y)], [Infinity, 0]);
    return high / low > 500;
  };
  const many = { splits: decades, filter: (u, splits) => splits };

  function axis(scale, chart, side) {
    const write = chart.shares ? percent : number;
    return {
      scale,
      side,
      stroke: () => style("--soft"),
      font: "12px system-ui, sans-serif",
      grid: { show: side !== 1, stroke: () => style("--grid"), width: 1 },
      ticks: { show: false },
      gap: 6,
      size: (u, texts) => 14 + 6.6 * Math.max(3, ...(texts || []).map((text) => (text || "").length)),
      values: (u, splits) => splits.map((split) => (split == null ? "" : write(split))),
    };
  }

  function shareRange(u, low, high) {
    return [low >= 0.5 ? Math.floor(low * 10) / 10 : 0, high > 0.5 ? 1 : Math.max(0.1, Math.ceil(high * 10) / 10)];
  }

  // Zero belongs to a linear axis of positive values: half the height then means half the value.
  function linearRange(u, low, high) {
    if (low == null) return [0, 1];
    const room = (high - low) * 0.06 || Math.abs(high) * 0.1 || 1;
    return [low >= 0 ? 0 : low - room, high + room];
  }

  const nearest = (u, series, index) => {
    const ys = u.data[series];
    for (let d = 0; d < ys.length; d++) {
      if (ys[index - d] != null) return index - d;
      if (ys[index + d] != null) return index + d;
    }
    return index;
  };

  const charts = [];

  function options(chart, lines, data, log, box, hooks) {
    const distribution = log ? { distr: 3, log: 10 } : { range: chart.shares ? shareRange : linearRange };
    const right = lines.some((line) => line.right);
    return {
      width: Math.max(box.clientWidth, 200),
      height: 250,
      padding: [10, right ? 0 : 14, 0, 0],
      legend: { show: false },
      cursor: {
        sync: { key: `steps-${chart.chapter}`, scales: ["x", null] },
        drag: { x: true, y: false },
        dataIdx: nearest,
        focus: { prox: lines.length > 4 ? 24 : -1 },
        points: { size: 7 },
      },
      focus: { alpha: 0.25 },
      scales: { x: { time: false }, y: distribution, right: { distr: 3, log: 10 } },
      axes: [
        { ...axis("x", {}, 2), size: 34, incrs: wholeSteps, values: (u, splits) => splits.map((s) => s.toLocaleString("en-US")) },
        { ...axis("y", chart, 3), ...(log && wide(lines, data, false) ? many : {}) },
        ...(right ? [{ ...axis("right", chart, 1), ...(wide(lines, data, true) ? many : {}) }] : []),
      ],
      series: [
        {},
        ...lines.map((line) => ({
          label: line.name,
          scale: line.right ? "right" : "y",
          stroke: () => colour(line),
          width: line.kind === "raw" || line.kind === "reference" ? 1 : 2,
          paths: line.kind === "stairs" ? uPlot.paths.stepped({ align: 1 }) : undefined,
          dash: line.kind === "reference" ? [6, 5] : line.right ? [10, 4] : undefined,
          points: { show: line.kind === "points" || isSparse(line), size: 6, fill: () => colour(line) },
        })),
      ],
      hooks,
    };
  }

  const isSparse = (line) => Boolean(line.y) && line.y.length < 3;

  // What was really drawn, for those who check a page without eyes.
  function count(u, figure, lines) {
    const drawn = lines.map((line, i) => (line.kind === "reference" ? 0 : u.data[i + 1].filter((y) => y != null).length));
    figure.dataset.points = drawn.reduce((a, b) => a + b, 0);
    figure.dataset.lines = drawn.filter(Boolean).length;
  }

  function legend(figure, chart, lines, state) {
    const list = figure.querySelector(".legend");
    const write = chart.shares ? percent : number;
    const entries = lines.map((line, i) => {
      const item = document.createElement("li");
      const button = document.createElement("button");
      button.type = "button";
      button.className = line.kind;
      button.title = say("page.toggle");
      button.setAttribute("aria-pressed", "true");
      const value = document.createElement("output");
      value.setAttribute("aria-live", "off");
      button.append(document.createElement("i"), line.name, value);
      button.addEventListener("click", () => {
        const show = !state.plot.series[i + 1].show;
        state.hidden[i] = !show;
        state.plot.setSeries(i + 1, { show });
        button.setAttribute("aria-pressed", String(show));
      });
      button.addEventListener("mouseenter", () => lines.length > 4 && state.plot.setSeries(i + 1, { focus: true }));
      button.addEventListener("mouseleave", () => state.plot.setSeries(null, { focus: true }));
      item.append(button);
      list.append(item);
      return { button, value, line };
    });
    const paint = () => entries.forEach(({ button, line }) => button.style.setProperty("--swatch", colour(line)));
    const values = (u) =>
      entries.forEach(({ value, line }, i) => {
        const index = u.cursor.idxs && u.cursor.idxs[i + 1];
        value.textContent = u.cursor.left < 0 || index == null || line.kind === "reference" ? "" : write(u.data[i + 1][index]);
      });
    return { paint, values };
  }

  // Arrow keys walk along the steps; what stands under the cursor is said aloud.
  function keyboard(box, figure, chart, lines, state) {
    const aloud = figure.querySelector(".aloud");
    box.addEventListener("keydown", (event) => {
      const u = state.plot;
      const { min, max } = u.scales.x;
      const stride = (max - min) / 50;
      const at = u.cursor.left >= 0 ? u.posToVal(u.cursor.left, "x") : min;
      const goal = { ArrowRight: at + stride, ArrowLeft: at - stride, Home: min, End: max }[event.key];
      if (goal === undefined) return;
      event.preventDefault();
      u.setCursor({ left: u.valToPos(Math.min(Math.max(goal, min), max), "x"), top: u.bbox.height / 4 }, true, true);
      const write = chart.shares ? percent : number;
      const parts = lines.flatMap((line, i) =>
        line.kind === "reference" || state.hidden[i] ? [] : [`${line.name} ${write(u.data[i + 1][u.cursor.idxs[i + 1]])}`],
      );
      aloud.textContent = `${say("page.step")} ${u.data[0][u.cursor.idx]}: ${parts.join(", ")}`;
    });
  }

  function draw(figure) {
    const chart = page.charts[figure.dataset.chart];
    chart.chapter = figure.dataset.chapter;
    const last = Math.max(page.last[chart.chapter], 1);
    const box = figure.querySelector(".chart");
    const reset = figure.querySelector(".reset");
    const { lines, data } = aligned(chart, last);
    const state = { plot: null, hidden: [] };
    const key = legend(figure, chart, lines, state);
    const hooks = {
      draw: [(u) => count(u, figure, lines)],
      setCursor: [key.values],
      setScale: [(u, scale) => scale === "x" && (reset.hidden = u.scales.x.min <= 0 && u.scales.x.max >= last)],
    };

    const build = (log) => {
      if (state.plot) state.plot.destroy();
      state.plot = new uPlot(options(chart, lines, data, log, box, hooks), log ? positive(data) : data, box);
      state.hidden.forEach((hidden, i) => hidden && state.plot.setSeries(i + 1, { show: false }));
      figure.dataset.scale = log ? "log" : "linear";
    };
    const buttons = [...figure.querySelectorAll("[data-scale]")];
    const choose = (name) => {
      buttons.forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.scale === name)));
      build(name === "log");
    };
    const values = lines.flatMap((line) => line.y || []).filter((y) => y != null);
    buttons.forEach((button) => {
      button.disabled = button.dataset.scale === "log" && !values.some((y) => y > 0);
      button.addEventListener("click", () => choose(button.dataset.scale));
    });
    // A loss that blew up hides everything else on a linear axis.
    const blewUp = values.length > 1 && values.every((y) => y > 0) && Math.max(...values.slice(0, 1e5)) > 20 * values[0];
    choose(chart.log === "always" || (chart.log === "choose" && blewUp) ? "log" : "linear");
    keyboard(box, figure, chart, lines, state);
    reset.addEventListener("click", () => charts.forEach((one) => one.state.plot.setScale("x", { min: 0, max: one.last })));
    new ResizeObserver(() => {
      const width = Math.max(box.clientWidth, 200);
      if (width !== state.plot.width) state.plot.setSize({ width, height: 250 });
    }).observe(box);
    key.paint();
    charts.push({ state, key, last });
  }

  function heat(canvas) {
    const map = page.maps[canvas.dataset.map];
    const bits = atob(map.densities);
    const palette = Array.from({ length: 256 }, (_, i) => ramp("heat", 4, Math.sqrt(i / 255)));
    canvas.width = map.columns;
    canvas.height = map.rows;
    const context = canvas.getContext("2d");
    const image = context.createImageData(map.columns, map.rows);
    let filled = 0;
    for (let i = 0; i < bits.length; i++) {
      const level = bits.charCodeAt(i);
      if (level) filled += 1;
      image.data.set([...palette[level], 255], 4 * i);
    }
    context.putImageData(image, 0, 0);
    canvas.dataset.points = filled;
  }

  const attempt = (element, action) => {
    try {
      action(element);
    } catch (error) {
      fail(element.id || element.dataset.map, error);
      const note = document.createElement("p");
      note.className = "missing";
      note.textContent = `${say("page.failed")}: ${error.message}`;
      element.after(note);
    }
  };
  const paintMaps = () => document.querySelectorAll("[data-map]").forEach((canvas) => attempt(canvas, heat));

  document.querySelectorAll("[data-chart]").forEach((figure) => attempt(figure, draw));
  paintMaps();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    charts.forEach(({ state, key }) => (state.plot.redraw(false, true), key.paint()));
    paintMaps();
  });
  root.dataset.ready = charts.length;
})();
