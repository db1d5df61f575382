// Names and a picture in, labels out, in a browser or in node, from the files that `san export --segmenter` writes.
// `ort` is onnxruntime-web or onnxruntime-node, `Tokenizer` that of @huggingface/tokenizers, `read` gives a file's bytes
// by its name.
export class Segmenter {
  static async load(ort, Tokenizer, read) {
    const json = async (name) => JSON.parse(new TextDecoder().decode(await read(name)));
    const self = new Segmenter();
    self.ort = ort;
    self.about = await json('metadata.json');
    self.tokenizer = new Tokenizer(await json(self.about.text.tokenizer), {});
    self.text = await ort.InferenceSession.create(await read(self.about.text.file));
    self.network = await ort.InferenceSession.create(await read(self.about.segmenter.file));
    return self;
  }

  tokens(prompt) {
    const {context, end_token} = this.about.text;
    const ids = Array.from(this.tokenizer.encode(prompt).ids, Number);
    return ids.length > context ? [...ids.slice(0, context - 1), end_token] : ids;
  }

  // One row a name: the mean over all templates, of length 1. Rows can be kept for the next picture.
  async embed(names) {
    const {templates} = this.about.text;
    const prompts = names.flatMap((name) => templates.map((t) => this.tokens(t.replace('{}', name))));
    const longest = Math.max(...prompts.map((p) => p.length));
    const ids = new BigInt64Array(prompts.length * longest);  // behind the end token anything may stand
    prompts.forEach((p, i) => p.forEach((id, j) => { ids[i * longest + j] = BigInt(id); }));
    const feeds = {token_ids: new this.ort.Tensor('int64', ids, [prompts.length, longest])};
    const {data, dims} = (await this.text.run(feeds)).text_embeddings;
    const width = dims[1], rows = new Float32Array(names.length * width);
    names.forEach((_, n) => {
      const row = rows.subarray(n * width, (n + 1) * width);
      templates.forEach((_, t) => row.forEach((v, i) => { row[i] = v + data[(n * templates.length + t) * width + i]; }));
      const norm = Math.hypot(...row);
      row.forEach((v, i) => { row[i] = v / norm; });
    });
    return new this.ort.Tensor('float32', rows, [names.length, width]);
  }

  // `rgba`: bytes as a canvas has them. Returns the number of the name of every pixel, row by row.
  async segment({data: rgba, width, height}, rows) {
    const rgb = new Uint8Array(3 * width * height);
    for (let i = 0, o = 0; i < rgba.length; i += 4) {
      rgb[o++] = rgba[i];
      rgb[o++] = rgba[i + 1];
      rgb[o++] = rgba[i + 2];
    }
    const picture = new this.ort.Tensor('uint8', rgb, [height, width, 3]);
    return (await this.network.run({picture, text_embeddings: rows})).labels.data;
  }
}
