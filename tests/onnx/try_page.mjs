// node try_page.mjs FOLDER PICTURE NAMES: serves the page, opens it in Chromium, gives it the picture and the names, and
// prints {width, height, seconds, labels} as JSON. Packages are found in $SAN_ONNXRUNTIME_DIR; exit code 3: no Chromium.
import fs from 'node:fs';
import http from 'node:http';
import {createRequire} from 'node:module';
import path from 'node:path';

const {chromium} = createRequire(path.resolve(process.env.SAN_ONNXRUNTIME_DIR, 'package.json'))('playwright-core');
const [folder, picture, names] = process.argv.slice(2);
const executablePath = ['/usr/bin/chromium-headless-shell', '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((f) => fs.existsSync(f));
if (!executablePath) process.exit(3);

const types = {'.html': 'text/html', '.mjs': 'text/javascript', '.wasm': 'application/wasm', '.json': 'application/json'};
const server = http.createServer((request, response) => {
  const file = path.join(folder, decodeURIComponent(new URL(request.url, 'http://x').pathname).replace(/\/$/, '/index.html'));
  if (!fs.existsSync(file)) {
    response.writeHead(404).end();
    return;
  }
  response.writeHead(200, {'Content-Type': types[path.extname(file)] || 'application/octet-stream'});
  fs.createReadStream(file).pipe(response);
});
await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
const browser = await chromium.launch({executablePath, args: ['--no-sandbox']});
try {
  const page = await browser.newPage();
  page.setDefaultTimeout(300_000);
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  const state = (wanted) => page.waitForFunction((w) => [w, 'failed'].includes(document.body.dataset.state), wanted);
  await state('ready');
  await page.fill('#names', names);
  await page.setInputFiles('#file', picture);
  await state('done');
  const failed = await page.evaluate(() => document.body.dataset.state === 'failed' && document.getElementById('status').textContent);
  if (failed) throw new Error(failed);
  const {labels, ...rest} = await page.evaluate(() => ({...self.lastLabels, labels: Array.from(self.lastLabels.labels)}));
  console.log(JSON.stringify({...rest, labels}));
} finally {
  await browser.close();
  server.close();
}
