// "This is a …": a region of the picture becomes an example of a word.
import { $, h } from "./dom.js";
import { currentPicture, parseWords, questionOf, withWords } from "./store.js";
import { freeColor } from "./colors.js";
import { maskOf } from "./masks.js";
import { oneRegion } from "./overlay.js";
import { textOf } from "./scene.js";
import { note } from "./say.js";

const kNew = () => `page-${crypto.getRandomValues(new Uint32Array(2)).join("-")}`;

/** What hangs together at fractions (u, v) of the answer: labels that are 0 there, and 1 elsewhere. */
export function regionAt({ labels, width, height }, u, v) {
  const region = new Uint16Array(labels.length).fill(1), start = Math.floor(v * height) * width + Math.floor(u * width);
  const label = labels[start], open = [start];
  region[start] = 0;
  const visit = (p) => {
    if (region[p] === 0 || labels[p] !== label) return;
    region[p] = 0;
    open.push(p);
  };
  while (open.length) {
    const p = open.pop(), x = p % width;
    if (x > 0) visit(p - 1);
    if (x < width - 1) visit(p + 1);
    if (p >= width) visit(p - width);
    if (p + width < labels.length) visit(p + width);
  }
  return region;
}

export function createTeach({ store, api, work, problem, redraw }) {
  const form = $("teach"), input = $("teach-name");
  let target = null;  // {picture, question, mask, overlay, key}

  const close = (back = false) => {
    if (!target) return;
    target = null;
    form.hidden = true;
    redraw();
    if (back) $("viewport").focus();
  };

  const teach = async () => {
    const state = store.get(), { mask, picture } = target, [typed] = parseWords(input.value);
    if (!typed) return;
    const same = (word) => textOf(word.key).toLowerCase() === textOf(typed).toLowerCase();
    const key = state.words.find(same)?.key ?? typed;
    const mine = state.bank && !state.bank.fixed && state.bank.setting === state.settings.model ? state.bank : null;
    work("Learning…");
    form.inert = true;
    try {
      const { bank } = await api.addExample(picture, state, mine?.name ?? kNew(), { class: key, mask });
      const now = store.get(), pictures = bank.classes.find((c) => c.name.toLowerCase() === textOf(key).toLowerCase())?.pictures ?? 1;
      close(true);
      store.change({
        words: withWords(now.words, [key], freeColor), alone: null, settings: { ...now.settings, examples: true },
        bank: { ...bank, setting: state.settings.model, version: (mine?.version ?? 0) + 1 },
      });
      note(`${textOf(key)}: learnt from ${pictures === 1 ? "one picture" : `${pictures} pictures`}`);
    } catch (error) {
      if (error.status === 422) note(error.message);
      else problem(error);
      if (error.code === "unknown_bank") store.set({ bank: null });
    }
    form.inert = false;
    work(null);
  };

  form.addEventListener("submit", (e) => (e.preventDefault(), teach()));
  form.addEventListener("keydown", (e) => e.key === "Escape" && (e.stopPropagation(), close(true)));
  $("teach-close").addEventListener("click", () => close(true));

  const offer = (mask, overlay, key) => {
    const state = store.get();
    target = { picture: currentPicture(state), question: questionOf(state), mask, overlay, key };
    const names = new Set([...state.words.map((w) => textOf(w.key)), ...(state.bank?.classes ?? []).map((c) => c.name)]);
    $("teach-names").replaceChildren(...[...names].map((value) => h("option", { value })));
    input.value = "";
    form.hidden = false;
    redraw();
  };

  return {
    close,
    focus: () => target && input.focus(),
    /** The answer's region there waits for its name. */
    offerRegion(result, { u, v }, key) {
      const region = regionAt(result, u, v);
      offer(maskOf(region, 0, result.width, result.height), oneRegion(region, key, result), key);
    },
    offerMask: (mask, key) => offer(mask, null, key),
    /** {overlay, key} of the region that waits for its name; null while there is none, or another view shows it. */
    current: () => (target?.overlay ? target : null),
    /** What belongs to another picture or answer is not asked about any more. */
    show(state) {
      if (target && (currentPicture(state) !== target.picture || questionOf(state) !== target.question || state.view === "explain")) close();
    },
  };
}
