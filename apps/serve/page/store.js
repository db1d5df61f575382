// What the page shows, in one object. Parts read it and are told when it changes; what the user said (words and
// settings) can be undone.

const kUndoable = ["words", "settings"];
const kMaxSteps = 200;
/** Changes of one kind within this time are one step: dragging a slider is not a hundred of them. */
const kSameStepMs = 900;

export function createStore(initial) {
  let state = initial;
  const listeners = new Set();
  const past = [], future = [];
  let last = { kind: null, at: 0 };

  const pick = () => Object.fromEntries(kUndoable.map((key) => [key, state[key]]));
  const set = (patch) => {
    const before = state;
    state = { ...state, ...patch };
    for (const listen of listeners) listen(state, before);
  };
  const step = (from, to) => {
    if (!from.length) return false;
    to.push(pick());
    last = { kind: null, at: 0 };
    set({ ...from.pop(), alone: null });
    return true;
  };

  return {
    get: () => state,
    set,
    /** As set(), and the user can take it back. */
    change(patch, kind = null) {
      const now = performance.now();
      if (!(kind && kind === last.kind && now - last.at < kSameStepMs)) {
        past.push(pick());
        if (past.length > kMaxSteps) past.shift();
      }
      last = { kind, at: now };
      future.length = 0;
      set(patch);
    },
    undo: () => step(past, future),
    redo: () => step(future, past),
    canUndo: () => past.length > 0,
    canRedo: () => future.length > 0,
    listen: (listener) => listeners.add(listener),
  };
}

/** Pixels of no word. */
export const kOther = "\u0000other";

export const defaultSettings = { model: "", rest: true, side: 0, opacity: 54, outlines: true, names: true, refine: false, examples: true };

export const currentPicture = (state) => state.pictures.find((p) => p.id === state.current) ?? null;

/** What an answer depends on beside the picture. */
export const questionOf = ({ words, settings, bank }) =>
  JSON.stringify([settings.model, settings.rest, settings.side, settings.refine, words.map((w) => w.key),
    settings.examples, settings.examples && bank?.setting === settings.model ? [bank.name, bank.version] : null]);

/** "cup | mug , spoon" → ["cup|mug", "spoon"]: classes as the service reads them. */
export function parseWords(text) {
  return text
    .split(/[,;\n\t]+/)
    .map((part) => part.split("|").map((name) => name.trim().replace(/\s+/g, " ")).filter(Boolean).join("|"))
    .filter(Boolean);
}

/** `words` and those of `keys` that are not there yet, each with the first colour that nobody has. */
export function withWords(words, keys, freeColor) {
  const result = [...words];
  const lower = new Set(words.map((w) => w.key.toLowerCase()));
  for (const key of keys) {
    if (lower.has(key.toLowerCase())) continue;
    lower.add(key.toLowerCase());
    result.push({ key, color: freeColor(result.map((w) => w.color)), hidden: false });
  }
  return result;
}
