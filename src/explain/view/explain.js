// Draws what src/explain/explanation_json.h describes. Needs nothing but the page that it is in, and its colours.

const make = (name, props = {}, ...children) => {
  const [tag, ...classes] = name.split(".");
  const element = Object.assign(document.createElement(tag), classes.length ? { className: classes.join(" ") } : {});
  for (const [key, value] of Object.entries(props))
    if (key === "on") for (const [event, run] of Object.entries(value)) element.addEventListener(event, run);
    else if (key.startsWith("--") || key === "width") element.style.setProperty(key, value);
    else element.setAttribute(key, value);
  element.append(...children.flat());
  return element;
};

const bytesOf = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
const floatsOf = (text) => new Float32Array(bytesOf(text).buffer);
const sigmoid = (x) => 1 / (1 + Math.exp(-x));
const percent = (value) => `${(100 * value).toFixed(value > 0 && value < 0.1 ? 1 : 0)} %`;

const kStops = [[11, 13, 38], [74, 32, 118], [178, 54, 103], [240, 120, 62], [252, 226, 140]];
/** 0 … 1 → dark to bright. */
const heat = (t) => {
  const at = Math.min(0.9999, Math.max(0, t)) * (kStops.length - 1), i = Math.floor(at), f = at - i;
  return kStops[i].map((v, c) => v + f * (kStops[i + 1][c] - v));
};
const rgbOf = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));

/** A canvas of one pixel a value. `colour(i)` gives [r, g, b] of the ith. */
function mapOf([height, width], colour, label) {
  const canvas = make("canvas", label ? { role: "img", "aria-label": label } : { "aria-hidden": "true" });
  [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext("2d"), image = context.createImageData(width, height);
  for (let i = 0; i < width * height; ++i) image.data.set([...colour(i), 255], 4 * i);
  context.putImageData(image, 0, 0);
  return canvas;
}

/** Where an output position lies on an axis of the mask grid: [[index, weight], …]; as src/labels/axis_weights.h has it. */
export function axisTaps(grid, padded, content, output, position) {
  const f = Math.fround;
  const pair = (from, to, at) => {
    const source = Math.max(0, f(f(f(from / to) * f(at + 0.5)) - 0.5));
    const first = Math.min(Math.floor(source), from - 1), part = f(source - first);
    return [[first, f(1 - part)], [Math.min(first + 1, from - 1), part]];
  };
  const taps = new Map();
  for (const [middle, outer] of pair(content, output, position))
    for (const [index, inner] of pair(grid, padded, middle)) taps.set(index, (taps.get(index) ?? 0) + outer * inner);
  return [...taps].filter(([, weight]) => weight !== 0);
}

/** The numbers of an explanation, and how they add up. */
export class Explained {
  constructor(data) {
    this.data = data;
    this.masks = floatsOf(data.masks);
    this.probabilities = floatsOf(data.probabilities);
    this.cells = data.mask_grid[0] * data.mask_grid[1];
    this.columns = data.classes.length + 1;
    this.best = Array.from({ length: data.queries }, (_, q) => {
      const row = this.row(q).subarray(0, data.classes.length), label = row.indexOf(Math.max(...row));
      const mask = this.masks.subarray(q * this.cells, (q + 1) * this.cells);
      let inside = 0, sum = 0;
      for (const logit of mask) if (logit >= 0) (++inside, (sum += sigmoid(logit)));
      return { query: q, label, probability: row[label], mask: inside ? sum / inside : 0, inside };
    });
  }

  /** Probabilities of the classes and of the background, of one query. */
  row(query) {
    return this.probabilities.subarray(query * this.columns, (query + 1) * this.columns);
  }

  /** σ of every query's mask at a pixel of the picture. */
  masksAt(x, y) {
    const { mask_grid: [rows, columns], input, content, height, width, queries } = this.data;
    const down = axisTaps(rows, input[0], content[0], height, y), across = axisTaps(columns, input[1], content[1], width, x);
    return Array.from({ length: queries }, (_, q) => {
      let logit = 0;
      for (const [r, a] of down) for (const [c, b] of across) logit += a * b * this.masks[q * this.cells + r * columns + c];
      return sigmoid(logit);
    });
  }

  /** Σ over queries of P · σ for every class and the background; the label that wins; what each query gave. */
  at(x, y) {
    const masks = this.masksAt(x, y), scores = new Float64Array(this.columns);
    masks.forEach((m, q) => this.row(q).forEach((p, k) => (scores[k] += p * m)));
    const classes = scores.subarray(0, this.columns - 1);
    let label = classes.indexOf(Math.max(...classes));
    if (this.data.other && classes[label] < scores[this.columns - 1]) label = this.columns - 1;
    return { masks, scores, label };
  }
}

/** Fills `root`. */
export function renderExplanation(root, data) {
  const e = new Explained(data);
  const nameOf = (label) => data.classes[label] ?? "other", colorOf = (label) => data.colors[label] ?? "#707070";
  const grid = data.clip_grid, patches = grid[0] * grid[1];
  const order = [...e.best].filter((b) => b.inside).sort((a, b) => b.probability * b.mask - a.probability * a.mask);
  const state = { x: Math.floor(data.width / 2), y: Math.floor(data.height / 2), query: order[0]?.query ?? 0, mode: "labels", all: false };
  const card = (number, title, text, ...body) =>
    make("section.ex-card", {}, make("h2", {}, number ? make("b", {}, String(number)) : "", title), text ? make("p", {}, text) : "", ...body);
  const figure = (canvas, caption) => make("figure", {}, canvas, make("figcaption", {}, caption));

  // The picture, on which a pixel is chosen.
  const picture = new Image(), view = make("canvas", { "aria-hidden": "true" });
  [view.width, view.height] = [data.width, data.height].map((n) => Math.max(1, Math.round(n * Math.min(1, 768 / Math.max(data.width, data.height)))));
  const labels = new (data.labels.bits === 32 ? Uint32Array : Uint16Array)(bytesOf(data.labels.values).buffer), labelColors = data.colors.map(rgbOf);
  const labelMap = mapOf(data.labels.size, (i) => labelColors[labels[i]] ?? [112, 112, 112], "");
  const said = make("p.ex-unseen", { role: "status" });
  const chooseAt = (event) => {
    const box = view.getBoundingClientRect();
    choose((event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height);
  };
  const choose = (u, v) => {
    state.x = Math.min(data.width - 1, Math.max(0, Math.floor(u * data.width)));
    state.y = Math.min(data.height - 1, Math.max(0, Math.floor(v * data.height)));
    draw();
    sum();
  };
  const stage = make("div.ex-picture", { tabindex: "0", role: "application", "aria-roledescription": "picture", "aria-label": "Picture: arrow keys choose the pixel that is added up",
    on: {
      pointerdown: chooseAt, pointermove: (event) => event.buttons && chooseAt(event),
      keydown: (event) => {
        const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key], far = event.shiftKey ? 0.1 : 0.01;
        if (!step) return;
        event.preventDefault();
        choose((state.x + 0.5) / data.width + far * step[0], (state.y + 0.5) / data.height + far * step[1]);
      },
    } }, view);
  const kModes = [["labels", "Labels"], ["mask", "Mask"], ["plain", "Picture"]];
  const modes = make("div.ex-modes", { role: "group", "aria-label": "Shown on the picture" }, kModes.map(([mode, text]) =>
    make("button", { type: "button", "aria-pressed": String(mode === state.mode), "data-mode": mode, on: { click: () => setMode(mode) } }, text)));
  const setMode = (mode) => {
    state.mode = mode;
    for (const button of modes.children) button.setAttribute("aria-pressed", String(button.dataset.mode === mode));
    draw();
  };
  const maskMap = (query, [r, g, b]) => mapOf(data.mask_grid, (i) => {
    const s = sigmoid(e.masks[query * e.cells + i]);
    return [11 + s * (r - 11), 13 + s * (g - 13), 38 + s * (b - 38)];
  }, "");

  function draw() {
    const context = view.getContext("2d"), { width, height } = view;
    context.globalAlpha = 1;
    context.drawImage(picture, 0, 0, width, height);
    if (state.mode === "labels") {
      context.globalAlpha = 0.5;
      context.imageSmoothingEnabled = false;
      context.drawImage(labelMap, 0, 0, width, height);
    } else if (state.mode === "mask") {
      const map = maskMap(state.query, [255, 255, 255]), [rows, columns] = data.mask_grid;
      context.globalCompositeOperation = "multiply";
      context.imageSmoothingEnabled = true;
      context.drawImage(map, 0, 0, columns * data.content[1] / data.input[1], rows * data.content[0] / data.input[0], 0, 0, width, height);
      context.globalCompositeOperation = "source-over";
    }
    context.globalAlpha = 1;
    const x = (state.x + 0.5) / data.width * width, y = (state.y + 0.5) / data.height * height;
    for (const [style, line] of [["#000", 5], ["#fff", 2.5]]) {
      context.strokeStyle = style;
      context.lineWidth = line;
      context.beginPath();
      context.arc(x, y, 9, 0, 7);
      context.stroke();
    }
  }

  // What adds up there.
  const sums = make("div");
  function sum() {
    const { masks, scores, label } = e.at(state.x, state.y);
    const shown = [...data.classes.keys()].sort((a, b) => scores[b] - scores[a]).slice(0, 4), most = Math.max(1, scores[shown[0]]);
    const gave = (k) => masks.map((m, q) => ({ query: q, mask: m, probability: e.row(q)[k], value: m * e.row(q)[k] })).sort((a, b) => b.value - a.value);
    const rows = shown.map((k) => {
      const parts = gave(k).filter((part) => part.value > 0.002 * most);
      return make(k === label ? "li.winner" : "li", { "--c": colorOf(k) }, make("span.name", {}, nameOf(k)), make("span.value", {}, scores[k].toFixed(3)),
        make("span.ex-bar", {}, parts.slice(0, 12).map((part) => make("button", { type: "button", width: `${100 * part.value / most}%`, tabindex: "-1", "aria-label": `Query ${part.query} gave ${part.value.toFixed(3)}`, title: `query ${part.query}: ${part.value.toFixed(3)}`, on: { click: () => select(part.query) } }))));
    });
    const k = label < data.classes.length ? label : shown[0], parts = gave(k), first = parts.slice(0, 4), rest = scores[k] - first.reduce((a, part) => a + part.value, 0);
    const line = (cells) => make("tr", {}, cells.map((cell) => make("td", {}, cell)));
    sums.replaceChildren(make("ul.ex-bars", {}, rows),
      make("table.ex-sum", {}, make("thead", {}, make("tr", {}, ["Query", `calls it ${nameOf(k)}`, "mask here", "gives"].map((text) => make("th", { scope: "col" }, text)))),
        make("tbody", {}, first.map((part) => line([make("button", { type: "button", on: { click: () => select(part.query) } }, String(part.query)), part.probability.toFixed(3), part.mask.toFixed(3), part.value.toFixed(3)])),
          line(["all others", "", "", rest.toFixed(3)]), line([nameOf(k), "", "", scores[k].toFixed(3)]))));
    if (data.other) sums.append(make("p", {}, `The background’s score here is ${scores[e.columns - 1].toFixed(3)}.`));
    place.textContent = `Pixel ${state.x}, ${state.y}: ${nameOf(label)}`;
    sums.dataset.label = String(label);
    said.textContent = `Pixel ${state.x}, ${state.y}: ${nameOf(label)}, score ${(scores[label] ?? 0).toFixed(2)}`;
  }
  const place = make("h2", {});

  // The queries, and what belongs to the one that is chosen.
  const queries = make("ul.ex-queries"), more = make("button.ex-more", { type: "button", on: { click: () => ((state.all = !state.all), listQueries()) } });
  function listQueries() {
    queries.replaceChildren(...(state.all ? order : order.slice(0, 24)).map((b) => make("li", {}, make("button", { type: "button", "aria-pressed": String(b.query === state.query), "data-query": String(b.query),
      title: `Query ${b.query}: ${nameOf(b.label)}, class ${b.probability.toFixed(2)}, mask ${b.mask.toFixed(2)}`, on: { click: () => select(b.query) } },
    maskMap(b.query, rgbOf(colorOf(b.label))), make("span", {}, make("i", {}, nameOf(b.label)), make("em", {}, percent(b.probability)))))));
    more.textContent = state.all ? "Show fewer" : `Show all ${order.length}`;
    more.hidden = order.length <= 24;
  }
  const biasMaps = make("div.ex-maps"), lookMaps = make("div.ex-maps"), names = make("ul.ex-bars"), about = make("p", {});
  const bias = bytesOf(data.bias.bytes), ranges = floatsOf(data.bias.ranges);
  const attention = data.attention.map((a) => ({ block: a.block, bytes: bytesOf(a.bytes), ranges: floatsOf(a.ranges), own: floatsOf(a.own) }));
  function select(query) {
    state.query = query;
    const b = e.best[query];
    for (const button of queries.querySelectorAll("button")) button.setAttribute("aria-pressed", String(button.dataset.query === String(query)));
    about.textContent = `Query ${query}, called ${nameOf(b.label)} with ${percent(b.probability)}. Bright: look here; dark: do not. One map for each of CLIP’s ${data.heads} heads.`;
    biasMaps.replaceChildren(...Array.from({ length: data.heads }, (_, head) => {
      const at = (head * data.queries + query), values = bias.subarray(at * patches, (at + 1) * patches);
      return figure(mapOf(grid, (i) => heat(values[i] / 255), `Attention bias of head ${head}`), `head ${head}: ${ranges[2 * at].toFixed(1)} … ${ranges[2 * at + 1].toFixed(1)}`);
    }));
    lookMaps.replaceChildren(...attention.map((a) => {
      const values = a.bytes.subarray(query * patches, (query + 1) * patches);
      return figure(mapOf(grid, (i) => heat(Math.sqrt(values[i] / 255)), `Attention in block ${a.block}`), `block ${a.block}: ${percent(a.own[query])} at itself`);
    }));
    const row = e.row(query), top = [...row.keys()].sort((x, y) => row[y] - row[x]).slice(0, 6);
    names.replaceChildren(...top.map((k) => make("li", { "--c": colorOf(k) }, make("span.name", {}, k < data.classes.length ? nameOf(k) : "none of the words"), make("span.value", {}, row[k].toFixed(3)),
      make("span.ex-bar", {}, make("i", { width: `${100 * row[k]}%` })))));
    draw();
  }

  const size = ([h, w]) => `${w} × ${h}`;
  root.replaceChildren(make("div.ex", {},
    make("div.ex-left", {}, make("section.ex-card", {}, stage, modes), make("section.ex-card", {}, place, make("p", {}, "A word’s score is what all queries give: how sure the query is of the word × how much its mask covers this pixel. The word with the largest sum wins."), sums, said)),
    make("div.ex-right", {},
      card(1, "Two networks look", `The side adapter sees the picture with ${size(data.input)} pixels, CLIP with ${size(data.clip_input)}, cut into ${size(grid)} patches. CLIP is frozen: what the adapter learned is where to look.`),
      card(2, "CLIP’s features", "Each patch’s features, layer by layer: the three directions in which patches differ most, as red, green and blue. The number says how much of the differences that shows.",
        make("div.ex-maps", {}, data.features.map((f) => {
          const rgb = bytesOf(f.rgb);
          return figure(mapOf(grid, (i) => rgb.subarray(3 * i, 3 * i + 3), `Features of layer ${f.layer}`), `layer ${f.layer}: ${percent(f.share)}`);
        }))),
      card(3, "Mask proposals", `${data.queries} queries each propose a mask. ${order.length} are not empty, the surest first. Choose one to follow it.`, queries, more),
      card(4, "Where it sends CLIP’s attention", "", about, biasMaps),
      card(5, "What its SLS token looked at", "A copy of CLIP’s class token for each query, in CLIP’s last blocks, under those biases; mean over heads, brightness its square root.", lookMaps),
      card(6, "What CLIP then calls it", "", names))));
  listQueries();
  select(state.query);
  sum();
  picture.onload = draw;
  picture.src = data.picture;
}
