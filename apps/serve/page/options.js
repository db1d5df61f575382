// Switches of the panel.
import { $, h } from "./dom.js";

const kSwitches = ["rest", "outlines", "names", "refine"];

export function createOptions({ store }) {
  const side = $("side");
  const set = (change) => store.change({ settings: { ...store.get().settings, ...change } });
  for (const name of kSwitches) $(name).addEventListener("change", () => set({ [name]: $(name).checked }));
  side.addEventListener("change", () => set({ side: Number(side.value) }));

  return {
    show({ settings }, model) {
      for (const name of kSwitches) $(name).checked = settings[name];
      const own = model?.short_side ?? 0, sizes = own ? [0.5, 0.75, 1.5, 2].map((k) => Math.round((k * own) / 32) * 32) : [];
      const all = [0, ...new Set([...sizes, settings.side].filter((s) => s && s !== own))].sort((a, b) => (a || own) - (b || own));
      const text = JSON.stringify([all, own]);
      if (side.dataset.shown !== text) {
        side.dataset.shown = text;
        side.replaceChildren(...all.map((s) => h("option", { value: String(s) }, s ? String(s) : own ? `${own} (its own)` : "its own")));
      }
      side.value = String(settings.side);
    },
  };
}
