// The page of `san explain` and the tab that shows the same.
import assert from "node:assert/strict";
import fs from "node:fs";
import { test } from "node:test";
import { readPng } from "../../apps/serve/page/png.js";
import { answered, browserAndService, example, kExampleWords, kSizes, openExample, san, temporary, violations, words } from "./support.mjs";

const { browser, service } = await browserAndService();

/** Clicks pixels of the shown picture and checks what adds up there against `labels` (values, width, height). */
async function checkSums(page, labels, places) {
  const box = await page.locator(".ex-picture").boundingBox();
  for (const [u, v] of places) {
    await page.mouse.click(box.x + u * box.width, box.y + v * box.height);
    const [, x, y] = /Pixel (\d+), (\d+)/.exec(await page.locator("h2", { hasText: "Pixel" }).textContent()).map(Number);
    assert.ok(Math.abs(x / labels.width - u) < 0.02 && Math.abs(y / labels.height - v) < 0.02);
    assert.equal(Number(await page.getAttribute("[data-label]", "data-label")), labels.values[y * labels.width + x], `${x}, ${y}`);
    const given = await page.locator(".ex-sum tbody tr td:last-child").evaluateAll((cells) => cells.map((cell) => Number(cell.textContent)));
    const total = given.pop(), sum = given.reduce((a, b) => a + b, 0);
    assert.ok(Math.abs(sum - total) <= 0.0005 * (given.length + 1), `${given} is not ${total}: more than three digits' rounding`);
    const first = await page.locator(".ex-bars .value").first().textContent();
    assert.ok(Math.abs(Number(first) - total) < 1e-9, "the winner's bar says the same");
  }
}

// Away from edges by more than a click can miss.
const kPlaces = [[0.19, 0.62], [0.87, 0.75], [0.4, 0.2], [0.5, 0.88], [0.62, 0.63], [0.08, 0.1], [0.95, 0.3], [0.1, 0.92]];

for (const [size, options] of Object.entries(kSizes)) for (const colorScheme of ["light", "dark"])
  test(`san explain: one page that needs nothing, ${size}, ${colorScheme}`, async () => {
    const file = temporary("explain.html"), out = temporary("explain-labels");
    san("explain", example, "--quiet", "--classes", kExampleWords.join(", "), "--output", file);
    san("segment", example, "--quiet", "--classes", kExampleWords.join(", "), "--save", "labels", "--output", out);
    const labels = await readPng(new Blob([fs.readFileSync(`${out}/example.labels.png`)]));
    const context = await browser.newContext({ ...options, colorScheme }), page = await context.newPage();
    const asked = [], complaints = [];
    page.on("request", (request) => !/^(file|data):/.test(request.url()) && asked.push(request.url()));
    page.on("pageerror", (error) => complaints.push(error.stack));
    page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
    await page.goto(`file://${file}`);
    await page.waitForSelector(".ex-queries button");
    if (size === "desktop") await checkSums(page, labels, kPlaces);
    await page.locator(".ex-queries button").nth(2).click();
    assert.equal(await page.locator('.ex-queries [aria-pressed="true"]').count(), 1);
    assert.equal(await page.locator(".ex-maps canvas").count(), 7 + 4 + 2, "layers, heads, last blocks of the built-in model");
    await page.focus(".ex-picture");
    await page.keyboard.press("Shift+ArrowRight");
    assert.match(await page.textContent("[role=status]"), /Pixel \d+, \d+: /);
    assert.deepEqual(await violations(page), []);
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), "nothing sticks out");
    assert.deepEqual([asked, complaints], [[], []]);
    await context.close();
  });

for (const [size, options] of Object.entries(kSizes))
  test(`the tab shows it for the picture and words in view, ${size}`, async () => {
    const page = await openExample(browser, service.address, options);
    await page.click("#tab-explain");
    await page.waitForSelector("#explain .ex-queries button");
    assert.equal(await page.isHidden("#picture"), true);
    assert.match(await page.textContent("#explain .ex-bars"), new RegExp(kExampleWords.join("|")));
    assert.deepEqual(await violations(page), []);
    await page.fill("#word-input", "moon");
    await page.press("#word-input", "Enter");
    await page.waitForResponse("**/v1/explain");
    await page.waitForSelector("#explain .ex-queries button");
    await page.click("#tab-regions");
    await answered(page);
    assert.ok((await words(page)).includes("moon"));
    await page.finish();
  });
