// What is said to those who listen, and the short notes that pass by.
import { $ } from "./dom.js";

let timer = 0;

/** To screen readers. */
export function say(text) {
  const place = $("say");
  // The same words twice are only read again when they change in between.
  place.textContent = place.textContent === text ? `${text}\u00a0` : text;
}

/** To everybody. */
export function note(text) {
  say(text);
  const toast = $("toast");
  toast.textContent = text;
  toast.classList.add("shown");
  clearTimeout(timer);
  timer = setTimeout(() => toast.classList.remove("shown"), 2600);
}
