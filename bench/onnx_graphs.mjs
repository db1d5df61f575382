// node bench/onnx_graphs.mjs [--size HxW] [--classes N] [--threads N] [--runs N] [--program SAN --model NAME] FOLDER...
// Times image.onnx of folders that `san export` wrote, in ONNX Runtime on the processor, in turns in one process, and
// gives sizes and times as ratios to the first. Packages are found in $SAN_ONNXRUNTIME_DIR
// (`cmake --build BUILD --target node_packages` puts them into BUILD/node). With --program every round ends with a run of
// `san bench` of the model that the first folder was made of, and wall times are compared; ONNX Runtime's threads may spin then.
import {execFileSync} from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {createRequire} from 'node:module';
import {parseArgs} from 'node:util';

const {values: options, positionals: folders} = parseArgs({
  allowPositionals: true,
  options: Object.fromEntries(
      Object.entries({size: '640x640', classes: '171', threads: '1', runs: '7', program: '', model: 'formula:vit-b-16'}).map(([k, v]) => [k, {type: 'string', default: v}])),
});
if (folders.length === 0) {
  console.error('give one folder or more that san export wrote');
  process.exit(2);
}
const packages = process.env.SAN_ONNXRUNTIME_DIR ?? '.';
const ort = createRequire(path.resolve(packages, 'package.json'))('onnxruntime-node');
const [height, width] = options.size.split('x').map(Number);
const classes = Number(options.classes), threads = Number(options.threads);

// The same numbers every time, about as large as those of pictures and of rows of length 1.
function numbers(count, spread) {
  const values = new Float32Array(count);
  let state = 1;
  for (let i = 0; i < count; ++i) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    values[i] = (state / 2 ** 31 - 1) * spread;
  }
  return values;
}

const graphs = [];
for (const folder of folders) {
  const file = path.join(folder, 'image.onnx');
  const about = JSON.parse(fs.readFileSync(path.join(folder, 'metadata.json'), 'utf8'));
  const optimized = path.join(os.tmpdir(), `onnx-graphs-${process.pid}.onnx`);
  const session = await ort.InferenceSession.create(file, {
    executionProviders: ['cpu'], intraOpNumThreads: threads, logSeverityLevel: 3, ...(options.program ? {} : {optimizedModelFilePath: optimized}),
    extra: {session: {intra_op: {allow_spinning: options.program ? '1' : '0'}}},
  });
  const kept = options.program ? '' : fs.readFileSync(optimized, 'latin1');
  if (kept) fs.rmSync(optimized);
  const feeds = {image: new ort.Tensor('float32', numbers(3 * height * width, 2), [1, 3, height, width])};
  const text = about.image.inputs.text_embeddings;
  if (text) {
    const dim = text.shape[1];
    feeds.text_embeddings = new ort.Tensor('float32', numbers(classes * dim, Math.sqrt(3 / dim)), [classes, dim]);
  }
  graphs.push({folder, session, feeds, times: [], bytes: fs.statSync(file).size, integers: kept.split('MatMulIntegerToFloat').length > 1});
}
// Milliseconds of the image branch by the program, the median of three.
function timeOurs() {
  const said = execFileSync(options.program, ['bench', '--model', options.model, '--size', options.size, '--class-count', options.classes,
    '--threads', options.threads, '--repeat', '3', '--json'], {stdio: ['ignore', 'pipe', 'ignore']});
  return JSON.parse(said).total_ms;
}
const ours = [];
for (let run = -1; run < Number(options.runs); ++run) {  // the first is not counted
  for (const graph of graphs) {
    const wall = performance.now(), cpu = process.cpuUsage();
    await graph.session.run(graph.feeds);
    const used = process.cpuUsage(cpu);
    if (run >= 0) graph.times.push({cpu: (used.user + used.system) / 1000, wall: performance.now() - wall});
  }
  if (options.program && run >= 0) ours.push(timeOurs());
}
const median = (list) => list.sort((a, b) => a - b)[list.length >> 1];
console.log(`${os.cpus()[0].model}, ${threads} thread(s), ${height}x${width}, ${classes} classes, ${options.runs} runs in turns`);
const first = graphs[0];
for (const graph of graphs) {
  graph.cpu = median(graph.times.map((t) => t.cpu));
  graph.wall = median(graph.times.map((t) => t.wall));
  const ratios = graph.times.map((t, i) => t.cpu / first.times[i].cpu);
  console.log(`${graph.folder}: ${(graph.bytes / 1e6).toFixed(1)} MB (${(graph.bytes / first.bytes).toFixed(2)}), processor time ${
      graph.cpu.toFixed(0)} ms, ratio ${median(ratios).toFixed(2)}, wall ${graph.wall.toFixed(0)} ms${
      graph.integers ? ', products of integers' : ''}`);
}
if (ours.length > 0) {
  const paired = first.times.map((t, i) => t.wall / ours[i]);
  console.log(`${options.program} bench --model ${options.model}: wall ${median(ours.slice()).toFixed(0)} ms; ${first.folder} takes ${
      median(paired.slice()).toFixed(2)} times as long (${Math.min(...paired).toFixed(2)} to ${Math.max(...paired).toFixed(2)})`);
}
