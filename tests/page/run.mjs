// Runs the tests of the page: node run.mjs SOURCE_FOLDER PROGRAMS_FOLDER WORK_FOLDER [test files]
// Installs what drives the browser into WORK_FOLDER by the lock file. Ends with 77, and says why, where npm, the
// packages or Chromium are not to be had.
import { execFileSync, spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const here = path.dirname(fileURLToPath(import.meta.url));
const [source, programs, work, ...chosen] = process.argv.slice(2).map((p) => path.resolve(p));

function skip(why) {
  console.error(`SKIPPED, the page was not tested: ${why}`);
  process.exit(77);
}

function install() {
  fs.mkdirSync(work, { recursive: true });
  const lock = fs.readFileSync(path.join(here, "package-lock.json"), "utf8"), installed = path.join(work, "node_modules/.installed");
  if (fs.existsSync(installed) && fs.readFileSync(installed, "utf8") === lock) return;
  for (const name of ["package.json", "package-lock.json"]) fs.copyFileSync(path.join(here, name), path.join(work, name));
  const result = spawnSync("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], { cwd: work, encoding: "utf8" });
  if (result.error) skip("npm is not installed (Debian: apt-get install npm)");
  if (result.status !== 0) skip(`npm could not fetch the packages of tests/page/package.json:\n${result.stderr}`);
  fs.writeFileSync(installed, lock);
}

// The shell first: of its own, without the windows of a browser, it takes half the time.
function findChromium() {
  for (const name of [process.env.SAN_CHROMIUM, "/usr/bin/chromium-headless-shell", "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"])
    if (name && fs.existsSync(name)) return name;
  return skip("there is no Chromium (Debian: apt-get install chromium-headless-shell; or set SAN_CHROMIUM)");
}

const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 18 || (major === 18 && minor < 19)) skip(`Node ${process.versions.node} is too old; 18.19 is needed`);
const chromium = findChromium();
install();
const tests = chosen.length ? chosen : fs.readdirSync(here).filter((name) => name.endsWith(".test.mjs")).sort().map((name) => path.join(here, name));
try {
  execFileSync(process.execPath, ["--test", `--test-concurrency=${os.cpus().length + 1}`, "--test-reporter", "spec", ...tests], {
    stdio: "inherit",
    env: { ...process.env, SAN_PAGE_MODULES: work, SAN_SOURCE_DIR: source, SAN_PROGRAMS: programs, SAN_CHROMIUM: chromium },
  });
} catch (error) {
  process.exit(error.status ?? 1);
}
