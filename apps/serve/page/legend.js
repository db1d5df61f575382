// What was found: colour, name, share; click a name to see it alone.
import { $, h, icon, percent } from "./dom.js";
import { kOtherColor } from "./colors.js";
import { kOther } from "./store.js";
import { textOf } from "./scene.js";
import { say } from "./say.js";

export function createLegend({ store }) {
  const list = $("legend");
  const toggleAlone = (key) => {
    const alone = store.get().alone === key ? null : key;
    store.set({ alone });
    say(alone === null ? "All words shown" : `${textOf(key)} alone`);
  };
  const patch = (key, change, kind) =>
    store.change({ words: store.get().words.map((w) => (w.key === key ? { ...w, ...change } : w)) }, kind);
  $("show-all").addEventListener("click", () => {
    const { words } = store.get();
    store.set({ alone: null });
    if (words.some((w) => w.hidden)) store.change({ words: words.map((w) => ({ ...w, hidden: false })) });
    say("All words shown");
  });

  const rowOf = (entry, word, alone) => {
    const name = textOf(entry.key), color = word?.color ?? kOtherColor, hidden = word?.hidden ?? false;
    const row = h("li", { "--c": color, "--share": String(100 * entry.share) },
      h("label.color", { title: word ? "Another colour" : "" }, h("span.swatch"),
        word && h("input", { type: "color", value: color, "aria-label": `Colour of ${name}`, oninput: (e) => patch(entry.key, { color: e.target.value }, `color ${entry.key}`) })),
      h("button.word", { type: "button", "aria-pressed": String(alone === entry.key), title: "Show alone", onclick: () => toggleAlone(entry.key) },
        h("span.text", {}, name), h("span.share", {}, percent(entry.share)), h("span.measure", { "aria-hidden": "true" }, h("i"))),
      word && h("button.icon.eye", { type: "button", "aria-pressed": String(!hidden), "aria-label": `Show ${name}`, title: hidden ? "Show" : "Hide", onclick: () => patch(entry.key, { hidden: !hidden }) },
        icon(hidden ? "eye-off" : "eye")));
    row.dataset.key = entry.key;
    row.classList.toggle("hidden", hidden);
    row.classList.toggle("alone", alone === entry.key);
    return row;
  };

  return {
    toggleAlone,
    show({ words, alone }, result, exact) {
      const byKey = new Map(words.map((w) => [w.key, w]));
      const found = (result?.found ?? []).filter(({ key }) => key === kOther || byKey.has(key));
      $("found").hidden = !result;
      $("show-all").hidden = alone === null && !words.some((w) => w.hidden);
      const text = JSON.stringify([found.map((f) => [f.key, f.share, byKey.get(f.key)]), alone, words.length, exact]);
      if (text === list.dataset.shown) return;
      list.dataset.shown = text;
      const at = document.activeElement, row = at?.closest?.("#legend li");
      if (row && at.type === "color") return recolour(row, byKey.get(row.dataset.key));
      const again = row && [row.dataset.key, at.className];
      list.replaceChildren(...found.map((entry) => rowOf(entry, byKey.get(entry.key), alone)));
      if (again) [...list.children].find((r) => r.dataset.key === again[0])?.getElementsByClassName(again[1])[0]?.focus();
      const seen = new Set(found.map((f) => f.key)), absent = words.filter((w) => !seen.has(w.key)).map((w) => textOf(w.key));
      $("absent").textContent = !exact || !absent.length ? ""
        : absent.length > 6 ? `Not found: ${absent.slice(0, 5).join(", ")} and ${absent.length - 5} more` : `Not found: ${absent.join(", ")}`;
    },
    /** The row of the region under the pointer. */
    point(key) {
      for (const row of list.children) row.classList.toggle("pointed", row.dataset.key === key);
    },
  };
}

/** While its colour field is open a row must stay the same element. */
function recolour(row, word) {
  if (word) row.style.setProperty("--c", word.color);
  row.closest("#legend").dataset.shown = "";
}
