// The numbers of a PNG as they are stored: a canvas would turn 16 bits into 8 and indices into colours.

async function inflate(chunks) {
  const stream = new Blob(chunks).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** {width, height, values}: of every pixel the first sample (grey, red, index). 8 or 16 bits, not interlaced. */
export async function readPng(blob) {
  const bytes = new Uint8Array(await blob.arrayBuffer()), view = new DataView(bytes.buffer);
  const chunks = [];
  for (let at = 8; at + 12 <= bytes.length; ) {
    const length = view.getUint32(at), name = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    if (name === "IDAT") chunks.push(bytes.subarray(at + 8, at + 8 + length));
    at += 12 + length;
  }
  const width = view.getUint32(16), height = view.getUint32(20), depth = bytes[24], samples = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 }[bytes[25]];
  if (!samples || depth < 8 || bytes[28]) throw new Error("The service sent a PNG of a kind that this page does not read.");
  const step = (samples * depth) / 8, row = width * step, data = await inflate(chunks);
  const values = new Uint16Array(width * height);
  let before = new Uint8Array(row);
  for (let y = 0; y < height; ++y) {
    const kind = data[y * (row + 1)], line = data.subarray(y * (row + 1) + 1, (y + 1) * (row + 1));
    for (let i = 0; i < row; ++i) {
      const left = i >= step ? line[i - step] : 0, up = before[i], corner = i >= step ? before[i - step] : 0;
      if (kind === 1) line[i] += left;
      else if (kind === 2) line[i] += up;
      else if (kind === 3) line[i] += (left + up) >> 1;
      else if (kind === 4) {
        const p = left + up - corner, a = Math.abs(p - left), b = Math.abs(p - up), c = Math.abs(p - corner);
        line[i] += a <= b && a <= c ? left : b <= c ? up : corner;
      }
    }
    for (let x = 0; x < width; ++x) values[y * width + x] = depth === 16 ? (line[x * step] << 8) | line[x * step + 1] : line[x * step];
    before = line;
  }
  return { width, height, values };
}
