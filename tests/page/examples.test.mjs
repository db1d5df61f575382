// "This is a …": regions that are named become examples, on both sizes; and sharper edges.
import assert from "node:assert/strict";
import fs from "node:fs";
import { describe, test } from "node:test";
import {
  answered, browserAndService, colorAt, distance, example, found, kPlaces, kSizes, openExample, openPage, placeOf, san, startService, temporary, violations, words,
} from "./support.mjs";

const { browser, service } = await browserAndService();

const openAnswered = (size, options) => openExample(browser, service.address, { ...kSizes[size], ...options });
const taught = (page) => page.locator("#taught li span").allTextContents();

/** What was asked about pictures that the service knew, without the scores that pointing asks for. */
const questions = (page) => page.segmentRequests.filter((r) => /json/.test(r.headers()["content-type"])).map((r) => JSON.parse(r.postData()))
  .filter((question) => question.output.includes("json"));

/** Points at a place and says what it is. */
async function teach(page, size, place, name) {
  const at = await placeOf(page, place);
  if (kSizes[size].hasTouch) await page.touchscreen.tap(...at);
  else await page.mouse.click(...at);
  await page.waitForSelector("#teach:not([hidden])");
  await page.fill("#teach-name", name);
  const done = page.waitForResponse((response) => response.url().endsWith("/examples"));
  await page.click("#teach .primary");
  assert.equal((await done).status(), 201);
  await page.waitForSelector("#teach", { state: "hidden" });
  await answered(page);
}

for (const size of Object.keys(kSizes)) describe(size, () => {
  test("a region that is named becomes a word with an example, and the picture is asked again", async () => {
    const page = await openAnswered(size);
    await teach(page, size, kPlaces.star, "glowing thing");
    assert.ok((await words(page)).includes("glowing thing"));
    assert.deepEqual(await taught(page), ["glowing thing"]);
    assert.ok((await found(page)).includes("glowing thing"), "the example is found again");
    assert.equal(questions(page).length, 1);
    const { bank } = questions(page)[0];
    assert.match(bank, /^page-\d+-\d+$/);

    // Switched off: the answer of words alone; on again: nobody is asked, it was kept.
    await page.locator("#use-bank").click();
    await answered(page);
    assert.equal(questions(page).at(-1).bank, false);
    await page.locator("#use-bank").click();
    await answered(page);
    assert.equal(questions(page).length, 2);
    assert.ok((await found(page)).includes("glowing thing"));

    // The file answers the same in the command.
    const download = page.waitForEvent("download");
    await page.click("#bank-download");
    const file = await download;
    assert.equal(file.suggestedFilename(), "examples.bank");
    const labels = page.waitForEvent("download");
    await page.click("#download > summary");
    await page.click("[data-save=labels]");
    const out = temporary(`bank-${size}`);
    san("segment", example, "--classes", (await words(page)).join(", "), "--bank", await file.path(), "--save", "labels", "--output", out);
    assert.deepEqual(fs.readFileSync(await (await labels).path()), fs.readFileSync(`${out}/example.labels.png`));

    // The page is loaded anew: this tab still has them. Then they are removed.
    await page.reload();
    await page.waitForSelector("#examples:not([hidden])");
    assert.deepEqual(await taught(page), ["glowing thing"]);
    await page.click("#bank-remove");
    await page.waitForSelector("#examples", { state: "hidden" });
    assert.equal((await (await fetch(`${service.address}/v1/banks/${bank}`)).json()).error.code, "unknown_bank");
    await page.finish();
  });

  test("the region that is meant is shown, and given up without a trace", async () => {
    const page = await openAnswered(size);
    await page.locator("#names").evaluate((box) => box.click());
    const sky = await colorAt(page, kPlaces["night sky"]);
    const at = await placeOf(page, kPlaces.star);
    if (kSizes[size].hasTouch) await page.touchscreen.tap(...at);
    else await page.mouse.click(...at);
    await page.waitForSelector("#teach:not([hidden])");
    assert.ok(distance(await colorAt(page, kPlaces["night sky"]), sky) > 20, "the rest is veiled");
    const box = await page.locator("#teach").boundingBox(), stage = await page.locator("#stage").boundingBox();
    assert.ok(box.x >= stage.x && box.x + box.width <= stage.x + stage.width && box.y + box.height <= stage.y + stage.height);
    assert.deepEqual(await violations(page), []);
    await page.click("#teach-close");
    await page.waitForSelector("#teach", { state: "hidden" });
    await page.keyboard.press("Escape");
    assert.ok(distance(await colorAt(page, kPlaces["night sky"]), sky) < 2);
    assert.equal(await page.isHidden("#examples"), true);
    await page.finish();
  });

  test("a proposal's mask is named", async () => {
    const page = await openAnswered(size);
    await page.click("#tab-proposals");
    await page.waitForSelector("#proposal-list li");
    const at = await placeOf(page, kPlaces["soccer ball"]);
    if (kSizes[size].hasTouch) await page.touchscreen.tap(...at);
    else await page.mouse.click(...at);
    await page.waitForSelector("#teach:not([hidden])");
    assert.equal(await page.locator("#proposal-list li.pinned").count(), 1);
    await page.fill("#teach-name", "Soccer Ball");
    await page.click("#teach .primary");
    await page.waitForSelector("#examples:not([hidden])");
    assert.deepEqual(await taught(page), ["soccer ball"], "the word that is there already");
    await page.finish();
  });

  test("sharper edges are those of san segment --refine", async () => {
    const page = await openAnswered(size);
    await page.locator("#options > summary").click();
    await page.locator("#refine").click();
    await answered(page);
    const out = temporary(`refined-${size}`);
    san("segment", example, "--classes", (await words(page)).join(", "), "--refine", "--save", "labels", "--output", out);
    const labels = page.waitForEvent("download");
    await page.click("#download > summary");
    await page.click("[data-save=labels]");
    assert.deepEqual(fs.readFileSync(await (await labels).path()), fs.readFileSync(`${out}/example.labels.png`));
    await page.finish();
  });
});

test("by keys alone", async () => {
  const page = await openAnswered("desktop");
  await page.focus("#viewport");
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Enter");
  await page.waitForSelector("#teach:not([hidden])");
  await page.keyboard.press("t");
  assert.equal(await page.evaluate(() => document.activeElement.id), "teach-name");
  assert.equal(await page.inputValue("#teach-name"), "");
  await page.keyboard.press("Escape");
  assert.equal(await page.isHidden("#teach"), true);
  assert.equal(await page.evaluate(() => document.activeElement.id), "viewport");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Enter");
  await page.waitForSelector("#teach:not([hidden])");
  await page.keyboard.press("t");
  await page.keyboard.type("middle");
  await page.keyboard.press("Enter");
  await page.waitForSelector("#examples:not([hidden])");
  await answered(page);
  assert.equal(await page.evaluate(() => document.activeElement.id), "viewport");
  await page.finish();
});

test("examples that the service lost are let go", async () => {
  const page = await openAnswered("desktop");
  await teach(page, "desktop", kPlaces.star, "lamp");
  const { bank } = questions(page).at(-1);
  await fetch(`${service.address}/v1/banks/${bank}`, { method: "DELETE" });
  await page.fill("#word-input", "moon");
  await page.press("#word-input", "Enter");
  await page.waitForSelector("#examples", { state: "hidden" });
  await answered(page);
  assert.equal(await page.isHidden("#problem"), true);
  await page.finish();
});

test("a region too small to teach anything is told in words", async () => {
  const page = await openAnswered("desktop");
  await page.route("**/examples", (route) => route.fulfill({ status: 422, contentType: "application/json",
    body: JSON.stringify({ error: { status: 422, code: "region_too_small", message: "a region of 3 pixels" } }) }));
  await page.mouse.click(...await placeOf(page, kPlaces.star));
  await page.waitForSelector("#teach:not([hidden])");
  await page.fill("#teach-name", "x");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => /a region of 3 pixels/.test(document.getElementById("toast").textContent));
  assert.equal(await page.isHidden("#examples"), true);
  await page.finish();
});

test("what the service was started with is shown and switched off", async () => {
  const page = await openAnswered("desktop");
  await teach(page, "desktop", kPlaces.star, "house star");
  const { bank } = questions(page).at(-1);
  const file = temporary("house.bank");
  fs.writeFileSync(file, Buffer.from(await (await fetch(`${service.address}/v1/banks/${bank}/file`)).arrayBuffer()));
  await page.finish();
  const house = await startService("--bank", file);
  const other = await openPage(browser, house.address, { ...kSizes.desktop, hash: "#w=house+star&w=grass" });
  await other.waitForSelector("#examples:not([hidden])");
  assert.deepEqual(await taught(other), ["house star"]);
  assert.equal(await other.isHidden("#bank-remove"), true);
  await other.finish();
  await house.stop();
});
