// The three views of the stage: regions, proposals, explanation.
import { $ } from "./dom.js";

export const kViews = ["regions", "proposals", "explain"];

export function createViews({ choose }) {
  const tab = (view) => $(`tab-${view}`);
  for (const view of kViews) tab(view).addEventListener("click", () => choose(view));
  $("views").addEventListener("keydown", (e) => {
    const open = kViews.filter((view) => !tab(view).hidden), at = open.findIndex((view) => tab(view) === e.target);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: open.length - 1 }[e.key];
    if (at < 0 || to === undefined) return;
    e.preventDefault();
    const view = open[(to + open.length) % open.length];
    choose(view);
    tab(view).focus();
  });
  return {
    show({ view, current }, { masks, explain }) {
      $("views").hidden = current === null || !(masks || explain);
      tab("proposals").hidden = !masks;
      tab("explain").hidden = !explain;
      for (const each of kViews) {
        tab(each).setAttribute("aria-selected", String(each === view));
        tab(each).tabIndex = each === view ? 0 : -1;
      }
      $("picture").hidden = current === null || view === "explain";
      $("picture").setAttribute("aria-labelledby", `tab-${view === "explain" ? "regions" : view}`);
      $("explain").hidden = current === null || view !== "explain";
      $("stage-tools").hidden = current === null || view === "explain";
      $("found").classList.toggle("away", view === "proposals");
      $("proposals").hidden = current === null || view !== "proposals";
    },
  };
}
