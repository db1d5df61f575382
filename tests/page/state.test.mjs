// What the page says and does when things take long or go wrong, for those who use keys or listen, and how it looks.
import assert from "node:assert/strict";
import fs from "node:fs";
import { describe, test } from "node:test";
import {
  addPicture, answered, browserAndService, found, kExampleWords, kSizes, openExample, openPage, startService, temporary, typeWords, violations, words,
} from "./support.mjs";

const { browser, service } = await browserAndService();

const open = (options) => openPage(browser, service.address, { ...kSizes.desktop, ...options });
const openAnswered = (options) => openExample(browser, service.address, { ...kSizes.desktop, ...options });
const refuse = (status, code, message) => ({ status, contentType: "application/json", body: JSON.stringify({ error: { status, code, message } }) });
/** Everything the live region says while `act` runs. */
const said = async (page, act, wanted) => {
  await act();
  await page.waitForFunction((text) => document.getElementById("say").textContent.includes(text), wanted);
};

describe("waiting and failing", () => {
  test("proposals that come late are listed, whatever was shown meanwhile", async () => {
    const page = await openAnswered();
    let release;
    const held = new Promise((resolve) => (release = resolve));
    await page.route("**/v1/segment", async (route) => (await held, route.continue()));
    const asked = page.waitForRequest("**/v1/segment");
    await page.click("#tab-proposals");
    await asked;
    await page.locator("#opacity").evaluate((range) => ((range.value = "30"), range.dispatchEvent(new Event("input"))));
    release();
    await page.waitForSelector("#proposal-list li");
    await page.finish();
  });

  test("the first paint is small and asks nobody else", async () => {
    const context = await browser.newContext(kSizes.desktop), page = await context.newPage(), session = await context.newCDPSession(page);
    let bytes = 0;
    const elsewhere = [];
    page.on("request", (request) => !request.url().startsWith(service.address) && elsewhere.push(request.url()));
    await session.send("Network.enable");
    session.on("Network.loadingFinished", (event) => (bytes += event.encodedDataLength));
    await page.goto(service.address);
    await page.waitForSelector(".dot.ready");
    assert.ok(bytes > 10_000 && bytes <= 100_000, `${bytes} bytes`);
    assert.deepEqual(elsewhere, []);
    await context.close();
  });

  test("progress is shown while many words are embedded", async () => {
    const page = await openAnswered();
    let polls = 0, seen = false;
    await page.route("**/v1/vocabularies/*", async (route) => {
      if (route.request().method() !== "GET" || seen) return route.continue();
      const json = { name: "x", state: "embedding", progress: { done: 20 * Math.min(++polls, 2), total: 80 } };
      return route.fulfill({ json });
    });
    await page.click("#lists > summary");
    await page.click("#lists-body button >> text=pascal-context-59");
    await page.waitForFunction(() => document.getElementById("work-bar").value === 40 && /Learning \d+ words/.test(document.getElementById("work-text").textContent));
    seen = true;
    await answered(page);
    assert.equal(await page.isHidden("#work"), true);
    const { vocabularies } = await (await fetch(`${service.address}/v1/vocabularies`)).json();
    assert.deepEqual(vocabularies, [], "nothing is left behind");
    await page.finish();
  });

  for (const [what, answer, plain] of [
    ["a busy service", refuse(503, "busy", "the queue is full"), /busy.*Wait a moment/s],
    ["a large picture", refuse(413, "too_large", "more than 32 MB"), /too large for this service.*32 MB/s],
    ["a bad word", refuse(422, "bad_class", "class 2: the name is empty"), /class 2: the name is empty/],
    ["a proxy’s error page", { status: 502, contentType: "text/html", body: "<h1>Bad Gateway</h1>" }, /The service failed/],
    ["a service that is gone", null, /does not answer.*running/s],
  ]) test(`${what} is told in plain words, and can be tried again`, async () => {
    const page = await open();
    await page.route("**/v1/segment", (route) => (answer ? route.fulfill(answer) : route.abort()));
    await page.click("[data-do=example]");
    await page.waitForSelector("#problem:not([hidden])");
    assert.match(await page.textContent("#problem"), plain);
    assert.equal(await page.getAttribute("#problem", "role"), "alert");
    await page.unroute("**/v1/segment");
    await page.click("#problem >> button >> text=Try again");
    await answered(page);
    assert.equal(await page.isHidden("#problem"), true);
    await page.finish();
  });

  test("a picture that the service has let go is sent again", async () => {
    const page = await openAnswered();
    let refused = 0;
    await page.route("**/v1/segment", (route) =>
      (refused++ === 0 ? route.fulfill(refuse(404, "unknown_picture", "send it again")) : route.continue()));
    await typeWords(page, "moon");
    await answered(page);
    assert.equal(refused, 2);
    assert.ok((await page.locator(".chip.absent").count()) <= 1);
    await page.finish();
  });

  test("only the latest question counts", async () => {
    const page = await openAnswered();
    let held;
    await page.route("**/v1/segment", (route) => (held ? route.continue() : (held = route)));
    await typeWords(page, "moon");
    await page.waitForFunction(() => document.querySelector("#stage[aria-busy=true]"));
    while (!held) await new Promise((next) => setTimeout(next, 20));
    await page.click("#undo");
    await answered(page);
    await held.continue().catch(() => {});
    assert.deepEqual(new Set(await found(page)), new Set(kExampleWords));
    await page.finish();
  });

  test("a key is asked for, and kept while the tab is open", async () => {
    fs.writeFileSync(temporary("keys.txt"), "correct-horse-battery\n");
    const locked = await startService("--api-key-file", temporary("keys.txt"));
    const context = await browser.newContext(kSizes.desktop), page = await context.newPage();
    await page.goto(locked.address);
    for (const [key, text] of [["wrong-key-of-some-length", /key/], ["correct-horse-battery", /not accepted/]]) {
      await page.waitForFunction((pattern) => new RegExp(pattern).test(document.getElementById("key-dialog").textContent), text.source);
      await page.fill("#key", key);
      await page.keyboard.press("Enter");
    }
    await page.waitForSelector(".dot.ready");
    await page.click("[data-do=example]");
    await answered(page);
    await page.reload();
    await page.waitForSelector(".dot.ready");
    await context.close();
    await locked.stop();
  });

  test("which model answers, and what it cannot do", async () => {
    const page = await open();
    await page.waitForSelector(".dot.ready");
    assert.match(await page.textContent("#model-button"), /Built-in model.*not photographs/);
    await page.click("#model-button");
    assert.match(await page.textContent("#model-dialog .limits"), /Photographs/);
    await page.keyboard.press("Escape");
    await page.finish();
  });
});

describe("by keys, and for those who listen", () => {
  test("from the picture to the answer without a pointer", async () => {
    const page = await open();
    await page.keyboard.press("Tab");
    assert.match(await page.evaluate(() => document.activeElement.textContent), /Skip to the words/);
    const reach = async (selector) => {
      for (let i = 0; i < 40; ++i) {
        if (await page.evaluate((s) => document.activeElement.matches(s), selector)) return;
        await page.keyboard.press("Tab");
      }
      assert.fail(`Tab does not reach ${selector}`);
    };
    await reach("[data-do=example]");
    await page.keyboard.press("Enter");
    await answered(page);
    await page.evaluate(() => document.body.focus());
    await reach("#viewport");
    await said(page, async () => {
      for (let i = 0; i < 8; ++i) await page.keyboard.press("ArrowUp");
    }, "night sky");
    await page.keyboard.press("Enter");
    assert.equal(await page.getAttribute('#legend li[data-key="night sky"] .word', "aria-pressed"), "true");
    await page.keyboard.press("Escape");
    await page.keyboard.press("/");
    await page.keyboard.type("moon\n");
    await answered(page);
    assert.ok((await words(page)).includes("moon"));
    await reach("#tab-regions");
    await page.keyboard.press("ArrowRight");
    await page.waitForSelector("#proposal-list li");
    await reach("#proposal-list .word");
    await page.keyboard.press("Enter");
    assert.equal(await page.evaluate(() => document.activeElement.getAttribute("aria-pressed")), "true");
    await page.keyboard.press("Escape");
    await page.evaluate(() => document.activeElement.blur());
    await page.keyboard.press("?");
    await page.waitForSelector("#help-dialog[open]");
    await page.keyboard.press("Escape");
    await page.finish();
  });

  test("what happens is said", async () => {
    const page = await open();
    await said(page, () => addPicture(page), "added, 512 by 512 pixels");
    await said(page, () => typeWords(page, "tractor"), "tractor added");
    await typeWords(page, "grass", "night sky");
    await said(page, () => answered(page), "Found: ");
    await said(page, () => page.click("#legend li[data-key=grass] .word"), "grass alone");
    await said(page, () => page.click("#undo"), "Taken back");
    await page.finish();
  });
});

describe("axe finds nothing to complain of", () => {
  for (const [size, options] of Object.entries(kSizes)) for (const colorScheme of ["light", "dark"])
    test(`${size}, ${colorScheme}`, async () => {
      const page = await open({ ...options, colorScheme });
      const found = [];
      const look = async (where) => found.push(...(await violations(page)).map((v) => `${where}: ${v}`));
      await look("empty");
      await page.click("[data-do=example]");
      await answered(page);
      await page.locator("#options > summary").click();
      await page.click("#compare");
      await typeWords(page, "moon");
      await answered(page);
      await look("answered");
      await page.fill("#word-input", "ho");
      await page.waitForSelector("#suggestions li");
      await look("suggestions");
      await page.fill("#word-input", "");
      await page.click("#legend li >> nth=1 >> .word");
      await look("alone");
      await page.click("#tab-proposals");
      await page.waitForSelector("#proposal-list li");
      await look("proposals");
      for (const dialog of ["model", "help"]) {
        await page.click(`#${dialog}-button`);
        await page.waitForSelector(`#${dialog}-dialog[open]`);
        await look(dialog);
        await page.keyboard.press("Escape");
      }
      await page.click("#strip .camera");
      await page.waitForSelector("#camera-dialog .primary:enabled");
      await look("camera");
      await page.keyboard.press("Escape");
      await page.route("**/v1/segment", (route) => route.fulfill(refuse(503, "busy", "the queue is full")));
      await page.click("#tab-regions");
      await typeWords(page, "sun");
      await page.waitForSelector("#problem:not([hidden])");
      await look("problem");
      assert.deepEqual(found, []);
      await page.finish();
    });
});
