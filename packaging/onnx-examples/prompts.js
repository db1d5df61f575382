// node prompts.js FOLDER NAMES: {prompt: token numbers} of every name in every template of an exported model.
'use strict';
const fs = require('fs');
const path = require('path');
const {createRequire} = require('module');
const {Tokenizer} = createRequire(path.resolve(process.env.SAN_ONNXRUNTIME_DIR, 'package.json'))('@huggingface/tokenizers');

const [folder, names] = process.argv.slice(2);
const read = (name) => JSON.parse(fs.readFileSync(path.join(folder, name), 'utf8'));
const tokenizer = new Tokenizer(read('tokenizer.json'), {});
const prompts = {};
for (const name of names.split(','))
  for (const template of read('metadata.json').text.templates) {
    const prompt = template.replace('{}', name);
    prompts[prompt] = Array.from(tokenizer.encode(prompt).ids, Number);
  }
console.log(JSON.stringify(prompts));
