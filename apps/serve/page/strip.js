// The pictures at hand, as small ones below the large one.
import { $, h, icon } from "./dom.js";

export function createStrip({ store, select, remove, choose, camera }) {
  const list = h("ul");
  const nav = $("strip");
  nav.append(list);
  nav.addEventListener("keydown", (e) => {
    const all = [...list.querySelectorAll(".thumb")], at = all.indexOf(e.target);
    if (at < 0) return;
    if (e.key === "ArrowRight") all[Math.min(all.length - 1, at + 1)].focus();
    else if (e.key === "ArrowLeft") all[Math.max(0, at - 1)].focus();
    else if (e.key === "Delete" && e.target.dataset.id) remove(Number(e.target.dataset.id));
    else return;
    e.preventDefault();
  });
  const kStates = { busy: "being looked at", bad: "failed" };
  return {
    show({ pictures, current }) {
      nav.hidden = pictures.length === 0;
      const text = JSON.stringify([pictures.map((p) => [p.id, p.state, p.thumb]), current]);
      if (text === nav.dataset.shown) return;
      nav.dataset.shown = text;
      const focused = document.activeElement?.closest?.("#strip .thumb")?.dataset.id;
      list.replaceChildren(...pictures.map((p, i) => h("li", {},
        h("button.thumb", { type: "button", title: p.name, "aria-label": `Picture ${i + 1}: ${p.name}${kStates[p.state] ? `, ${kStates[p.state]}` : ""}`,
          "aria-current": p.id === current ? "true" : null, "data-id": String(p.id), onclick: () => select(p.id) }, h("img", { src: p.thumb, alt: "" })),
        h("button.off", { type: "button", "aria-label": `Remove picture ${i + 1}`, title: "Remove", onclick: () => remove(p.id) }, icon("x")),
        kStates[p.state] && h(`span.state.${p.state}`, { "aria-hidden": "true" }))),
      h("li", {}, h("button.thumb.add", { type: "button", "aria-label": "Add pictures", title: "Add pictures", onclick: choose }, icon("plus"))),
      h("li", {}, h("button.thumb.add.camera", { type: "button", "aria-label": "Add a picture from the camera", title: "Use the camera", onclick: camera }, icon("camera"))));
      const again = [...list.querySelectorAll(".thumb")].find((t) => t.dataset.id && (t.dataset.id === focused || focused && t.dataset.id === String(current)));
      again?.focus();
    },
  };
}
