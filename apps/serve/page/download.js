// Saving what was found.
import { $ } from "./dom.js";
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

export function listenForDownloads({ store, api, answer }) {
  const save = {
    overlay: async (picture, result, state) => [await saveOverlay(picture, result, lookOf({ ...state, alone: null })), "overlay.png"],
    labels: async (picture, result, state) => [await api.labels(picture, state), "labels.png"],
    json: async (picture, result, state) => [new Blob([described(result, state.words)], { type: "application/json" }), "json"],
  };
  $("download").addEventListener("click", async (e) => {
    const kind = e.target.closest("[data-save]")?.dataset.save;
    if (!kind) return;
    $("download").open = false;
    $("download").querySelector("summary").focus();
    const state = store.get(), picture = currentPicture(state), result = answer();
    if (!picture || !result) return note("There is nothing to save yet: add a picture and words.");
    try {
      const [blob, ending] = await save[kind](picture, result, state);
      saveAs(blob, `${picture.name.replace(/\.[^.]*$/, "")}.${ending}`);
      note("Saved");
    } catch (error) {
      note(error.message);
    }
  });
}
