// Runs a graph in ONNX Runtime: node run_graphs.js REQUEST. The request is JSON: {model, threads, runs: [{inputs:
// [{name, type, dims, file}], outputs: FOLDER}]}; files hold raw little-endian values. Every output is written to
// FOLDER/<index>, and FOLDER/outputs.json lists their names, types and dims. Exit code 3: no onnxruntime-node.
'use strict';
const fs = require('fs');
const path = require('path');
const {createRequire} = require('module');

const arrays = {float32: Float32Array, int64: BigInt64Array, uint8: Uint8Array, int32: Int32Array};

function onnxRuntime() {
  const folders = [process.env.SAN_ONNXRUNTIME_DIR, process.cwd()].filter(Boolean);
  for (const load of [...folders.map((f) => createRequire(path.join(path.resolve(f), 'package.json'))), require]) {
    try {
      return load('onnxruntime-node');
    } catch (error) {
      if (error.code !== 'MODULE_NOT_FOUND') throw error;
    }
  }
  return null;
}

async function main() {
  const ort = onnxRuntime();
  if (!ort) process.exit(3);
  const request = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'));
  const session = await ort.InferenceSession.create(request.model, {
    executionProviders: ['cpu'], intraOpNumThreads: request.threads, logSeverityLevel: 3,
  });
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
      fs.writeFileSync(path.join(run.outputs, String(index)), Buffer.from(data.buffer, data.byteOffset, data.byteLength));
      outputs.push({name, type, dims});
    }
    fs.writeFileSync(path.join(run.outputs, 'outputs.json'), JSON.stringify(outputs));
  }
}

main().catch((error) => {
  console.error(String(error.message || error));
  process.exit(1);
});
