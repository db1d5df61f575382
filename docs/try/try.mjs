// The page: decodes the picture, asks the segmenter, paints. tools/try-page.sh puts what it loads beside it.
import * as ort from './ort/ort.wasm.min.mjs';
import {Segmenter} from './segmenter.mjs';
import {Tokenizer} from './tokenizers.min.mjs';

// The graph holds a few hundred bytes a pixel at a time.
const MOST_PIXELS = 700_000;

const byId = (id) => document.getElementById(id);
const say = (text) => { byId('status').textContent = text; };
ort.env.wasm.wasmPaths = new URL('./ort/', import.meta.url).href;
ort.env.wasm.numThreads = self.crossOriginIsolated ? navigator.hardwareConcurrency : 1;

async function read(name) {
  const answer = await fetch(new URL(`./model/${name}`, import.meta.url));
  if (!answer.ok) throw new Error(`${name}: ${answer.status} ${answer.statusText}`);
  return new Uint8Array(await answer.arrayBuffer());
}

const names = () => byId('names').value.split(',').map((n) => n.trim()).filter(Boolean);
const color = (k, count) => `hsl(${Math.round((360 * k) / count)} 75% 55%)`;
let segmenter;
let embedded = {names: '', rows: null};

async function segment(file) {
  document.body.dataset.state = 'busy';
  const words = names();
  if (words.length === 0) throw new Error('there are no words to look for');
  const bitmap = await createImageBitmap(file);
  const scale = Math.min(1, Math.sqrt(MOST_PIXELS / (bitmap.width * bitmap.height)));
  const canvas = byId('canvas');
  canvas.width = Math.max(1, Math.round(bitmap.width * scale));
  canvas.height = Math.max(1, Math.round(bitmap.height * scale));
  const context = canvas.getContext('2d', {willReadFrequently: true});
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  const picture = context.getImageData(0, 0, canvas.width, canvas.height);

  say('Looking …');
  const begin = performance.now();
  if (embedded.names !== words.join()) embedded = {names: words.join(), rows: await segmenter.embed(words)};
  const labels = await segmenter.segment(picture, embedded.rows);
  const seconds = (performance.now() - begin) / 1000;
  paint(context, picture, labels, words);
  say(`${canvas.width}×${canvas.height}, ${words.length} words: ${seconds.toFixed(1)} s`);
  self.lastLabels = {labels, width: canvas.width, height: canvas.height, seconds};  // for tests
  document.body.dataset.state = 'done';
}

function paint(context, picture, labels, words) {
  const areas = new Array(words.length).fill(0);
  const palette = words.map((_, k) => {
    context.fillStyle = color(k, words.length);
    context.fillRect(0, 0, 1, 1);
    return context.getImageData(0, 0, 1, 1).data;
  });
  const painted = new ImageData(new Uint8ClampedArray(picture.data), picture.width, picture.height);
  labels.forEach((label, i) => {
    ++areas[label];
    for (let c = 0; c < 3; ++c) painted.data[4 * i + c] = 0.5 * picture.data[4 * i + c] + 0.5 * palette[label][c];
  });
  context.putImageData(painted, 0, 0);
  const legend = byId('legend');
  legend.replaceChildren();
  for (const k of words.keys()) {
    if (areas[k] === 0) continue;
    const item = document.createElement('li'), swatch = document.createElement('i');
    swatch.style.background = color(k, words.length);
    item.append(swatch, `${words[k]} ${((100 * areas[k]) / labels.length).toFixed(1)} %`);
    legend.append(item);
  }
}

const failed = (error) => {
  say(`It did not work: ${error.message}`);
  document.body.dataset.state = 'failed';
};
const again = () => { if (byId('file').files[0]) segment(byId('file').files[0]).catch(failed); };

Segmenter.load(ort, Tokenizer, read).then((loaded) => {
  segmenter = loaded;
  say('Choose a picture.');
  document.body.dataset.state = 'ready';
  byId('file').addEventListener('change', again);
  byId('names').addEventListener('change', again);
  again();
}).catch(failed);
