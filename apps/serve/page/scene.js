// What the window shows of a picture: itself, the overlay on it, names; on the screen and for saving.
import { inkOn, kOtherColor } from "./colors.js";
import { kOther } from "./store.js";
import { anchorsOf } from "./result.js";
import { Overlay } from "./overlay.js";

export const textOf = (key) => (key === kOther ? "other" : key.split(/[|,]/)[0].trim());

/** How the overlay looks, from the page's state. */
export function lookOf({ words, settings, alone }) {
  const entries = words.map((w) => [w.key, { color: w.color, hidden: w.hidden }]);
  return {
    words: new Map([...entries, [kOther, { color: kOtherColor, hidden: false }]]),
    alone, opacity: settings.opacity / 100, outlines: settings.outlines, names: settings.names,
  };
}

/** Greyish pictures take colours better. Made once per picture. */
function greyOf(picture) {
  if (picture.grey) return picture.grey;
  const canvas = document.createElement("canvas");
  const scale = Math.min(1, 1600 / Math.max(picture.width, picture.height));
  canvas.width = Math.max(1, Math.round(picture.width * scale));
  canvas.height = Math.max(1, Math.round(picture.height * scale));
  const context = canvas.getContext("2d");
  context.filter = "grayscale(1)";
  context.drawImage(picture.bitmap, 0, 0, canvas.width, canvas.height);
  return (picture.grey = canvas);
}

function roundBox(context, x, y, width, height, radius) {
  context.beginPath();
  context.roundRect(x, y, width, height, radius);
}

/** Names on their regions where there is room, the largest first. `font` in pixels of `context`. */
function drawNames(context, place, overlay, look, font) {
  overlay.anchors ??= anchorsOf(overlay.result).sort((a, b) => b.radius - a.radius);
  context.font = `600 ${font}px system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif`;
  context.textBaseline = "middle";
  const taken = [];
  for (const { label, u, v, radius } of overlay.anchors) {
    const key = overlay.result.keyOf(label), word = look.words.get(key);
    if (!word || word.hidden || key === kOther || look.alone !== null && look.alone !== key) continue;
    const text = textOf(key).slice(0, 40), height = font * 1.7, width = context.measureText(text).width + font * 1.25;
    const room = radius * place.width;
    if (room * 2.2 < height || room * 4.5 < width) continue;
    const x = place.x + u * place.width - width / 2, y = place.y + v * place.height - height / 2;
    if (taken.some((t) => x < t.x + t.width && t.x < x + width && y < t.y + t.height && t.y < y + height)) continue;
    taken.push({ x, y, width, height });
    context.fillStyle = "rgb(255 255 255 / 92%)";
    roundBox(context, x - 1.2, y - 1.2, width + 2.4, height + 2.4, height / 2);
    context.fill();
    context.fillStyle = word.color;
    roundBox(context, x, y, width, height, height / 2);
    context.fill();
    context.fillStyle = inkOn(word.color);
    context.fillText(text, x + font * 0.625, y + height / 2 + font * 0.05);
  }
}

/** The picture at `place`; the overlay from `from` (window x) rightwards. */
export function drawScene(context, place, picture, overlay, look, { from = -Infinity, font = 12.5 } = {}) {
  context.imageSmoothingQuality = "high";
  context.imageSmoothingEnabled = place.scale < 3;
  context.drawImage(picture.bitmap, place.x, place.y, place.width, place.height);
  if (!overlay) return;
  context.save();
  if (from > place.x) {
    context.beginPath();
    context.rect(from, place.y, place.x + place.width - from, place.height);
    context.clip();
  }
  if (look.alone === null) {
    context.globalAlpha = Math.min(0.4, 0.6 * look.opacity);
    context.drawImage(greyOf(picture), place.x, place.y, place.width, place.height);
    context.globalAlpha = 1;
  }
  context.imageSmoothingEnabled = place.scale * (picture.width / overlay.map.width) < 2;
  context.drawImage(overlay.paint(look), place.x, place.y, place.width, place.height);
  if (look.names) drawNames(context, place, overlay, look, font);
  context.restore();
}

/** The picture with overlay and legend at its own size, as a PNG. */
export async function saveOverlay(picture, result, look) {
  const { width, height } = picture, font = Math.max(12, Math.round(Math.sqrt(width * height) / 42));
  const entries = result.found.filter(({ key }) => key === kOther || look.words.has(key) && !look.words.get(key).hidden);
  const line = Math.round(font * 1.9), columns = Math.max(1, Math.floor(width / (font * 15)));
  const rows = Math.ceil(entries.length / columns), canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height + rows * line + font;
  const context = canvas.getContext("2d");
  context.fillStyle = "#181a1f";
  context.fillRect(0, 0, canvas.width, canvas.height);
  const overlay = new Overlay(result, Infinity);
  drawScene(context, { x: 0, y: 0, width, height, scale: 1 }, picture, overlay, look, { font });
  context.textBaseline = "middle";
  entries.forEach(({ key, share }, i) => {
    const x = font + Math.floor(i / rows) * ((width - font) / columns), y = height + font / 2 + ((i % rows) + 0.5) * line;
    context.fillStyle = look.words.get(key).color;
    roundBox(context, x, y - font / 2, font, font, font / 4);
    context.fill();
    context.fillStyle = "#eceef2";
    context.font = `${font}px system-ui, sans-serif`;
    const room = width / columns - 3 * font;
    context.fillText(`${textOf(key)}  ${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`, x + 1.6 * font, y, room);
  });
  return new Promise((resolve, reject) =>
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("The browser could not make this PNG."))), "image/png"));
}
