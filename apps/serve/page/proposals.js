// The network's mask proposals: what each query outlined and what it calls it.
import { $, h } from "./dom.js";
import { kOtherColor } from "./colors.js";
import { Overlay } from "./overlay.js";
import { paintMask } from "./masks.js";
import { textOf } from "./scene.js";

/** A proposal as an answer of one region, which the scene paints as an isolated word. */
function maskOverlay(proposal, key, { width, height }) {
  const labels = new Uint16Array(width * height).fill(1);
  paintMask(proposal.segmentation, 0, labels);
  const keys = [key, "\u0000rest"];
  return new Overlay({ labels, width, height, keys, keyOf: (label) => keys[label] ?? null });
}

export function createProposals({ changed }) {
  const list = $("proposal-list");
  let shown = null, listed, words = new Map(), pointed = null, pinned = null;

  const point = (index) => {
    pointed = index;
    changed();
  };
  const pin = (index) => {
    pinned = pinned === index ? null : index;
    [...list.children].forEach((row, i) => {
      row.classList.toggle("pinned", i === pinned);
      row.querySelector(".word").setAttribute("aria-pressed", String(i === pinned));
    });
    changed();
  };

  return {
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
      proposal.overlay ??= maskOverlay(proposal, key, shown);
      return { overlay: proposal.overlay, key };
    },
  };
}
