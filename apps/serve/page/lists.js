// The label sets of the service: whole lists to add, and suggestions while typing.
import { $, h } from "./dom.js";

export function createLists({ api, add }) {
  let loading = null;
  const load = () => (loading ??= api.labelSets().catch(() => ((loading = null), [])));
  const menu = $("lists"), body = $("lists-body");
  menu.addEventListener("toggle", async () => {
    if (!menu.open) return;
    body.textContent = "Loading…";
    const sets = await load();
    body.replaceChildren(...(sets.length ? sets.map((set) => h("button", { type: "button", onclick: () => {
      menu.open = false;
      menu.querySelector("summary").focus();
      add(set.classes, set.name);
    } }, h("b", {}, set.name), h("small", {}, `${set.classes.length} words: ${set.classes.slice(0, 3).map((c) => c.split(",")[0]).join(", ")}…`)))
      : [h("p.hint", {}, "The service has no lists, or does not answer.")]));
  });

  return {
    /** [{name, source}] of all sets, each name once. */
    async suggestions() {
      const seen = new Map();
      for (const set of await load())
        for (const name of set.classes.map((c) => c.split(",")[0].trim()))
          if (!seen.has(name.toLowerCase())) seen.set(name.toLowerCase(), { name, source: set.name });
      return [...seen.values()];
    },
  };
}
