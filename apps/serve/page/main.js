// The page, put together.
import { $, closeMenusElsewhere, debounce } from "./dom.js";
import { createStore, currentPicture, questionOf, withWords } from "./store.js";
import { createApi } from "./api.js";
import { freeColor } from "./colors.js";
import { createWords } from "./words.js";
import { createLegend } from "./legend.js";
import { createStrip } from "./strip.js";
import { createStage } from "./stage.js";
import { createViews } from "./views.js";
import { createRunner } from "./run.js";
import { createLists } from "./lists.js";
import { createOptions } from "./options.js";
import { linkOf, readLink } from "./link.js";
import { listenForPictures, readPicture } from "./pictures.js";
import { note, say } from "./say.js";

const dialogs = () => import("./dialogs.js");

const store = createStore({ ...readLink(location.hash), alone: null, view: "regions", compare: false, pictures: [], current: null, bank: null });
const service = { models: [], model: null, banks: 0 };
const api = createApi({ askForKey: async (wrong) => (await dialogs()).askForKey(wrong) });

/** The answer to the present question, else the one before it: better than an empty picture. */
const answer = () => {
  const state = store.get(), picture = currentPicture(state);
  if (!picture || !state.words.length) return null;
  return picture.answers.get(questionOf(state)) ?? picture.latest ?? null;
};

const refresh = () => show(store.get());
const runner = createRunner({
  store, api,
  changed: () => {
    refresh();
    askForView();
  },
});
const lists = createLists({ api, add: (keys, name) => addWords(keys, name) });
const words = createWords({ store, suggestions: lists.suggestions });
const legend = createLegend({ store });
let proposals = null, explain = null, teach = null, bankPanel = null;
const stage = createStage({ store, answer, legend, tapped, proposal: () => proposals?.current() ?? null, taught: () => teach?.current() ?? null, scores: debounce(fetchScores, 150) });
const views = createViews({ choose: (view) => chooseView(view) });
const options = createOptions({ store });
const intake = listenForPictures(addFiles);
const strip = createStrip({ store, select, remove, choose: intake.choose, camera: useCamera });

function addWords(keys, name) {
  const { words: before } = store.get(), next = withWords(before, keys, freeColor);
  if (next.length === before.length) return note("All of these are there already.");
  store.change({ words: next });
  note(`${next.length - before.length} words of ${name} added`);
}

async function addFiles(files) {
  for (const file of files) {
    try {
      const picture = await readPicture(file, file.name || "picture");
      addPicture(picture);
      if (picture.smaller) note("The picture was made smaller before sending: it is very large.");
    } catch (error) {
      runner.problem(error);
      say(error.message);
    }
  }
}

function addPicture(picture) {
  store.set({ pictures: [...store.get().pictures, picture], current: picture.id, alone: null });
  say(`Picture ${picture.name} added, ${picture.width} by ${picture.height} pixels`);
  if (!store.get().words.length) words.focus();
}

function select(id) {
  store.set({ current: id, alone: null });
  const picture = currentPicture(store.get());
  say(`Picture ${picture.name}`);
}

function remove(id) {
  const { pictures, current } = store.get(), at = pictures.findIndex((p) => p.id === id);
  if (at < 0) return;
  pictures[at].stop?.();
  URL.revokeObjectURL(pictures[at].thumb);
  const left = pictures.filter((p) => p.id !== id);
  store.set({ pictures: left, current: current === id ? left[Math.min(at, left.length - 1)]?.id ?? null : current, alone: null });
  say("Picture removed");
  ($("strip").querySelector("[aria-current]") ?? document.querySelector("[data-do=choose]")).focus();
}

/** A place of the picture was chosen, or null: the region there may be named. */
function tapped(point, key) {
  if (store.get().view === "proposals") return void proposals?.pinAt(point.u, point.v);
  const exact = currentPicture(store.get())?.answers.get(questionOf(store.get()));
  offer(point && exact && ((to) => to.offerRegion(exact, point, key)));
}

/** Opens what asks for a name, as `open` says; without it that is closed. */
async function offer(open) {
  if (!open) return teach?.close();
  if (!service.model?.banks || !service.banks || currentPicture(store.get())?.filming) return;
  const question = questionOf(store.get());
  teach ??= (await import("./teach.js")).createTeach({ store, api, work: runner.work, problem: runner.problem, redraw: () => stage.redraw() });
  if (question === questionOf(store.get())) open(teach);
}

async function chooseView(view) {
  teach?.close();
  store.set({ view });
  if (view === "proposals") proposals ??= (await import("./proposals.js")).createProposals({ changed: () => stage.redraw(), chosen: (it) => offer(it && ((to) => to.offerMask(it.mask, it.key))) });
  if (view === "explain") explain ??= (await import("./explain-view.js")).createExplainView({ api, work: runner.work, problem: runner.problem });
  await askForView();
  refresh();
}

/** After an answer, and after a change: what only a view needs is asked for when it is open. */
async function askForView() {
  const state = store.get(), picture = currentPicture(state), result = picture?.answers.get(questionOf(state));
  if (state.view === "explain") explain?.show(picture, state);
  if (state.view !== "proposals" || !result || result.proposals || result.asking) return;
  result.asking = true;
  runner.work("Collecting proposals…");
  try {
    result.proposals = (await api.proposals(picture, state)).proposals ?? [];
  } catch (error) {
    runner.problem(error);
  }
  result.asking = false;
  runner.work(null);
  refresh();
}

/** Scores of single pixels, from when somebody first points at one. */
async function fetchScores(result) {
  const state = store.get(), picture = currentPicture(state);
  if (!result || result.scores || result.scoring || picture?.answers.get(questionOf(state)) !== result) return;
  result.scoring = true;
  try {
    const [parts, { readPng }] = await Promise.all([api.scores(picture, state), import("./png.js")]);
    const [scores, runnerUp, runnerUpScores] = await Promise.all([parts.scores, parts.runner_up, parts.runner_up_scores].map(readPng));
    result.scores = { scores, runnerUp, runnerUpScores };
    stage.pointAgain();
  } catch {
    // The pointer goes on without scores; whatever is wrong shows with the next question.
  }
}

async function film(frame, stopCamera) {
  const first = await readPicture(await frame(), "Camera");
  let live = true;
  const picture = { ...first, stop: () => ((live = picture.filming = false), stopCamera(), refresh()), filming: true };
  addPicture(picture);
  while (live) {
    await runner.ask();
    await new Promise((next) => setTimeout(next, 60));
    if (!live) break;
    if (store.get().current !== picture.id || document.hidden || !store.get().words.length) continue;
    const next = await readPicture(await frame(), "Camera");
    URL.revokeObjectURL(next.thumb);
    Object.assign(picture, next, { id: picture.id, thumb: picture.thumb, latest: picture.latest });
    refresh();
  }
}

$("stop-film").addEventListener("click", () => currentPicture(store.get())?.stop());

async function useCamera() {
  const { openCamera } = await import("./camera.js");
  openCamera({ film, take: (blob) => addFiles([new File([blob], "Camera.jpg", { type: blob.type })]) });
}

async function example() {
  try {
    const response = await fetch("example.jpg");
    if (!response.ok) throw new Error("The example is not there.");
    if (!store.get().words.length)
      store.change({ words: withWords([], ["soccer ball", "tractor", "star", "night sky", "grass"], freeColor) });
    await addFiles([new File([await response.blob()], "Example.jpg", { type: "image/jpeg" })]);
  } catch (error) {
    runner.problem(error);
  }
}

function show(state) {
  const picture = currentPicture(state), result = answer();
  const exact = picture?.answers.get(questionOf(state));
  words.show(state, exact ? new Set(exact.found.map((f) => f.key)) : null);
  $("clear-words").hidden = !state.words.length;
  $("words-hint").textContent = hintOf(state);
  views.show(state, { masks: service.model?.proposals ?? false, explain: service.model?.explanation ?? false });
  legend.show(state, result, exact !== undefined);
  if (state.view === "proposals") $("found").hidden = true;
  proposals?.show(state.view === "proposals" ? exact ?? null : null, state);
  strip.show(state);
  $("stop-film").hidden = !picture?.filming;
  options.show(state, service.model);
  teach?.show(state);
  bankPanel?.show(state);
  $("stage").setAttribute("aria-busy", String(Boolean(picture && state.words.length && !exact && picture.state !== "bad")));
  stage.show(state);
  $("undo").disabled = !store.canUndo();
  $("redo").disabled = !store.canRedo();
}

function hintOf({ words: list, settings, current }) {
  if (!list.length) return current === null ? "One word for each thing; “|” between two names of the same." : "What is in the picture? One word for each thing.";
  if (list.length === 1 && !settings.rest)
    return "One word alone gets every pixel: add another, or leave the rest unnamed (Options).";
  return "";
}

const rememberLink = debounce((state) => history.replaceState(null, "", `#${linkOf(state)}`), 250);
const askSoonForView = debounce(askForView, 400);
let mine = "";
store.listen((state, before) => {
  show(state);
  if (state.words !== before.words || state.settings !== before.settings) rememberLink((mine = state));
  if (questionOf(state) !== questionOf(before)) runner.askSoon();
  else if (state.current !== before.current) runner.ask();
  if (state.current !== before.current || state.words !== before.words || state.settings !== before.settings) askSoonForView();
});
window.addEventListener("hashchange", () => {
  if (mine && location.hash === `#${linkOf(store.get())}`) return;
  store.change(readLink(location.hash));
});

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
}
const system = matchMedia("(prefers-color-scheme: dark)");
const theme = () => localStorage.getItem("san-theme") ?? (system.matches ? "dark" : "light");
setTheme(theme());
system.addEventListener("change", () => setTheme(theme()));
$("theme").addEventListener("click", () => {
  localStorage.setItem("san-theme", theme() === "dark" ? "light" : "dark");
  setTheme(theme());
  say(`${theme()} colours`);
});

$("undo").addEventListener("click", () => store.undo() && say("Taken back"));
$("redo").addEventListener("click", () => store.redo() && say("Done again"));
$("clear-words").addEventListener("click", () => {
  store.change({ words: [], alone: null });
  say("All words removed");
  words.focus();
});
$("copy-link").addEventListener("click", async () => {
  const url = `${location.href.split("#")[0]}#${linkOf(store.get())}`;
  try {
    await navigator.clipboard.writeText(url);
    note("Link copied: it brings back words and settings, not the picture");
  } catch {
    history.replaceState(null, "", url);
    note("The link is in the address bar: copy it from there");
  }
});
$("download").addEventListener("click", async (e) => {
  const kind = e.target.closest("[data-save]")?.dataset.save;
  if (!kind) return;
  $("download").open = false;
  $("download").querySelector("summary").focus();
  const state = store.get(), result = currentPicture(state)?.answers.get(questionOf(state));
  (await import("./download.js")).save(kind, { api, state, result });
});
$("help-button").addEventListener("click", async () => (await dialogs()).showHelp());
$("model-button").addEventListener("click", async () => {
  if (!service.models.length) return void connect();
  (await dialogs()).showModels({
    models: service.models, chosen: store.get().settings.model,
    choose: (name) => store.change({ settings: { ...store.get().settings, model: name === service.models[0].id ? "" : name } }),
  });
});
const actions = { choose: intake.choose, camera: useCamera, example };
$("empty").addEventListener("click", (e) => actions[e.target.closest("[data-do]")?.dataset.do]?.());

const kKeys = {
  "/": () => words.focus(), "?": () => $("help-button").click(),
  "+": () => stage.view.zoomAt(1.4), "=": () => stage.view.zoomAt(1.4), "-": () => stage.view.zoomAt(1 / 1.4), 0: () => stage.view.fit(),
  t: () => teach?.focus(),
  c: () => stage.toggleCompare(), o: () => stage.toggleOverlay(), "[": () => besides(-1), "]": () => besides(1),
};
function besides(step) {
  const { pictures, current } = store.get(), at = pictures.findIndex((p) => p.id === current) + step;
  if (pictures[at]) select(pictures[at].id);
}
document.addEventListener("keydown", (e) => {
  const typing = e.target.closest?.("input:not([type=range]):not([type=checkbox]), select, textarea, dialog");
  if ((e.ctrlKey || e.metaKey) && e.key.toLowerCase() === "z" && !(typing && typing.value)) {
    e.preventDefault();
    $(e.shiftKey ? "redo" : "undo").click();
  } else if (!typing && !e.ctrlKey && !e.metaKey && !e.altKey && kKeys[e.key]) {
    e.preventDefault();
    kKeys[e.key]();
  } else if (e.key === "Escape" && !typing) {
    teach?.close();
    if (store.get().alone !== null) store.set({ alone: null });
  }
});
closeMenusElsewhere();
if (new URLSearchParams(location.search).has("camera")) useCamera();

/** Which models answer; again and again while nobody does. */
async function connect() {
  const button = $("model-name"), dot = document.querySelector(".dot");
  try {
    const { models, limits } = await api.models();
    service.models = models;
    service.banks = limits.banks;
    showModelName();
    dot.className = "dot ready";
    const chosen = store.get().settings.model;
    if (chosen && !service.models.some((m) => m.id === chosen)) {
      note(`The model ${chosen} of this link is not here; ${service.models[0].id} answers`);
      store.set({ settings: { ...store.get().settings, model: "" } });
    }
    refresh();
  } catch (error) {
    dot.className = "dot down";
    button.textContent = error.code === "unreachable" ? "The service does not answer" : error.message;
    setTimeout(connect, 4000);
  }
}

async function showModelName() {
  const name = store.get().settings.model;
  service.model = service.models.find((m) => m.id === name) ?? service.models[0] ?? null;
  const { nameOf } = await import("./dialogs.js");
  if (service.model) $("model-name").textContent = nameOf(service.model);
  await findBank();
}

/** The examples that this tab taught before, else those that the service was started with. */
async function findBank() {
  const { bank, settings } = store.get(), { createBankPanel, rememberedBank } = await import("./bank.js");
  bankPanel ??= createBankPanel({ store, api });
  if (!bank || bank.fixed) {
    const before = bank ? null : rememberedBank();
    const told = before ? await api.bank(before.name).catch(() => null) : null;
    const own = told ?? (service.model?.bank ? await api.bank(service.model.bank).catch(() => null) : null);
    if (own) store.set({ bank: { ...own, setting: told ? before.setting : settings.model, version: 0 } });
    else if (bank) store.set({ bank: null });
  }
  bankPanel.show(store.get());
}
store.listen((state, before) => state.settings.model !== before.settings.model && (showModelName(), refresh()));

refresh();
connect();
