// The network's mask proposals: what each query outlined and what it calls it.
import { $, h } from "./dom.js";
import { kOtherColor } from "./colors.js";
import { oneRegion } from "./overlay.js";
import { paintMask } from "./masks.js";
import { textOf } from "./scene.js";

/** Which pixels are a proposal's: 0, the others 1. */
function maskLabels(proposal, { width, height }) {
  const labels = new Uint16Array(width * height).fill(1);
  paintMask(proposal.segmentation, 0, labels);
  return labels;
}

/** `chosen` is told of the proposal that is pinned, {mask, key}, or of null. */
export function createProposals({ changed, chosen }) {
  const list = $("proposal-list");
  let shown = null, listed, words = new Map(), pointed = null, pinned = null;

  const point = (index) => {
    pointed = index;
    changed();
  };
  const tell = () => {
    const proposal = shown?.proposals?.[pinned];
    chosen(proposal ? { mask: proposal.segmentation, key: shown.keys[proposal.index] } : null);
  };
  const pin = (index) => {
    pinned = pinned === index ? null : index;
    [...list.children].forEach((row, i) => {
      row.classList.toggle("pinned", i === pinned);
      row.querySelector(".word").setAttribute("aria-pressed", String(i === pinned));
    });
    tell();
    changed();
  };

  return {
    /** Pins the best proposal at fractions (u, v) of the picture, or the next one where it is pinned already. */
    pinAt(u, v) {
      if (!shown?.proposals || !(u >= 0 && v >= 0 && u < 1 && v < 1)) return;
      const { width, height } = shown, at = Math.floor(v * height) * width + Math.floor(u * width);
      const here = shown.proposals.flatMap((p, i) => ((p.labels ??= maskLabels(p, shown))[at] === 0 ? [i] : []));
      if (!here.length) return;
      const next = here[(here.indexOf(pinned) + 1) % here.length];
      if (next === pinned) tell();
      else pin(next);
      list.children[next].scrollIntoView({ block: "nearest" });
    },
    show(result, state) {
      words = new Map(state.words.map((w) => [w.key, w]));
      // An answer is shown before its proposals have come, too.
      if (result === shown && result?.proposals === listed) return;
      shown = result;
      listed = result?.proposals;
      pointed = pinned = null;
      list.replaceChildren(...(result?.proposals ?? []).map((p, i) => {
        const key = result.keys[p.index], color = words.get(key)?.color ?? kOtherColor;
        return h("li", { "--c": color, "--share": String(100 * p.score), onpointerenter: () => point(i), onpointerleave: () => point(null) },
          h("span.mark", { "aria-hidden": "true" }, h("span.swatch")),
          h("button.word", { type: "button", "aria-pressed": "false", title: `Query ${p.query}: class ${p.class_score.toFixed(2)}, mask ${p.mask_score.toFixed(2)}`,
            onclick: () => pin(i), onfocus: () => point(i), onblur: () => point(null) },
          h("span.text", {}, textOf(key)), h("span.share", {}, `${Math.round(100 * p.score)} %`), h("span.measure", { "aria-hidden": "true" }, h("i"))));
      }));
    },
    /** {overlay, key} of the proposal that is pointed at or pinned; null while there is none. */
    current() {
      const index = pointed ?? pinned ?? (shown?.proposals?.length ? 0 : null);
      const proposal = shown?.proposals?.[index];
      if (!proposal) return null;
      const key = shown.keys[proposal.index];
      proposal.overlay ??= oneRegion(proposal.labels ??= maskLabels(proposal, shown), key, shown);
      return { overlay: proposal.overlay, key };
    },
  };
}
