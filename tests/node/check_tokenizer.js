// node check_tokenizer.js TOKENIZER_JSON STRINGS [rust]: what Hugging Face's tokenizer, in JavaScript or their library in
// Rust (compiled for node as @anush008/tokenizers), makes of recorded strings ({text, ids, needs_ftfy} a line). Prints one
// JSON object: {checked, wrong: [{text, got, expected, needs_ftfy}]}.
'use strict';
const fs = require('fs');
const path = require('path');
const {createRequire} = require('module');
const load = createRequire(path.resolve(process.env.SAN_ONNXRUNTIME_DIR, 'package.json'));

const [tokenizerFile, stringsFile, library] = process.argv.slice(2);
const json = JSON.parse(fs.readFileSync(tokenizerFile, 'utf8'));

function encoder() {
  if (library === 'rust') {
    const tokenizer = load('@anush008/tokenizers').Tokenizer.fromFile(tokenizerFile);
    return async (text) => Array.from((await tokenizer.encode(text)).getIds());
  }
  const tokenizer = new (load('@huggingface/tokenizers').Tokenizer)(json, {});
  const limit = json.truncation.max_length;
  return async (text) => {
    const ids = Array.from(tokenizer.encode(text).ids, Number);
    // This library leaves the cut that the file asks for to its callers.
    return ids.length > limit ? [...ids.slice(0, limit - 1), ids.at(-1)] : ids;
  };
}

async function main() {
  const encode = encoder();
  const wrong = [];
  let checked = 0;
  for (const line of fs.readFileSync(stringsFile, 'utf8').split('\n')) {
    if (!line) continue;
    const {text, ids, needs_ftfy} = JSON.parse(line);
    let got = await encode(text);
    // Nothing behind the first end token counts.
    const end = json.post_processor.sep[1];
    got = got.slice(0, got.indexOf(end) + 1);
    ++checked;
    if (JSON.stringify(got) !== JSON.stringify(ids)) wrong.push({text, got, expected: ids, needs_ftfy});
  }
  console.log(JSON.stringify({checked, wrong}));
}

main();
