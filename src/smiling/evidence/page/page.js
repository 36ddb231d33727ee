"use strict";
// Draws the page's curves and scores from its data. Plotly takes some markup in texts: names are escaped for it.
const data = JSON.parse(document.getElementById("data").textContent);
const dark = matchMedia("(prefers-color-scheme: dark)");
const finePointer = matchMedia("(pointer: fine)");
const hidden = new Set(); // methods
let axis = "steps";

const UNITS = [[3600, "hours"], [60, "minutes"], [1, "seconds"]];
const LEVEL_POINTS = 41; // of a level, to hover at

const escaped = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
const themed = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
const paintOf = (method) => (dark.matches ? data.methods[method].dark : data.methods[method].light);
const transparent = (hex, alpha) =>
  `rgba(${[1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)).join(",")},${alpha})`;
const number = (value, digits = 3) => value.toLocaleString("en", { maximumSignificantDigits: digits });
const meanOf = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const panelOf = (element) => data.figures[element.dataset.figure].panels[element.dataset.panel];

// A return as it was, from its normalised value.
function returned(task, value) {
  return task.normalised ? task.random + value * (task.expert - task.random) : value;
}

// The unit in which the longest run of all is at least one, and its seconds.
function unitOfTime() {
  const all = data.figures.flatMap((figure) => figure.panels).flatMap((panel) => panel.curves);
  const longest = Math.max(0, ...all.flatMap((curve) => curve.seconds).filter((seconds) => seconds !== null));
  return UNITS.find(([seconds]) => longest >= seconds) ?? UNITS.at(-1);
}

const [unitSeconds, unitName] = unitOfTime();

// Where a curve's evaluations are on the axis, of a run that took `seconds`; null if that is not known.
function places(curve, seconds) {
  if (axis === "steps") return curve.steps;
  if (seconds === null) return null;
  const last = curve.steps.at(-1);
  return curve.steps.map((step) => (step / last) * (seconds / unitSeconds));
}

function meanPlaces(curve) {
  const known = curve.seconds.filter((seconds) => seconds !== null);
  return places(curve, known.length ? meanOf(known) : null);
}

function interval(low, high) {
  return low === null ? "one seed: no interval" : `95 % interval ${number(low)} to ${number(high)}`;
}

// What is said of a point of a seed, and of a mean.
function hoverOfSeed(curve, task, seed, step, value) {
  const name = escaped(data.methods[curve.method].label);
  const when = data.methods[curve.method].takesSteps ? `step ${number(step, 9)}` : "best checkpoint";
  const normalised = task.normalised ? `<br>normalised ${number(value)}` : "";
  return `${name}, seed ${seed}<br>${when}<br>return ${number(returned(task, value), 4)}${normalised}`;
}

function hoverOfMean(curve, step, mean, low, high) {
  const name = escaped(data.methods[curve.method].label);
  const when = data.methods[curve.method].takesSteps ? `step ${number(step, 9)}` : "best checkpoint";
  return `${name}, mean of ${curve.seeds.length}<br>${when}<br>${number(mean)}<br>${interval(low, high)}`;
}

const lineOf = (curve, width, share = 1) => ({
  color: transparent(paintOf(curve.method), share),
  width,
  dash: data.methods[curve.method].dash.map((part) => `${part}px`).join(",") || "solid",
});

const traceOf = (text, more) => ({
  type: "scatter", mode: "lines", showlegend: false, hovertemplate: "%{text}<extra></extra>", text, ...more,
});

// An interval; of a single seed, which has none, nothing is seen.
const bandOf = (curve, share, x, y) => ({
  type: "scatter", mode: "lines", fill: "toself", hoverinfo: "skip", showlegend: false, line: { width: 0 },
  fillcolor: transparent(paintOf(curve.method), share), name: curve.method, x, y,
});

// A method that learns in steps; what it is drawn of lies in layers, so that no method's band covers another's mean.
function curveTraces(curve, task) {
  const middle = meanPlaces(curve);
  if (middle === null) return { bands: [], seeds: [], means: [] };
  const { mean, low, high, steps } = curve;
  const seeds = curve.seeds.map((seed, row) => traceOf(
    steps.map((step, at) => hoverOfSeed(curve, task, seed, step, curve.values[row][at])),
    { x: places(curve, curve.seconds[row]) ?? [], y: curve.values[row], line: lineOf(curve, 1, 0.45), name: curve.method },
  ));
  const text = steps.map((step, at) => hoverOfMean(curve, step, mean[at], low[at], high[at]));
  const means = [traceOf(text, { x: middle, y: mean, line: lineOf(curve, 2), name: curve.method })];
  return { bands: [bandOf(curve, 0.13, [...middle, ...middle.toReversed()], [...low, ...high.toReversed()])], seeds, means };
}

// A method that takes no steps: its level and interval over the whole width, a tick for each seed at the right.
function levelTraces(curve, task, widest) {
  const [mean, low, high] = [curve.mean[0], curve.low[0], curve.high[0]];
  const many = Array.from({ length: LEVEL_POINTS }, (_, at) => (at / (LEVEL_POINTS - 1)) * widest);
  const level = traceOf(many.map(() => hoverOfMean(curve, 0, mean, low, high)), {
    x: many, y: many.map(() => mean), line: lineOf(curve, 2), name: curve.method,
  });
  const ticks = traceOf(curve.seeds.map((seed, row) => hoverOfSeed(curve, task, seed, 0, curve.values[row][0])), {
    mode: "markers", x: curve.seeds.map(() => widest), y: curve.values.map((row) => row[0]), name: curve.method,
    marker: { symbol: "line-ew-open", size: 12, color: paintOf(curve.method), line: { width: 2 } }, cliponaxis: false,
  });
  const band = bandOf(curve, 0.09, [0, widest, widest, 0], [low, low, high, high]);
  return { bands: [band], seeds: [ticks], means: [level] };
}

// The right end of a panel's axis.
function widestOf(panel) {
  const ends = panel.curves.filter((curve) => data.methods[curve.method].takesSteps)
    .flatMap((curve) => curve.seconds.map((seconds) => places(curve, seconds)?.at(-1) ?? 0));
  return Math.max(0, ...ends) || 1;
}

const expertLine = (upright) => ({
  type: "line", layer: "below", line: { dash: "dash", width: 1.2, color: themed("text") },
  ...(upright ? { x0: 1, x1: 1, yref: "paper", y0: 0, y1: 1 } : { y0: 1, y1: 1, xref: "paper", x0: 0, x1: 1 }),
});

const axisLook = () => ({
  gridcolor: themed("line"), zerolinecolor: themed("line"), linecolor: themed("quiet"), fixedrange: !finePointer.matches,
});

function layoutOf(x, y, margin, more) {
  return {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", margin, hovermode: "closest",
    font: { color: themed("text"), size: 12, family: "system-ui, sans-serif" },
    hoverlabel: { align: "left", bgcolor: themed("surface"), bordercolor: themed("quiet"), font: { color: themed("text") } },
    dragmode: finePointer.matches ? "zoom" : false,
    xaxis: { ...axisLook(), ...x }, yaxis: { ...axisLook(), ...y }, ...more,
  };
}

const CONFIG = { displayModeBar: false, responsive: true, doubleClick: "reset+autosize" };
const heightName = (task) => (task.normalised ? "Normalised return" : "Return");

function drawCurves(element) {
  const panel = panelOf(element);
  const task = data.tasks[panel.task];
  const widest = widestOf(panel);
  const drawn = panel.curves.filter((curve) => !hidden.has(curve.method)).map((curve) =>
    data.methods[curve.method].takesSteps ? curveTraces(curve, task) : levelTraces(curve, task, widest));
  const traces = ["bands", "seeds", "means"].flatMap((layer) => drawn.flatMap((each) => each[layer]));
  const title = axis === "steps" ? "Environment steps" : `Wall time of a run (${unitName})`;
  const learns = panel.curves.some((curve) => data.methods[curve.method].takesSteps);
  const x = { title: { text: learns ? title : "no steps in the environment" }, showticklabels: learns, range: [0, widest * 1.02] };
  Object.assign(x, { tickformat: axis === "steps" ? "~s" : "~g", nticks: 6 });
  const y = { title: { text: heightName(task) }, range: panel.view };
  const shapes = task.normalised ? [expertLine(false)] : [];
  return Plotly.react(element, traces, layoutOf(x, y, { l: 56, r: 12, t: 8, b: 44 }, { shapes }), CONFIG);
}

// Each seed's score a dot, their mean a diamond with its interval; methods from top to bottom.
function drawScores(element) {
  const panel = panelOf(element);
  const task = data.tasks[panel.task];
  const traces = panel.curves.flatMap((curve) => {
    const name = escaped(data.methods[curve.method].label);
    const paint = paintOf(curve.method);
    const { mean, low, high } = curve.end;
    const error = low === null ? {} : { error_x: { type: "data", array: [high - mean], color: paint, thickness: 2, width: 5 } };
    const said = curve.ends.map((value, row) => `${name}, seed ${curve.seeds[row]}<br>at the end ${number(value)}`);
    return [
      traceOf(said, { mode: "markers", x: curve.ends, y: said.map(() => name), marker: { color: transparent(paint, 0.55), size: 8 } }),
      traceOf([`${name}, mean of ${curve.seeds.length}: ${number(mean)}<br>${interval(low, high)}`],
        { mode: "markers", x: [mean], y: [name], marker: { color: paint, size: 11, symbol: "diamond" }, ...error }),
    ];
  });
  const y = { autorange: "reversed", automargin: true, type: "category" };
  const x = { title: { text: heightName(task) }, autorangeoptions: { include: task.normalised ? [0, 1] : [0] } };
  const shapes = task.normalised ? [expertLine(true)] : [];
  element.style.height = `${90 + 34 * panel.curves.length}px`;
  return Plotly.react(element, traces, layoutOf(x, y, { l: 20, r: 12, t: 8, b: 44 }, { shapes }), CONFIG);
}

// The numbers of a panel as a table, made when it is opened.
function fillNumbers(details) {
  if (details.querySelector("table")) return;
  const panel = panelOf(details);
  const steps = [...new Set(panel.curves.flatMap((curve) => curve.steps))].sort((a, b) => a - b);
  const table = document.createElement("table");
  table.createCaption().textContent = "Mean and 95 % interval at each evaluation";
  const cell = (row, kind, text) => {
    const made = row.appendChild(document.createElement(kind));
    made.textContent = text;
    if (kind === "th") made.scope = row.parentElement.tagName === "THEAD" ? "col" : "row";
  };
  const head = table.createTHead().insertRow();
  ["step", ...panel.curves.map((curve) => data.methods[curve.method].label)].forEach((text) => cell(head, "th", text));
  const body = table.createTBody();
  for (const step of steps) {
    const row = body.insertRow();
    cell(row, "th", number(step, 9));
    for (const curve of panel.curves) cell(row, "td", numbersAt(curve, curve.steps.indexOf(step)));
  }
  const scroll = details.appendChild(document.createElement("div"));
  Object.assign(scroll, { className: "scroll", tabIndex: 0 });
  scroll.setAttribute("role", "region");
  scroll.setAttribute("aria-label", details.querySelector("summary").textContent);
  scroll.append(table);
}

function numbersAt(curve, at) {
  if (at < 0) return "";
  const bounds = curve.low[at] === null ? "" : ` [${number(curve.low[at])}, ${number(curve.high[at])}]`;
  return number(curve.mean[at]) + bounds;
}

function drawAllCurves() {
  document.querySelectorAll(".plot.curves").forEach(drawCurves);
}

function drawAll() {
  drawAllCurves();
  document.querySelectorAll(".plot.scores").forEach(drawScores);
}

document.querySelectorAll("button[data-method]").forEach((button) => button.addEventListener("click", () => {
  const { method } = button.dataset;
  if (!hidden.delete(method)) hidden.add(method);
  button.setAttribute("aria-pressed", String(!hidden.has(method)));
  drawAllCurves();
}));
document.querySelectorAll("input[name=axis]").forEach((input) => input.addEventListener("change", () => {
  axis = input.value;
  document.getElementById("time-note").hidden = axis === "steps";
  drawAllCurves();
}));
document.querySelectorAll("details.numbers").forEach((details) => details.addEventListener("toggle", () => fillNumbers(details)));
dark.addEventListener("change", drawAll);
drawAll();
