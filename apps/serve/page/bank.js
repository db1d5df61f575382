// The panel of examples: which words have some, whether they are asked, the file to keep.
import { $, h } from "./dom.js";
import { saveAs } from "./download.js";
import { note } from "./say.js";

const kRemembered = "san-bank";

/** What this tab taught before it was loaded anew: {name, setting}, or null. */
export function rememberedBank() {
  try {
    return JSON.parse(sessionStorage.getItem(kRemembered));
  } catch {
    return null;
  }
}

export function createBankPanel({ store, api }) {
  const use = $("use-bank");
  use.addEventListener("change", () => store.change({ settings: { ...store.get().settings, examples: use.checked } }));
  $("bank-download").addEventListener("click", async () => {
    try {
      const { name } = store.get().bank;
      saveAs(await api.bankFile(name), "examples.bank");
      note("Saved: san segment --bank examples.bank asks it");
    } catch (error) {
      note(error.message);
    }
  });
  $("bank-remove").addEventListener("click", async () => {
    const { bank } = store.get();
    try {
      await api.removeBank(bank.name);
    } catch (error) {
      if (error.code !== "unknown_bank") return note(error.message);
    }
    store.set({ bank: null });
    note("The examples are gone");
    $("viewport").focus();
  });

  return {
    show({ bank, settings }) {
      const mine = bank && bank.setting === settings.model ? bank : null;
      $("examples").hidden = !mine;
      if (bank && !bank.fixed) sessionStorage.setItem(kRemembered, JSON.stringify({ name: bank.name, setting: bank.setting }));
      else sessionStorage.removeItem(kRemembered);
      if (!mine) return;
      use.checked = settings.examples;
      $("bank-remove").hidden = bank.fixed;
      const text = JSON.stringify([mine.name, mine.classes]);
      if (text === $("taught").dataset.shown) return;
      $("taught").dataset.shown = text;
      $("taught").replaceChildren(...mine.classes.map((c) => h("li", {}, h("span", {}, c.name), h("small", {}, c.pictures === 1 ? "1 picture" : `${c.pictures} pictures`))));
    },
  };
}
