// Every action of the page once, on both sizes, against the service with the built-in model.
import assert from "node:assert/strict";
import fs from "node:fs";
import { describe, test } from "node:test";
import {
  addPicture, answered, browserAndService, colorAt, distance, example, found, kExampleWords, kPlaces, kSizes, metric, openExample, openPage, placeOf, san,
  settled, temporary, typeWords, words,
} from "./support.mjs";

const { browser, service } = await browserAndService();

const open = (size, options) => openPage(browser, service.address, { ...kSizes[size], ...options });
const openAnswered = (size, options) => openExample(browser, service.address, { ...kSizes[size], ...options });
const clickRow = (page, key, part) => page.locator(`#legend li[data-key="${key}"] ${part}`).click();
const shareOf = async (page, key) => Number.parseInt(await page.locator(`#legend li[data-key="${key}"] .share`).textContent(), 10);

/** Something from outside: files that are dropped or pasted. */
const bring = (page, event, name = "dropped.jpg") => page.evaluate(async ([event, bytes, name]) => {
  const transfer = new DataTransfer();
  transfer.items.add(new File([Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0))], name, { type: name.endsWith("txt") ? "text/plain" : "image/jpeg" }));
  if (event === "paste") return void window.dispatchEvent(new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true }));
  for (const type of ["dragenter", "dragover", "drop"]) window.dispatchEvent(new DragEvent(type, { dataTransfer: transfer, bubbles: true, cancelable: true }));
}, [event, fs.readFileSync(example).toString("base64"), name]);

for (const size of Object.keys(kSizes)) describe(size, () => {
  test("a chosen picture and typed words are answered as san segment answers them", async () => {
    const page = await open(size);
    await addPicture(page);
    assert.equal(await page.evaluate(() => document.activeElement.id), "word-input", "the words come next");
    await typeWords(page, ...kExampleWords);
    await answered(page);
    assert.deepEqual(new Set(await found(page)), new Set(kExampleWords));
    const out = temporary(`cli-${size}`);
    san("segment", example, "--classes", kExampleWords.join(", "), "--save", "labels,json", "--output", out);
    const { classes } = JSON.parse(fs.readFileSync(`${out}/example.json`, "utf8"));
    for (const entry of classes) assert.equal(await shareOf(page, entry.name), Math.round(100 * entry.share), entry.name);
    const download = page.waitForEvent("download");
    await page.click("#download > summary");
    await page.click("[data-save=labels]");
    assert.deepEqual(fs.readFileSync(await (await download).path()), fs.readFileSync(`${out}/example.labels.png`));
    await page.finish();
  });

  test("pictures are dropped and pasted; what is no picture is refused in words", async () => {
    const page = await open(size);
    await bring(page, "drop");
    await page.waitForSelector("#strip [data-id]");
    await bring(page, "paste", "pasted.jpg");
    await page.waitForFunction(() => document.querySelectorAll("#strip [data-id]").length === 2);
    assert.equal(await page.isHidden("#drop"), true);
    await bring(page, "drop", "notes.txt");
    await page.waitForFunction(() => /no picture/.test(document.getElementById("toast").textContent));
    fs.writeFileSync(temporary("broken.png"), "no picture at all");
    await page.setInputFiles("#file", temporary("broken.png"));
    await page.waitForSelector("#problem:not([hidden])");
    assert.match(await page.textContent("#problem"), /broken\.png.*not a picture/s);
    await page.finish();
  });

  test("the camera takes a picture, and films", async () => {
    const page = await open(size, { hash: "#w=toy&w=wall" });
    await page.click("[data-do=camera]");
    await page.click("#camera-dialog .primary:enabled");
    await answered(page);
    await page.click("#strip .camera");
    await page.click("#camera-dialog >> text=Film");
    await page.waitForFunction(() => document.querySelectorAll("#strip [data-id]").length === 2);
    await page.waitForSelector("#stop-film:not([hidden])");
    const seen = page.segmentRequests.length;
    while (page.segmentRequests.length < seen + 2) await page.waitForRequest("**/v1/segment");
    await page.click("#stop-film");
    await page.waitForSelector("#stop-film", { state: "hidden" });
    await page.finish();
  });

  test("words are chips: synonyms, lists of words, doubles, changing, removing", async () => {
    const page = await open(size);
    await typeWords(page, "cat", "sofa | couch", "wall, floor");
    assert.deepEqual(await words(page), ["cat", "sofa|couch", "wall", "floor"]);
    await typeWords(page, "Cat");
    assert.equal((await words(page)).length, 4);
    await page.waitForSelector(".chip.flash[data-key=cat]");
    await page.click(".chip[data-key=wall] .text");
    assert.equal(await page.inputValue("#word-input"), "wall");
    await page.fill("#word-input", "brick wall");
    await page.press("#word-input", "Enter");
    await page.click('.chip[data-key="floor"] .off');
    assert.deepEqual(await words(page), ["cat", "sofa|couch", "brick wall"]);
    await page.press("#word-input", "Backspace");
    await page.press("#word-input", "ArrowLeft");
    await page.keyboard.press("Delete");
    assert.deepEqual(await words(page), ["cat"]);
    await page.click("#clear-words");
    assert.deepEqual(await words(page), []);
    await page.finish();
  });

  test("suggestions come from the label sets, by keys", async () => {
    const page = await open(size);
    await page.fill("#word-input", "pony | hors");
    await page.waitForSelector("#suggestions li");
    assert.equal(await page.getAttribute("#word-input", "aria-expanded"), "true");
    await page.press("#word-input", "ArrowDown");
    const active = await page.getAttribute("#word-input", "aria-activedescendant");
    assert.match(await page.textContent(`#${active}`), /horse/);
    await page.press("#word-input", "Enter");
    assert.deepEqual(await words(page), ["pony|horse"]);
    assert.equal(await page.isHidden("#suggestions"), true);
    await page.click("#lists > summary");
    await page.click("#lists-body button >> text=voc-20");
    assert.equal((await words(page)).length, 21);
    await page.finish();
  });

  test("pointing names the region with score and runner-up", async () => {
    const page = await openAnswered(size);
    const [x, y] = await placeOf(page, kPlaces["soccer ball"]);
    if (kSizes[size].hasTouch) await page.touchscreen.tap(x, y);
    else await page.mouse.move(x, y);
    await page.waitForSelector("#tip:not([hidden]) small");
    assert.match(await page.textContent("#tip b"), /^soccer ball\s*\d+ %$/);
    assert.match(await page.textContent("#tip small"), /^else (tractor|star|night sky|grass)\s*(< 1|\d+) %$/);
    assert.equal(await page.locator("#legend li.pointed").getAttribute("data-key"), "soccer ball");
    await page.finish();
  });

  test("a word is isolated, hidden and given another colour without asking anybody", async () => {
    const page = await openAnswered(size);
    const asked = page.segmentRequests.length;
    const ball = kPlaces["soccer ball"], sky = kPlaces["night sky"];
    await page.locator("#names").evaluate((box) => box.click());
    const before = { ball: await colorAt(page, ball), sky: await colorAt(page, sky) };
    await clickRow(page, "soccer ball", ".word");
    assert.equal(await page.getAttribute('#legend li[data-key="soccer ball"] .word', "aria-pressed"), "true");
    assert.ok(distance(await colorAt(page, sky), before.sky) > 20, "the rest is veiled");
    await page.click("#show-all");
    assert.ok(distance(await colorAt(page, sky), before.sky) < 2);
    await clickRow(page, "night sky", ".eye");
    assert.ok(distance(await colorAt(page, sky), before.sky) > 20, "hidden");
    assert.ok(distance(await colorAt(page, ball), before.ball) < 2, "the others stay");
    await clickRow(page, "night sky", ".eye");
    await page.locator('#legend li[data-key="soccer ball"] input').fill("#00ff00");
    const [r, g] = await colorAt(page, ball);
    assert.ok(g > r + 60, `green, not ${r} ${g}`);
    assert.equal(page.segmentRequests.length, asked);
    await page.finish();
  });

  test("a click on a region isolates its word", { skip: kSizes[size].hasTouch && "a tap names it" }, async () => {
    const page = await openAnswered(size);
    await page.mouse.click(...await placeOf(page, kPlaces.star));
    assert.equal(await page.getAttribute("#legend li[data-key=star] .word", "aria-pressed"), "true");
    await page.keyboard.press("Escape");
    assert.equal(await page.getAttribute("#legend li[data-key=star] .word", "aria-pressed"), "false");
    await page.finish();
  });

  test("opacity, and the line that compares", async () => {
    const page = await openAnswered(size);
    const sky = kPlaces["night sky"], half = await colorAt(page, sky);
    await page.locator("#opacity").fill("0");
    const plain = await colorAt(page, sky);
    assert.ok(distance(half, plain) > 20);
    await page.locator("#opacity").fill("100");
    const full = await colorAt(page, sky);
    await page.click("#compare");
    assert.ok(distance(await colorAt(page, sky), plain) < 2, "left of the line: the picture");
    const box = await page.locator("#divider").boundingBox(), middle = box.y + box.height / 2;
    await page.mouse.move(box.x + box.width / 2, middle);
    await page.mouse.down();
    await page.mouse.move(box.x - (size === "phone" ? 90 : 200), middle, { steps: 4 });
    await page.mouse.up();
    assert.ok(distance(await colorAt(page, sky), full) < 2, "right of it: the overlay");
    await page.focus("#divider");
    await page.keyboard.press("End");
    assert.equal(await page.getAttribute("#divider", "aria-valuenow"), "0");
    assert.ok(distance(await colorAt(page, sky), plain) < 2);
    await page.finish();
  });

  test("zoom and pan", async () => {
    const page = await openAnswered(size);
    const widthOf = async () => Number((await page.getAttribute("#canvas", "data-place")).split(" ")[2]);
    await settled(page);
    const width = await widthOf();
    await page.click("#zoom-in");
    await settled(page);
    assert.ok(Math.abs(await widthOf() / width - 1.4) < 0.01);
    const from = await placeOf(page, kPlaces.grass), box = await page.locator("#viewport").boundingBox();
    const at = [box.x + box.width / 2, box.y + box.height / 2];
    await page.mouse.move(...at);
    await page.mouse.down();
    await page.mouse.move(at[0] + 30, at[1] - 40, { steps: 3 });
    await page.mouse.up();
    await settled(page);
    const to = await placeOf(page, kPlaces.grass);
    assert.ok(Math.abs(to[0] - from[0] - 30) < 1.5 && Math.abs(to[1] - from[1] + 40) < 1.5);
    await page.mouse.wheel(0, -300);
    await settled(page);
    assert.ok(await widthOf() > width * 1.6);
    await page.click("#zoom-fit");
    await settled(page);
    assert.ok(Math.abs(await widthOf() - width) < 0.5);
    await page.finish();
  });

  test("several pictures in a strip", async () => {
    const page = await openAnswered(size);
    await addPicture(page, `${example.replace(/apps.*/, "")}tests/data/photos/cat.jpg`);
    await answered(page);
    assert.equal(await page.locator("#strip [data-id]").count(), 2);
    assert.match(await page.getAttribute("#strip [aria-current]", "aria-label"), /cat\.jpg/);
    const asked = page.segmentRequests.length;
    await page.click("#strip [data-id] >> nth=0");
    await answered(page);
    assert.equal(page.segmentRequests.length, asked, "its answer was kept");
    assert.ok((await found(page)).includes("tractor"));
    await page.hover("#strip li >> nth=0");
    await page.locator("#strip li .off").first().click({ force: true });
    assert.equal(await page.locator("#strip [data-id]").count(), 1);
    await page.finish();
  });

  test("proposals: what each query outlined", async () => {
    const page = await openAnswered(size);
    await page.click("#tab-proposals");
    await page.waitForSelector("#proposal-list li");
    assert.ok(await page.locator("#proposal-list li").count() > 4);
    const row = page.locator("#proposal-list li", { hasText: "soccer ball" }).first();
    await row.locator(".word").click();
    assert.equal(await row.locator(".word").getAttribute("aria-pressed"), "true");
    if (!kSizes[size].hasTouch) await page.mouse.move(5, 5);
    await page.evaluate(() => document.activeElement.blur());
    const inside = await colorAt(page, kPlaces["soccer ball"]), outside = await colorAt(page, kPlaces.grass);
    await page.click("#tab-regions");
    await page.locator("#opacity").fill("0");
    await page.locator("#names").evaluate((box) => box.click());
    assert.ok(distance(inside, await colorAt(page, kPlaces["soccer ball"])) < 40, "the mask is clear");
    assert.ok(distance(outside, await colorAt(page, kPlaces.grass)) > 20, "the rest is veiled");
    await page.finish();
  });

  test("what was done is taken back and done again", async () => {
    const page = await openAnswered(size);
    await typeWords(page, "moon");
    await answered(page);
    await page.click("#undo");
    assert.deepEqual(await words(page), kExampleWords);
    await page.click("#redo");
    assert.deepEqual(await words(page), [...kExampleWords, "moon"]);
    await page.keyboard.press("Control+z");
    assert.deepEqual(await words(page), kExampleWords);
    await page.finish();
  });

  test("the overlay and the measurements are saved", async () => {
    const page = await openAnswered(size);
    const save = async (kind) => {
      const download = page.waitForEvent("download");
      await page.click("#download > summary");
      await page.click(`[data-save=${kind}]`);
      const file = await download;
      return [file.suggestedFilename(), fs.readFileSync(await file.path())];
    };
    await page.locator("#legend li[data-key=star] input").fill("#123456");
    const [name, png] = await save("overlay");
    assert.equal(name, "Example.overlay.png");
    assert.equal(png.readUInt32BE(16), 512, "as wide as the picture");
    assert.ok(png.readUInt32BE(20) > 512, "the legend stands below");
    const [, text] = await save("json");
    const json = JSON.parse(text);
    assert.deepEqual([json.width, json.height], [512, 512]);
    assert.equal(json.classes.find((c) => c.name === "star").color, "#123456");
    assert.equal(json.classes.reduce((sum, c) => sum + c.area, 0), 512 * 512);
    await page.finish();
  });

  test("a link brings back words and settings", async () => {
    const page = await openAnswered(size);
    await page.locator("#opacity").fill("80");
    await page.locator("#outlines").evaluate((box) => box.click());
    await page.locator("#legend li[data-key=star] input").fill("#123456");
    await clickRow(page, "grass", ".eye");
    await page.click("#copy-link");
    const link = await page.evaluate(() => navigator.clipboard.readText());
    const other = await open(size, { hash: `#${link.split("#")[1]}` });
    assert.deepEqual(await words(other), kExampleWords);
    assert.equal(await other.inputValue("#opacity"), "80");
    assert.equal(await other.isChecked("#outlines"), false);
    await addPicture(other);
    await answered(other);
    assert.equal(await other.inputValue("#legend li[data-key=star] input"), "#123456");
    assert.equal(await other.getAttribute("#legend li[data-key=grass] .eye", "aria-pressed"), "false");
    await other.finish();
    await page.finish();
  });

  test("the rest may stay unnamed; other detail is another question", async () => {
    const page = await openAnswered(size, { hash: "#w=tractor" });
    assert.deepEqual(new Set(await found(page)), new Set(["tractor", "\u0000other"]));
    assert.equal(await page.textContent("#words-hint"), "");
    await page.locator("#rest").evaluate((box) => box.click());
    await answered(page);
    assert.deepEqual(await found(page), ["tractor"]);
    assert.match(await page.textContent("#words-hint"), /One word alone gets every pixel/);
    await page.locator("#side").evaluate((box) => ((box.value = "128"), box.dispatchEvent(new Event("change"))));
    await answered(page);
    assert.equal(page.segmentRequests.at(-1).postDataJSON().short_side, 128);
    await page.finish();
  });

  test("other words on the same picture do not run the network again", async () => {
    const page = await openAnswered(size);
    const hits = [];
    page.on("response", (response) => response.url().endsWith("/v1/segment") && hits.push(response.headers()["x-san-cache"]));
    const looked = await metric(service.address, "san_picture_cache_misses_total");
    await typeWords(page, "moon", "car");
    await answered(page);
    assert.ok(hits.length >= 1 && hits.every((hit) => hit === "hit"), `${hits}`);
    assert.equal(page.segmentRequests.at(-1).postDataJSON().image_sha256?.length, 64, "the picture is named, not sent again");
    assert.equal(await metric(service.address, "san_picture_cache_misses_total"), looked);
    await page.finish();
  });
});
