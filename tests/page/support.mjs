// A service and a browser for the tests of the page.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { createRequire } from "node:module";
import { after } from "node:test";

const need = (name) => process.env[name] ?? assert.fail(`${name} is not set: tests/page/run.mjs sets it`);
const modules = createRequire(path.join(need("SAN_PAGE_MODULES"), "package.json"));
export const { chromium } = modules("playwright-core");
const axeSource = fs.readFileSync(modules.resolve("axe-core/axe.min.js"), "utf8");

export const source = need("SAN_SOURCE_DIR");
const programs = need("SAN_PROGRAMS");
export const sanProgram = path.join(programs, "san");
export const example = path.join(source, "apps/serve/page/example.jpg");
export const kExampleWords = ["soccer ball", "tractor", "star", "night sky", "grass"];
/** Where it is in the example, as fractions of its sides. */
export const kPlaces = { "soccer ball": [0.19, 0.62], star: [0.87, 0.75], "night sky": [0.4, 0.2], grass: [0.5, 0.88] };

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "san-page-"));
const running = new Set();
process.on("exit", () => {
  for (const process of running) process.kill("SIGKILL");
  fs.rmSync(folder, { recursive: true, force: true });
});

export const temporary = (name) => path.join(folder, name);
export const san = (...args) =>
  execFileSync(sanProgram, args, { env: { ...process.env, SAN_CACHE_DIR: path.join(folder, "cache") }, stdio: ["ignore", "pipe", "pipe"] }).toString();

/** Starts san-serve on a free port; resolves to {address, stop}. */
export async function startService(...args) {
  const child = spawn(path.join(programs, "san-serve"), ["--port", "0", "--cache-dir", path.join(folder, "cache"), ...args],
    { stdio: ["ignore", "pipe", "pipe"] });
  running.add(child);
  let out = "", err = "";
  child.stderr.on("data", (text) => (err += text));
  const address = await new Promise((resolve, reject) => {
    child.stdout.on("data", (text) => {
      out += text;
      const found = /listening on (\S+:\d+)/.exec(out);
      if (found) resolve(found[1].startsWith("http") ? found[1] : `http://${found[1]}`);
    });
    child.on("exit", (code) => reject(new Error(`san-serve ended with ${code}: ${out}${err}`)));
  });
  return {
    address,
    stop: () => new Promise((resolve) => {
      child.removeAllListeners("exit");
      child.on("exit", () => (running.delete(child), resolve()));
      child.kill("SIGTERM");
    }),
  };
}

const launch = () => chromium.launch({
  executablePath: need("SAN_CHROMIUM"),
  args: ["--no-sandbox", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", "--force-color-profile=srgb"],
});

/** A browser and a service with the built-in model, until the tests of the calling file have ended. */
export async function browserAndService() {
  const [browser, service] = await Promise.all([launch(), startService()]);
  after(async () => {
    await browser.close();
    await service.stop();
  });
  return { browser, service };
}

export const kSizes = {
  desktop: { viewport: { width: 1280, height: 800 } },
  phone: { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 },
};

/** A page of its own; whatever its scripts complain of fails the test that ends it. */
export async function openPage(browser, address, options = {}) {
  const { hash = "", ...contextOptions } = options;
  const context = await browser.newContext({ permissions: ["camera", "clipboard-read", "clipboard-write"], bypassCSP: false, ...contextOptions });
  const page = await context.newPage();
  page.setDefaultTimeout(45_000);
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(error.stack));
  page.on("console", (message) => message.type() === "error" && !/Failed to load resource/.test(message.text()) && complaints.push(message.text()));
  page.outside = [];
  page.segmentRequests = [];
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (["http:", "https:"].includes(url.protocol) && url.origin !== address) page.outside.push(request.url());
    if (url.pathname === "/v1/segment") page.segmentRequests.push(request);
  });
  await page.goto(`${address}/${hash}`);
  await page.waitForSelector(".dot.ready");
  page.finish = async () => {
    await context.close();
    assert.deepEqual(complaints, []);
    assert.deepEqual(page.outside, [], "requests to elsewhere");
  };
  return page;
}

export const typeWords = async (page, ...words) => {
  for (const word of words) {
    await page.fill("#word-input", word);
    await page.press("#word-input", "Enter");
  }
};

export const addPicture = async (page, file = example) => {
  const before = await page.locator("#strip [data-id]").count();
  await page.setInputFiles("#file", file);
  await page.waitForFunction((n) => document.querySelectorAll("#strip [data-id]").length > n, before);
};

/** Waits until the present question is answered and drawn. */
export const answered = async (page) => {
  await page.waitForSelector("#legend li");
  await page.waitForSelector("#stage[aria-busy=false]");
  await settled(page);
};

/** Two frames: what was to be drawn is drawn. */
export const settled = (page) => page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));

/** Example and its words, answered. */
export async function openExample(browser, address, options) {
  const page = await openPage(browser, address, options);
  await page.click("[data-do=example]");
  await answered(page);
  return page;
}

/** Where the picture is drawn in its window: x, y, width, height. */
const drawnAt = async (page) => (await page.getAttribute("#canvas", "data-place")).split(" ").map(Number);

/** Where fractions (u, v) of the picture are in the window, CSS pixels of the page. */
export const placeOf = async (page, [u, v]) => {
  const box = await page.locator("#viewport").boundingBox();
  const [x, y, width, height] = await drawnAt(page);
  return [box.x + x + u * width, box.y + y + v * height];
};

/** What the canvas shows there: [r, g, b], the mean of a small square. */
export const colorAt = async (page, [u, v]) => {
  await settled(page);
  const [left, top, width, height] = await drawnAt(page);
  return page.evaluate(([x, y]) => {
    const canvas = document.getElementById("canvas"), ratio = canvas.width / canvas.clientWidth, n = 5;
    const data = canvas.getContext("2d").getImageData(Math.round(x * ratio) - 2, Math.round(y * ratio) - 2, n, n).data;
    const sum = [0, 0, 0];
    data.forEach((value, i) => i % 4 < 3 && (sum[i % 4] += value));
    return sum.map((value) => value / (n * n));
  }, [left + u * width, top + v * height]);
};

export const distance = (a, b) => Math.hypot(...a.map((value, i) => value - b[i]));

export const words = (page) => page.locator(".chip").evaluateAll((chips) => chips.map((chip) => chip.dataset.key));
export const found = (page) => page.locator("#legend li").evaluateAll((rows) => rows.map((row) => row.dataset.key));

/** Violations that axe finds, a line each. */
export async function violations(page) {
  await page.evaluate(axeSource);
  const { violations: list } = await page.evaluate(() => window.axe.run());
  return list.flatMap((v) => v.nodes.map((node) => `${v.id}: ${node.target.join(" ")}: ${node.any[0]?.message ?? v.help}`));
}

/** A counter of /metrics, summed over its labels. */
export async function metric(address, name) {
  const text = await (await fetch(`${address}/metrics`)).text();
  return text.split("\n").filter((line) => line.startsWith(name) && !line.startsWith("#")).reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
}
