// The large picture: window, overlay, pointer's words, the line that compares.
import { $, h, clamp, percent, debounce } from "./dom.js";
import { currentPicture, kOther } from "./store.js";
import { kOtherColor } from "./colors.js";
import { drawScene, lookOf, textOf } from "./scene.js";
import { Overlay } from "./overlay.js";
import { Viewport } from "./viewport.js";
import { say } from "./say.js";

export function createStage({ store, answer, proposal, taught, legend, scores, tapped }) {
  const tip = $("tip"), divider = $("divider"), viewport = $("viewport");
  let split = 0.5, hidden = false, pointed = null;

  const overlayOf = (result) => (result ? (result.overlay ??= new Overlay(result)) : null);
  const view = new Viewport({
    element: viewport, canvas: $("canvas"),
    draw: (context, place, size) => {
      const state = store.get(), picture = currentPicture(state);
      if (!picture) return;
      let look = lookOf(state), overlay = overlayOf(answer());
      if (state.view === "proposals") {
        const shown = proposal();
        overlay = shown?.overlay ?? null;
        look = { ...look, alone: shown?.key ?? null, names: false, outlines: true };
      }
      const region = taught();
      if (region && state.view === "regions") {
        overlay = region.overlay;
        look = { ...look, alone: region.key, names: false, outlines: true };
      }
      drawScene(context, place, picture, hidden ? null : overlay, look, { from: state.compare ? split * size.width : -Infinity });
    },
    onPoint: (point) => show(point),
    onTap: (point, by) => {
      const here = point && answer()?.at(point.u, point.v);
      if (store.get().view !== "regions") return tapped(point, null);
      if (by === "touch" || !here) show(here ? point : null);
      else legend.toggleAlone(here.key);
      tapped(here && (by === "touch" || store.get().alone !== null) ? point : null, here?.key);
    },
    onZoom: (zoom) => ($("zoom-level").textContent = `${Math.round(100 * zoom)} %`),
  });

  const speak = debounce((text) => say(text), 120);
  function show(point) {
    const state = store.get(), here = point && state.view === "regions" ? answer()?.at(point.u, point.v) : null;
    legend.point(here?.key ?? null);
    tip.hidden = !here;
    pointed = here ? point : null;
    if (!here) return;
    scores(answer());
    const word = state.words.find((w) => w.key === here.key), name = textOf(here.key);
    tip.replaceChildren(h("b", { "--c": word?.color ?? kOtherColor }, h("span.swatch"), name, h("em", {}, here.score === null ? `${percent(here.share)} of the picture` : percent(here.score))));
    if (here.second) tip.append(h("small", {}, h("span", {}, `else ${textOf(here.second.key)}`), h("span", {}, percent(here.second.score))));
    const box = tip.getBoundingClientRect(), gap = 16;
    const x = point.x + gap + box.width > view.size.width ? point.x - gap - box.width : point.x + gap;
    const y = point.y + gap + box.height > view.size.height ? point.y - gap - box.height : point.y + gap;
    tip.style.transform = `translate(${Math.round(Math.max(4, x))}px, ${Math.round(Math.max(4, y))}px)`;
    if (point.byKey)
      speak(`${here.key === kOther ? "other" : name}${here.score === null ? "" : `, ${percent(here.score)}`}${here.second ? `, else ${textOf(here.second.key)}, ${percent(here.second.score)}` : ""}`);
  }

  const setSplit = (value) => {
    split = clamp(value, 0, 1);
    divider.style.left = `${100 * split}%`;
    divider.setAttribute("aria-valuenow", String(Math.round(100 * (1 - split))));
    divider.setAttribute("aria-valuetext", `overlay on ${Math.round(100 * (1 - split))} percent, from the right`);
    view.draw();
  };
  divider.addEventListener("pointerdown", (e) => {
    e.preventDefault();
    divider.focus();
    divider.setPointerCapture(e.pointerId);
  });
  divider.addEventListener("pointermove", (e) => {
    if (!divider.hasPointerCapture(e.pointerId)) return;
    const box = viewport.getBoundingClientRect();
    setSplit((e.clientX - box.left) / box.width);
  });
  divider.addEventListener("keydown", (e) => {
    const to = { ArrowLeft: split - 0.02, ArrowDown: split - 0.02, ArrowRight: split + 0.02, ArrowUp: split + 0.02,
      PageDown: split - 0.2, PageUp: split + 0.2, Home: 0, End: 1 }[e.key];
    if (to === undefined) return;
    e.preventDefault();
    setSplit(to);
  });

  const toggleCompare = () => store.set({ compare: !store.get().compare });
  const opacity = $("opacity");
  opacity.addEventListener("input", () =>
    store.change({ settings: { ...store.get().settings, opacity: Number(opacity.value) } }, "opacity"));
  $("compare").addEventListener("click", toggleCompare);
  $("zoom-in").addEventListener("click", () => view.zoomAt(1.4));
  $("zoom-out").addEventListener("click", () => view.zoomAt(1 / 1.4));
  $("zoom-fit").addEventListener("click", () => view.fit());
  setSplit(0.5);

  return {
    view,
    toggleCompare,
    toggleOverlay() {
      hidden = !hidden;
      say(hidden ? "Overlay off" : "Overlay on");
      view.draw();
    },
    show(state) {
      const picture = currentPicture(state), result = answer();
      $("empty").hidden = picture !== null;
      $("compare").setAttribute("aria-pressed", String(state.compare));
      divider.hidden = !state.compare || state.view === "explain";
      if (Number(opacity.value) !== state.settings.opacity) opacity.value = state.settings.opacity;
      viewport.setAttribute("aria-label", picture
        ? `Picture ${picture.name}${result ? `. ${result.found.slice(0, 8).map((f) => `${textOf(f.key)} ${percent(f.share)}`).join(", ")}` : ""}` : "Picture");
      if (picture && (!view.size?.width || view.size.width !== viewport.clientWidth)) view.resize();
      view.show(picture);
    },
    redraw: () => view.draw(),
    /** What the pointer says, again: more is known of the picture now. */
    pointAgain: () => pointed && show(pointed),
  };
}
