// Saving what was found.
import { currentPicture, kOther } from "./store.js";
import { lookOf, saveOverlay } from "./scene.js";
import { note } from "./say.js";

export function saveAs(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

/** The service's own description, with the colours that the user gave. */
function described(result, words) {
  const colors = new Map(words.map((w) => [w.key, w.color]));
  const classes = result.json.classes.map((c) => {
    const key = c.index === null ? kOther : result.keys[c.index];
    return colors.has(key) ? { ...c, color: colors.get(key) } : c;
  });
  return `${JSON.stringify({ ...result.json, classes }, null, 2)}\n`;
}

const kinds = {
  overlay: async (api, picture, result, state) => [await saveOverlay(picture, result, lookOf({ ...state, alone: null })), "overlay.png"],
  labels: async (api, picture, result, state) => [await api.labels(picture, state), "labels.png"],
  json: async (api, picture, result, state) => [new Blob([described(result, state.words)], { type: "application/json" }), "json"],
};

/** Saves one of `kinds` of the answer to the present question. */
export async function save(kind, { api, state, result }) {
  const picture = currentPicture(state);
  if (!picture || !result) return note("There is nothing to save yet: add a picture and words.");
  try {
    const [blob, ending] = await kinds[kind](api, picture, result, state);
    saveAs(blob, `${picture.name.replace(/\.[^.]*$/, "")}.${ending}`);
    note("Saved");
  } catch (error) {
    note(error.message);
  }
}
