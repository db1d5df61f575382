// The field of words: chips, typing, suggestions.
import { $, h, icon, clamp } from "./dom.js";
import { freeColor } from "./colors.js";
import { parseWords, withWords } from "./store.js";
import { say } from "./say.js";

const kMaxSuggestions = 8;

export function createWords({ store, suggestions }) {
  const input = h("input", {
    id: "word-input", type: "text", autocomplete: "off", spellcheck: false, enterKeyHint: "done", maxLength: 4000,
    role: "combobox", "aria-label": "Add a word", "aria-autocomplete": "list", "aria-expanded": "false",
    "aria-controls": "suggestions", "aria-describedby": "words-hint",
  });
  input.setAttribute("autocapitalize", "none");
  const typed = h("li.typed", {}, input);
  const chips = h("ul.chips", { "aria-label": "Words", onclick: (e) => e.target === chips && input.focus() }, typed);
  const list = h("ul.suggestions", { id: "suggestions", role: "listbox", "aria-label": "Suggestions", hidden: true });
  $("words").append(chips, list);
  let options = [], active = -1;

  const add = (keys) => {
    const { words } = store.get(), next = withWords(words, keys, freeColor);
    if (next.length > words.length) {
      store.change({ words: next });
      say(next.length === words.length + 1 ? `${next.at(-1).key} added` : `${next.length - words.length} words added`);
    } else if (keys.length) {
      flash(keys[0]);
    }
  };
  const remove = (key, focus) => {
    const { words, alone } = store.get(), at = words.findIndex((w) => w.key === key);
    store.change({ words: words.filter((w) => w.key !== key), alone: alone === key ? null : alone });
    say(`${key} removed`);
    const left = chips.querySelectorAll(".chip .off");
    if (focus && left.length) left[Math.min(at, left.length - 1)].focus();
    else input.focus();
  };
  const edit = (key) => {
    const { words } = store.get();
    store.change({ words: words.filter((w) => w.key !== key) });
    input.value = key;
    input.focus();
  };
  const flash = (key) => {
    const chip = [...chips.querySelectorAll(".chip")].find((c) => c.dataset.key.toLowerCase() === key.toLowerCase());
    say(`${key} is already there`);
    if (!chip) return;
    chip.classList.remove("flash");
    requestAnimationFrame(() => chip.classList.add("flash"));
  };
  const take = (text) => {
    add(parseWords(text));
    input.value = "";
    close();
  };

  const close = () => {
    list.hidden = true;
    options = [];
    active = -1;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  };
  const choose = (index) => {
    active = index;
    [...list.children].forEach((item, i) => item.setAttribute("aria-selected", String(i === active)));
    if (active < 0) return input.removeAttribute("aria-activedescendant");
    input.setAttribute("aria-activedescendant", list.children[active].id);
    list.children[active].scrollIntoView({ block: "nearest" });
  };
  const suggest = async () => {
    const text = input.value, typedName = text.split("|").at(-1).trim().toLowerCase();
    if (!typedName) return close();
    const all = await suggestions();
    if (text !== input.value) return;
    const there = new Set(store.get().words.map((w) => w.key.toLowerCase()));
    options = ranked(all, typedName).filter((o) => !there.has(o.name.toLowerCase())).slice(0, kMaxSuggestions);
    if (!options.length) return close();
    list.replaceChildren(...options.map((o, i) => {
      const at = o.name.toLowerCase().indexOf(typedName);
      return h("li", {
        id: `suggestion-${i}`, role: "option", "aria-selected": "false",
        onpointerdown: (e) => { e.preventDefault(); pick(i); },
      }, h("span", {}, o.name.slice(0, at), h("b", {}, o.name.slice(at, at + typedName.length)), o.name.slice(at + typedName.length)),
      h("small", {}, o.source));
    }));
    list.hidden = false;
    active = -1;
    input.setAttribute("aria-expanded", "true");
    input.removeAttribute("aria-activedescendant");
  };
  const pick = (index) => {
    const before = input.value.split("|").slice(0, -1).map((s) => s.trim()).filter(Boolean);
    take([...before, options[index].name].join("|"));
  };

  input.addEventListener("input", () => {
    if (!/[,;\n]/.test(input.value)) return void suggest();
    const parts = input.value.split(/[,;\n]/), rest = parts.pop();
    take(parts.join(","));
    input.value = rest.trimStart();
  });
  input.addEventListener("paste", (e) => {
    const text = e.clipboardData.getData("text/plain");
    if (!/[,;\n\t]/.test(text)) return;
    e.preventDefault();
    take(input.value + text);
  });
  input.addEventListener("keydown", (e) => {
    if (e.isComposing) return;
    const last = chips.querySelectorAll(".chip .text");
    if (e.key === "Enter") {
      e.preventDefault();
      if (active >= 0) pick(active);
      else take(input.value);
    } else if ((e.key === "ArrowDown" || e.key === "ArrowUp") && options.length) {
      e.preventDefault();
      choose(clamp(active + (e.key === "ArrowDown" ? 1 : -1), -1, options.length - 1));
    } else if (e.key === "Escape") {
      if (options.length) e.stopPropagation();
      close();
    } else if (e.key === "Backspace" && !input.value && last.length) {
      e.preventDefault();
      remove(store.get().words.at(-1).key, false);
    } else if (e.key === "ArrowLeft" && input.selectionStart === 0 && input.selectionEnd === 0 && last.length) {
      e.preventDefault();
      last[last.length - 1].focus();
    }
  });
  input.addEventListener("blur", () => { close(); if (input.value.trim()) take(input.value); });
  chips.addEventListener("keydown", (e) => {
    const chip = e.target.closest?.(".chip");
    if (!chip) return;
    const all = [...chips.querySelectorAll(".chip")], at = all.indexOf(chip);
    const go = (i) => (i < all.length ? all[Math.max(0, i)].querySelector(".text") : input).focus();
    if (e.key === "ArrowLeft") go(at - 1);
    else if (e.key === "ArrowRight") go(at + 1);
    else if (e.key === "Delete" || e.key === "Backspace") remove(chip.dataset.key, true);
    else return;
    e.preventDefault();
  });

  const chipOf = (word, found) => {
    const names = word.key.split("|");
    const text = h("span", {}, names[0], ...names.slice(1).flatMap((name) => [h("i", {}, " | "), name]));
    const absent = found !== null && !found.has(word.key);
    const chip = h("span.chip", {},
      h("button.text", { type: "button", title: "Change this word", "aria-label": `${names.join(" or ")}${absent ? ", not found" : ""}: change`, onclick: () => edit(word.key) },
        h("span.swatch", { "--c": word.color, "aria-hidden": "true" }), text),
      h("button.off", { type: "button", tabIndex: -1, "aria-label": `Remove ${names[0]}`, title: "Remove", onclick: (e) => remove(word.key, e.detail === 0) }, icon("x")));
    chip.dataset.key = word.key;
    chip.classList.toggle("absent", absent);
    return h("li", {}, chip);
  };

  return {
    add,
    focus: () => input.focus(),
    /** `found`: keys in the current answer, or null while there is none. */
    show({ words }, found) {
      const key = JSON.stringify([words.map((w) => [w.key, w.color]), found && [...found].sort()]);
      if (key === chips.dataset.shown) return;
      chips.dataset.shown = key;
      const focused = document.activeElement?.closest?.(".chip")?.dataset.key;
      [...chips.children].forEach((item) => item !== typed && item.remove());
      typed.before(...words.map((word) => chipOf(word, found)));
      input.placeholder = words.length ? "Add a word…" : "cat, sofa|couch, wall…";
      if (focused) [...chips.querySelectorAll(".chip")].find((c) => c.dataset.key === focused)?.querySelector(".text").focus();
    },
  };
}

/** Names that begin with the text, then those in which a word begins with it, then any that hold it. */
function ranked(all, text) {
  const rank = (name) => (name.startsWith(text) ? 0 : name.includes(` ${text}`) ? 1 : name.includes(text) ? 2 : 3);
  return all.map((o) => ({ ...o, rank: rank(o.name.toLowerCase()) })).filter((o) => o.rank < 3)
    .sort((a, b) => a.rank - b.rank || a.name.length - b.name.length);
}
