// How the page looks, against looks.json: the mean brightness of squares, which fonts and smoothing hardly change but
// a part that is gone, moved or of another colour does. After a wanted change look at the pictures, then
// SAN_UPDATE_LOOKS=1 node tests/page/run.mjs … tests/page/looks.test.mjs writes the file anew.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { after, test } from "node:test";
import { readPng } from "../../apps/serve/page/png.js";
import { answered, browserAndService, kSizes, openPage, settled, source, temporary } from "./support.mjs";

const file = path.join(source, "tests/page/looks.json");
const update = Boolean(process.env.SAN_UPDATE_LOOKS);
const known = fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, "utf8")) : {};
const kColumns = 20, kRows = 16;
// Of 255. Other fonts move text within its line: single squares differ, the whole hardly.
const kMeanDifference = 5, kLargestDifference = 70;

const { browser, service } = await browserAndService();
after(() => update && fs.writeFileSync(file, `${JSON.stringify(known, null, 0).replaceAll('],"', '],\n"')}\n`));

/** Mean of the red channel of each square, row by row. */
async function squares(png) {
  const { width, height, values } = await readPng(new Blob([png]));
  const sums = new Float64Array(kColumns * kRows), counts = new Float64Array(kColumns * kRows);
  for (let y = 0; y < height; ++y)
    for (let x = 0; x < width; ++x) {
      const at = Math.floor((y * kRows) / height) * kColumns + Math.floor((x * kColumns) / width);
      sums[at] += values[y * width + x];
      ++counts[at];
    }
  return [...sums].map((sum, i) => Math.round(sum / counts[i]));
}

async function check(page, name) {
  await settled(page);
  await page.evaluate(() => document.fonts.ready);
  const png = await page.screenshot({ animations: "disabled", caret: "hide", scale: "css" });
  fs.writeFileSync(temporary(`${name}.png`), png);
  const seen = await squares(png);
  if (update) return void (known[name] = seen);
  assert.ok(known[name], `looks.json does not know ${name}`);
  const apart = seen.map((value, i) => Math.abs(value - known[name][i]));
  const mean = apart.reduce((a, b) => a + b, 0) / apart.length, most = Math.max(...apart), at = apart.indexOf(most);
  const where = `${name}: mean ${mean.toFixed(1)}, most ${most} in column ${at % kColumns}, row ${Math.floor(at / kColumns)}`;
  assert.ok(mean <= kMeanDifference && most <= kLargestDifference, where);
}

for (const [size, options] of Object.entries(kSizes)) for (const colorScheme of ["light", "dark"])
  test(`${size}, ${colorScheme}`, async () => {
    const page = await openPage(browser, service.address, { ...options, colorScheme, reducedMotion: "reduce" });
    await check(page, `${size}-${colorScheme}-empty`);
    await page.click("[data-do=example]");
    await answered(page);
    await page.evaluate(() => (document.activeElement.blur(), window.scrollTo(0, 0)));
    await check(page, `${size}-${colorScheme}-answered`);
    const inside = await page.evaluate(() => {
      const box = (id) => document.getElementById(id).getBoundingClientRect(), stage = box("stage"), words = box("words");
      return { sideways: document.documentElement.scrollWidth <= window.innerWidth, apart: stage.right <= words.left || stage.bottom <= words.top, strip: box("strip").top >= stage.bottom - 1 };
    });
    assert.deepEqual(inside, { sideways: true, apart: true, strip: true });
    await page.finish();
  });
