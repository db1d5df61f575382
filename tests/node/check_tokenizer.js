// node check_tokenizer.js TOKENIZER_JSON STRINGS: what Hugging Face's tokenizer makes of recorded strings ({text, ids,
// needs_ftfy} a line). Prints one JSON object: {checked, wrong: [{text, got, expected, needs_ftfy}]}.
'use strict';
const fs = require('fs');
const path = require('path');
const {createRequire} = require('module');
const {Tokenizer} = createRequire(path.resolve(process.env.SAN_ONNXRUNTIME_DIR, 'package.json'))('@huggingface/tokenizers');

const [tokenizerFile, stringsFile] = process.argv.slice(2);
const json = JSON.parse(fs.readFileSync(tokenizerFile, 'utf8'));
const tokenizer = new Tokenizer(json, {});
const limit = json.truncation.max_length;
const wrong = [];
let checked = 0;
for (const line of fs.readFileSync(stringsFile, 'utf8').split('\n')) {
  if (!line) continue;
  const {text, ids, needs_ftfy} = JSON.parse(line);
  let got = Array.from(tokenizer.encode(text).ids, Number);
  // This library leaves the cut that the file asks for to its callers.
  if (got.length > limit) got = [...got.slice(0, limit - 1), got.at(-1)];
  // Nothing behind the first end token counts.
  const end = json.post_processor.sep[1];
  got = got.slice(0, got.indexOf(end) + 1);
  ++checked;
  if (JSON.stringify(got) !== JSON.stringify(ids)) wrong.push({text, got, expected: ids, needs_ftfy});
}
console.log(JSON.stringify({checked, wrong}));
