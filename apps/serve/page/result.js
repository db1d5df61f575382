// One answer of the service: labels of every pixel, and what is known of them.
import { kOther } from "./store.js";
import { paintMask } from "./masks.js";

export const kNoLabel = 0xffff;

export class Result {
  /** `json` as /v1/segment answers it; `keys` the words asked for, in order. */
  constructor(json, keys) {
    this.json = json;
    this.keys = keys;
    this.width = json.width;
    this.height = json.height;
    this.labels = new Uint16Array(json.width * json.height).fill(kNoLabel);
    this.found = json.classes.map((entry) => {
      const label = entry.index ?? keys.length;
      paintMask(entry.segmentation, label, this.labels);
      return { label, key: keys[label] ?? kOther, area: entry.area, share: entry.share, score: entry.mean_score ?? null };
    });
    this.byLabel = new Map(this.found.map((entry) => [entry.label, entry]));
    this.scores = null;
    this.proposals = null;
  }

  keyOf(label) {
    return label === kNoLabel ? null : this.keys[label] ?? kOther;
  }

  /** What lies at fractions of width and height: {key, score, second: {key, score}?}; null outside. */
  at(u, v) {
    if (!(u >= 0 && v >= 0 && u < 1 && v < 1)) return null;
    const label = this.labels[Math.floor(v * this.height) * this.width + Math.floor(u * this.width)];
    if (label === kNoLabel) return null;
    const entry = this.byLabel.get(label);
    const here = { label, key: this.keyOf(label), share: entry.share, score: null, second: null };
    if (!this.scores) return here;
    const { scores, runnerUp, runnerUpScores } = this.scores;
    const read = ({ values, width, height }) => values[Math.floor(v * height) * width + Math.floor(u * width)];
    here.score = read(scores) / 255;
    const second = read(runnerUp);
    // The runner-up's map is coarser than the labels: at a border it may name the word that won here.
    if (second !== label && second < this.keys.length) here.second = { key: this.keys[second], score: read(runnerUpScores) / 255 };
    return here;
  }
}

/** Places for names: for each label the pixel farthest from every border, {label, u, v, radius}; radius in widths. */
export function anchorsOf({ labels, width, height }) {
  const step = Math.max(1, Math.ceil(Math.max(width, height) / 160));
  const w = Math.floor(width / step), h = Math.floor(height / step);
  if (w < 1 || h < 1) return [];
  const small = new Uint16Array(w * h), far = new Uint16Array(w * h);
  for (let y = 0; y < h; ++y) for (let x = 0; x < w; ++x) small[y * w + x] = labels[y * step * width + x * step];
  const relax = (x, y, dx, dy) => {
    const p = y * w + x, u = x + dx, v = y + dy;
    const near = u < 0 || v < 0 || u >= w || v >= h || small[v * w + u] !== small[p] ? 1 : far[v * w + u] + 1;
    if (near < far[p]) far[p] = near;
  };
  far.fill(0xffff);
  for (let y = 0; y < h; ++y) for (let x = 0; x < w; ++x) (relax(x, y, -1, 0), relax(x, y, 0, -1), relax(x, y, -1, -1), relax(x, y, 1, -1));
  const best = new Map();
  for (let y = h - 1; y >= 0; --y)
    for (let x = w - 1; x >= 0; --x) {
      (relax(x, y, 1, 0), relax(x, y, 0, 1), relax(x, y, 1, 1), relax(x, y, -1, 1));
      const p = y * w + x, known = best.get(small[p]);
      if (!known || far[p] > known.far) best.set(small[p], { far: far[p], x, y });
    }
  best.delete(kNoLabel);
  return [...best].map(([label, b]) => ({ label, u: (b.x + 0.5) / w, v: (b.y + 0.5) / h, radius: b.far / w }));
}
