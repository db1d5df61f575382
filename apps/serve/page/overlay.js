// Labels → colours, in the browser: hiding, isolating and recolouring a word asks nobody.
import { kOther } from "./store.js";
import { kOtherColor, rgbOf } from "./colors.js";
import { kNoLabel } from "./result.js";

const kInside = 0, kRim = 1, kSeam = 2;
/** On the screen more is not seen, and less is painted sooner. */
export const kScreenSide = 1600;

const pack = ([r, g, b], alpha) => ((Math.round(255 * alpha) << 24) | (b << 16) | (g << 8) | r) >>> 0;

/** Nearest labels at most `side` pixels wide and high. */
function sampled({ labels, width, height }, side) {
  const scale = Math.min(1, side / Math.max(width, height));
  if (scale === 1) return { labels, width, height };
  const w = Math.max(1, Math.round(width * scale)), h = Math.max(1, Math.round(height * scale));
  const out = new Uint16Array(w * h);
  for (let y = 0; y < h; ++y) {
    const row = Math.floor(((y + 0.5) * height) / h) * width;
    for (let x = 0; x < w; ++x) out[y * w + x] = labels[row + Math.floor(((x + 0.5) * width) / w)];
  }
  return { labels: out, width: w, height: h };
}

/** Where regions end: a bright seam between two of them, one contour wide, and a rim inside each. */
function edgesOf({ labels, width, height }) {
  const contour = Math.max(1, Math.round(Math.min(width, height) / 450)), rim = 3 * contour;
  const edges = new Uint8Array(labels.length);
  const walk = (start, step, count, forward) => {
    let distance = 255;
    for (let i = 1, p = start; i < count; ++i) {
      const from = p;
      p += step;
      distance = labels[p] !== labels[from] ? 1 : Math.min(255, distance + 1);
      if (!forward && distance <= contour) edges[p] = kSeam;
      else if (distance <= rim && edges[p] < kRim) edges[p] = kRim;
    }
  };
  for (let y = 0; y < height; ++y) {
    walk((y + 1) * width - 1, -1, width, false);
    walk(y * width, 1, width, true);
  }
  for (let x = 0; x < width; ++x) {
    walk((height - 1) * width + x, -width, height, false);
    walk(x, width, height, true);
  }
  return edges;
}

/** One region, of label 0, as an answer of its own, which the scene paints as an isolated word. */
export function oneRegion(labels, key, { width, height }) {
  const keys = [key, "\u0000rest"];
  return new Overlay({ labels, width, height, keys, keyOf: (label) => keys[label] ?? null });
}

export class Overlay {
  constructor(result, side = kScreenSide) {
    this.result = result;
    this.map = sampled(result, side);
    this.edges = edgesOf(this.map);
    this.canvas = document.createElement("canvas");
    this.canvas.width = this.map.width;
    this.canvas.height = this.map.height;
    this.look = "";
  }

  /** `look`: {words: Map key → {color, hidden}, alone: key or null, opacity 0 … 1, outlines}. Returns the canvas. */
  paint(look) {
    const text = JSON.stringify([[...look.words.values()], look.alone, look.opacity, look.outlines]);
    if (text === this.look) return this.canvas;
    this.look = text;
    const { labels, width, height } = this.map, { edges } = this;
    const tables = this.tables(look);
    const context = this.canvas.getContext("2d");
    const image = context.createImageData(width, height);
    const out = new Uint32Array(image.data.buffer);
    const inside = tables[kInside], last = inside.length - 1;
    for (let p = 0; p < out.length; ++p) {
      const label = labels[p] > last ? last : labels[p];
      out[p] = look.outlines ? tables[edges[p]][label] : inside[label];
    }
    context.putImageData(image, 0, 0);
    return this.canvas;
  }

  /** For every label its colour inside, on the rim and on the seam; the last entry is for pixels without one. */
  tables({ words, alone, opacity }) {
    const count = this.result.keys.length + 2;
    const tables = [0, 1, 2].map(() => new Uint32Array(count));
    const veil = pack([18, 19, 23], 0.66);
    for (let label = 0; label < count - 1; ++label) {
      const key = this.result.keyOf(label === kNoLabel ? kNoLabel : label);
      const word = words.get(key);
      const rgb = rgbOf(key === kOther ? kOtherColor : word?.color ?? kOtherColor);
      if (alone !== null && key !== alone) {
        for (const table of tables) table[label] = veil;
      } else if (alone !== null) {
        tables[kInside][label] = 0;
        tables[kRim][label] = pack(rgb, 0.9);
        tables[kSeam][label] = pack([255, 255, 255], 0.9);
      } else if (word?.hidden || key !== kOther && !word) {
        for (const table of tables) table[label] = 0;
      } else {
        tables[kInside][label] = pack(rgb, opacity * (key === kOther ? 0.6 : 1));
        tables[kRim][label] = pack(rgb, opacity && Math.min(1, opacity + 0.24));
        tables[kSeam][label] = pack([255, 255, 255], Math.min(0.85, 1.4 * opacity));
      }
    }
    return tables;
  }
}
