// Colours of words: the first are those of the program's own overlays, chosen to be told apart by eyes with and
// without red-green deficiency.

const kFirst = (
  "e63c32 00ffa6 004dc7 006e00 a6a6ff ffb100 900085 00b190 d258c7 ff90a6 90e8ff 2185ff 7963a6 9bbc00 906300 c79058 " +
  "d2e84d 9b4258 218579 ff90ff 0bd2d2 6337a6 9b79e8 b16e85 b1d290 9b42c7 429037 00d26e 00b1e8 0b90bc 6358dd ff63b1"
).split(" ");

export const kOtherColor = "#707070";

/** The nth colour; beyond the chosen ones hues run round by the golden angle. */
function color(n) {
  if (n < kFirst.length) return `#${kFirst[n]}`;
  const hue = (n * 137.508) % 360, light = 0.42 + 0.07 * (n % 4);
  const f = (k) => {
    const a = (k + hue / 30) % 12;
    return Math.round(255 * (light - 0.65 * Math.min(light, 1 - light) * Math.max(-1, Math.min(a - 3, 9 - a, 1))));
  };
  return `#${[f(0), f(8), f(4)].map((v) => v.toString(16).padStart(2, "0")).join("")}`;
}

/** The first colour that is not among `taken`. */
export function freeColor(taken) {
  const used = new Set(taken);
  for (let n = 0; ; ++n) if (!used.has(color(n))) return color(n);
}

export const rgbOf = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));

/** Black or white, whichever is read more easily on `hex`. */
export function inkOn(hex) {
  const [r, g, b] = rgbOf(hex).map((v) => (v / 255) ** 2.2);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.2 ? "#16171a" : "#ffffff";
}
