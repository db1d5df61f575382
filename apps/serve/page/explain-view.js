// The tab that shows how the picture in view became labels: what `san explain` writes, drawn by the same script.
import { $, h } from "./dom.js";
import { questionOf } from "./store.js";

/** The stages' own look comes with them. */
function addStyle() {
  if ([...document.querySelectorAll("link")].some((link) => link.getAttribute("href") === "explain.css")) return;
  document.head.append(h("link", { rel: "stylesheet", href: "explain.css" }));
}

export function createExplainView({ api, work, problem }) {
  const place = $("explain");
  let shown = "", asking = null;
  addStyle();
  return {
    /** Asks when picture or words are others than those shown. */
    async show(picture, state) {
      const key = picture && state.words.length ? `${picture.id} ${questionOf(state)} ${state.words.map((w) => w.color)}` : "";
      if (key === shown) return;
      asking?.abort();
      shown = key;
      place.replaceChildren();
      if (!key) return void place.append(h("p.hint", {}, "Add words, and this shows how they became regions."));
      const mine = (asking = new AbortController());
      work("Following the picture through the network…");
      try {
        const [data, { renderExplanation }] = await Promise.all([api.explain(picture, state, mine.signal), import("./explain.js")]);
        if (asking === mine) renderExplanation(place, data);
      } catch (error) {
        if (asking !== mine || error.name === "AbortError") return;
        shown = "";
        problem(error);
      } finally {
        if (asking === mine) work(null);
      }
    },
  };
}
