// Asks the service about the picture in view whenever words or settings change, the latest question alone.
import { $, debounce } from "./dom.js";
import { currentPicture, questionOf } from "./store.js";
import { Result } from "./result.js";
import { note, say } from "./say.js";
import { textOf } from "./scene.js";

const kKeptAnswers = 12, kTypingPauseMs = 160, kQuietMs = 350;

/** Adds an answer to those kept of `picture`, the oldest go. */
export function keep(picture, key, value) {
  picture.answers.delete(key);
  picture.answers.set(key, value);
  while (picture.answers.size > kKeptAnswers) picture.answers.delete(picture.answers.keys().next().value);
}

const firstWords = (result) => {
  const named = [...result.found].sort((a, b) => b.area - a.area).slice(0, 5).map((f) => `${textOf(f.key)} ${Math.round(100 * f.share)} %`);
  return named.length ? `Found: ${named.join(", ")}` : "Nothing found";
};

export function createRunner({ store, api, changed }) {
  let running = null;

  const work = (text, done, total) => {
    $("work").hidden = text === null;
    if (text === null) return;
    $("work-text").textContent = text;
    const bar = $("work-bar");
    if (total > 0) (bar.max = total), (bar.value = done);
    else bar.removeAttribute("value");
  };
  const problem = (error) => {
    const box = $("problem");
    box.hidden = !error;
    box.replaceChildren();
    if (!error) return;
    const again = Object.assign(document.createElement("button"), { className: "plain", textContent: "Try again", onclick: () => ask(true) });
    const close = Object.assign(document.createElement("button"), { className: "plain", textContent: "Dismiss", onclick: () => problem(null) });
    const title = Object.assign(document.createElement("b"), { textContent: "That did not work" });
    const buttons = Object.assign(document.createElement("div"), { className: "buttons" });
    buttons.append(again, close);
    box.append(title, Object.assign(document.createElement("p"), { textContent: error.message }), buttons);
  };
  const mark = (picture, state) => {
    picture.state = state;
    changed();
  };

  const ask = async (again = false) => {
    const state = store.get(), picture = currentPicture(state), key = questionOf(state);
    if (!again && (running ? running.picture === picture && running.key === key : picture?.failed === key)) return;
    running?.abort.abort();
    running = null;
    work(null);
    problem(null);
    if (!picture || !state.words.length || picture.answers.has(key)) return changed();
    const mine = (running = { picture, key, abort: new AbortController() });
    const first = picture.answers.size === 0;
    const soon = setTimeout(() => mine === running && work(first ? "Looking at the picture…" : "Reading your words…"), kQuietMs);
    picture.failed = null;
    mark(picture, "busy");
    try {
      const progress = (text, done, total) => mine === running && work(text, done, total);
      const result = new Result(await api.segment(picture, state, mine.abort.signal, progress), state.words.map((w) => w.key));
      keep(picture, key, result);
      picture.latest = result;
      picture.state = "";
      if (mine === running) say(firstWords(result));
    } catch (error) {
      if (error.code === "unknown_bank") {
        note("The service does not have the examples any more");
        picture.state = "";
        if (mine === running) running = null;
        clearTimeout(soon);
        work(null);
        return store.set({ bank: null });
      }
      picture.state = error.name === "AbortError" ? "" : "bad";
      picture.failed = error.name === "AbortError" ? null : key;
      if (mine === running && error.name !== "AbortError") problem(error);
    }
    clearTimeout(soon);
    if (mine === running) {
      running = null;
      work(null);
    }
    changed();
  };

  return { ask, askSoon: debounce(ask, kTypingPauseMs), work, problem };
}
