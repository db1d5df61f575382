// Runs graphs in ONNX Runtime. Says "ready", then for every line on standard input, the path of a request, "done" or
// "error" with a message. A request is JSON: {model, threads, runs: [{inputs: [{name, type, dims, file}], outputs:
// FOLDER}]}; files hold raw little-endian values. Every output is written to FOLDER/<index>, and FOLDER/outputs.json
// lists their names, types and dims. Exit code 3: there is no onnxruntime-node.
'use strict';
const fs = require('fs');
const path = require('path');
const readline = require('readline');
const {createRequire} = require('module');

const arrays = {float32: Float32Array, int64: BigInt64Array, uint8: Uint8Array, int32: Int32Array};

function onnxRuntime() {
  // The last two are where npm installs --global.
  const folders = [process.env.SAN_ONNXRUNTIME_DIR, process.cwd(), '/usr/local/lib', '/usr/lib'].filter(Boolean);
  for (const load of [...folders.map((f) => createRequire(path.join(path.resolve(f), 'package.json'))), require]) {
    try {
      return load('onnxruntime-node');
    } catch (error) {
      if (error.code !== 'MODULE_NOT_FOUND') throw error;
    }
  }
  return null;
}

async function answer(ort, request) {
  const session = await ort.InferenceSession.create(request.model, {
    executionProviders: ['cpu'], intraOpNumThreads: request.threads, logSeverityLevel: 3,
  });
  try {
    for (const run of request.runs) {
      const feeds = {};
      for (const {name, type, dims, file} of run.inputs) {
        const bytes = fs.readFileSync(file);
        const aligned = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
        feeds[name] = new ort.Tensor(type, new arrays[type](aligned), dims);
      }
      const results = await session.run(feeds);
      const outputs = [];
      for (const [index, name] of session.outputNames.entries()) {
        const {type, dims, data} = results[name];
        const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
        fs.writeFileSync(path.join(run.outputs, String(index)), bytes);
        outputs.push({name, type, dims});
      }
      fs.writeFileSync(path.join(run.outputs, 'outputs.json'), JSON.stringify(outputs));
    }
  } finally {
    await session.release();
  }
}

async function main() {
  const ort = onnxRuntime();
  if (!ort) process.exit(3);
  process.stdout.write('ready\n');
  for await (const line of readline.createInterface({input: process.stdin})) {
    try {
      await answer(ort, JSON.parse(fs.readFileSync(line, 'utf8')));
      process.stdout.write('done\n');
    } catch (error) {
      process.stdout.write(`error ${String(error.message || error).replaceAll('\n', ' ')}\n`);
    }
  }
}

main();
