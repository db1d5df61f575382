// Words and settings in the address, so that a link brings them back. Pictures never travel in it.
import { defaultSettings, withWords } from "./store.js";
import { freeColor } from "./colors.js";

const kNumbers = { side: [0, 8192], opacity: [0, 100] };
const kSwitches = ["rest", "outlines", "names", "refine", "examples"];

export function linkOf({ words, settings }) {
  const p = new URLSearchParams();
  const plain = withWords([], words.map((w) => w.key), freeColor);
  words.forEach((w, i) => p.append("w", w.key + (w.color === plain[i].color ? "" : `\t${w.color}`)));
  const hidden = words.flatMap((w, i) => (w.hidden ? [i] : []));
  if (hidden.length) p.set("hide", hidden.join("."));
  if (settings.model) p.set("model", settings.model);
  for (const key of Object.keys(kNumbers)) if (settings[key] !== defaultSettings[key]) p.set(key, String(settings[key]));
  for (const key of kSwitches) if (settings[key] !== defaultSettings[key]) p.set(key, settings[key] ? "1" : "0");
  return p.toString();
}

/** {words, settings} of an address; what does not fit is left out. */
export function readLink(hash) {
  const p = new URLSearchParams(hash.replace(/^#/, ""));
  const given = p.getAll("w").map((text) => text.split("\t")).filter(([key]) => key && key.length <= 1000).slice(0, 5000);
  const words = withWords([], given.map(([key]) => key), freeColor);
  for (const [key, color] of given)
    if (/^#[0-9a-f]{6}$/.test(color ?? "")) for (const w of words) if (w.key === key) w.color = color;
  for (const i of (p.get("hide") ?? "").split(".")) if (/^\d+$/.test(i) && words[i]) words[i].hidden = true;
  const settings = { ...defaultSettings, model: p.get("model") ?? "" };
  for (const [key, [low, high]] of Object.entries(kNumbers)) {
    const value = Number(p.get(key) ?? NaN);
    if (Number.isInteger(value) && value >= low && value <= high) settings[key] = value;
  }
  for (const key of kSwitches) if (p.has(key)) settings[key] = p.get(key) === "1";
  return { words, settings };
}
