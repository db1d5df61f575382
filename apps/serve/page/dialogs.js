// The windows in front: which model answers, help, the key.
import { $, h } from "./dom.js";

const closing = (dialog, label = "Close") => h("button.plain", { type: "button", onclick: () => dialog.close() }, label);

/** A click beside a dialog closes it. */
export function closeOutside(dialog) {
  dialog.addEventListener("click", (e) => {
    const box = dialog.getBoundingClientRect();
    const inside = e.clientX >= box.left && e.clientX <= box.right && e.clientY >= box.top && e.clientY <= box.bottom;
    if (e.target === dialog && !inside && e.detail > 0) dialog.close();
  });
}

/** The little Markdown that a card's limits are written in: paragraphs, lists, bold and code. */
function markdown(text) {
  const inline = (line) => line.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1").split(/(\*\*[^*]+\*\*|\*[^*]+\*|`[^`]+`)/).map((part) =>
    part.startsWith("**") ? h("b", {}, part.slice(2, -2)) : part.startsWith("*") ? h("em", {}, part.slice(1, -1)) : part.startsWith("`") ? h("code", {}, part.slice(1, -1)) : part);
  return text.trim().split(/\n\s*\n/).map((block) => {
    const lines = block.split("\n");
    if (!/^\s*[-*] /.test(lines[0])) return h("p", {}, inline(lines.join(" ")));
    const items = [];
    for (const line of lines) /^\s*[-*] /.test(line) ? items.push(line.replace(/^\s*[-*] /, "")) : items.push(`${items.pop()} ${line.trim()}`);
    return h("ul", {}, items.map((item) => h("li", {}, inline(item))));
  });
}

const sentence = (text) => text.slice(0, 1).toUpperCase() + text.slice(1);
const titleOf = (model) => (model.id === "default" ? "Built-in model" : model.id);

export const warningOf = (model) =>
  model.random_weights ? "Random weights: its answers mean nothing."
    : model.untrained_adapter ? "Its masks are not trained yet: they mean nothing." : "";

export function showModels({ models, chosen, choose }) {
  const dialog = $("model-dialog");
  const detail = h("div");
  const describe = (model) => {
    const facts = [
      ["Method", model.method], ["Runs on", [model.backend, model.precision].filter(Boolean).join(", ")],
      ["Sees", model.short_side ? `${model.short_side} pixels of the short side` : ""],
      ["Parameters", model.parameters ? `${(model.parameters / 1e6).toFixed(1)} million` : ""], ["Licence", model.license],
    ].filter(([, value]) => value);
    const warning = warningOf(model);
    detail.replaceChildren(
      h("p", {}, sentence(model.description || "")),
      h("h3", {}, "What it cannot do"),
      h("div.limits", { tabIndex: 0, role: "region", "aria-label": "What it cannot do" }, warning && h("p", {}, h("b", {}, warning)),
        model.limits ? markdown(model.limits) : warning ? null : h("p", {}, "Its card does not say. Words for things it never saw get the nearest thing it knows.")),
      h("h3", {}, "Facts"),
      h("dl", {}, facts.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])));
  };
  const current = models.find((m) => m.id === chosen) ?? models[0];
  const list = models.length > 1 && h("div.models", { role: "radiogroup", "aria-label": "Model" }, models.map((m) => h("label", {},
    h("input", { type: "radio", name: "model", value: m.id, checked: m === current, onchange: () => { describe(m); choose(m.id); } }),
    h("span", {}, h("b", {}, titleOf(m)), h("small", {}, sentence(m.description || ""))))));
  dialog.replaceChildren(h("h2", { id: "model-title" }, models.length > 1 ? "Which model answers" : titleOf(current)), ...[list].filter(Boolean), detail,
    h("div.buttons", {}, closing(dialog)));
  describe(current);
  dialog.showModal();
}

const kKeys = [
  [["Ctrl", "V"], "paste a picture"], [["Ctrl", "Z"], "take back; with Shift: do again"], [["/"], "to the words"],
  [["Enter"], "add the word; a comma does too"], [["|"], "between two names of one thing: sofa|couch"],
  [["+", "−", "0"], "zoom in, out, fit"], [["C"], "compare side by side"], [["O"], "overlay off and on"],
  [["[", "]"], "the picture before, after"],
  [["←", "↑", "→", "↓"], "in the picture: point; Enter shows that word alone"], [["T"], "say what the chosen region is"], [["?"], "this window"],
];

export function showHelp() {
  const dialog = $("help-dialog");
  if (!dialog.childElementCount) {
    dialog.append(h("h2", { id: "help-title" }, "How it works"),
      h("p", {}, "Every pixel gets the word that fits it best, out of the words you give. With fewer than 20 words things that look like none of them become “other”; Options switch that off."),
      h("p", {}, "Where words are not enough, click a region and say what it is: it becomes an example that is asked beside the words, in every picture that is like this one."),
      h("h3", {}, "Keys"),
      h("dl.keys", {}, kKeys.flatMap(([keys, what]) => [h("dt", {}, keys.flatMap((k) => [h("kbd", {}, k), " "])), h("dd", {}, what)])),
      h("div.buttons", {}, closing(dialog)));
  }
  dialog.showModal();
}

/** Resolves to the key, or to "" when nobody gives one. */
export function askForKey(wrong) {
  const dialog = $("key-dialog");
  const input = h("input", { type: "password", id: "key", autocomplete: "current-password", required: true });
  return new Promise((resolve) => {
    dialog.replaceChildren(h("form", { method: "dialog", onsubmit: () => (dialog.returnValue = input.value) },
      h("h2", { id: "key-title" }, "This service wants a key"),
      h("p", {}, wrong ? "That key was not accepted. Ask whoever runs the service." : "Ask whoever runs the service for it. It is kept until this tab is closed."),
      h("h3", {}, h("label", { htmlFor: "key" }, "Key")), input,
      h("div.buttons", {}, h("button.plain", { type: "button", onclick: () => dialog.close("") }, "Cancel"), h("button.primary", { type: "submit" }, "Continue"))));
    dialog.returnValue = "";
    dialog.addEventListener("close", () => resolve(input.isConnected && dialog.returnValue ? input.value : ""), { once: true });
    if (!dialog.open) dialog.showModal();
  });
}

/** In the bar: who answers, and the shortest of what to know. */
export function nameOf(model) {
  const warning = warningOf(model);
  return warning ? `${titleOf(model)}: ${warning}` : model.id === "default" ? `${titleOf(model)}: knows drawings, not photographs` : model.id;
}
