// Masks in COCO's compressed run-length form (column after column; runs of zeros and ones in turn).

/** The runs of a `counts` string: 5 bits a character, each third and later run as difference to the one two before. */
export function runsOf(text) {
  const runs = [];
  for (let at = 0; at < text.length; ) {
    let value = 0, shift = 0, chunk;
    do {
      chunk = text.charCodeAt(at++) - 48;
      if (!(chunk >= 0 && chunk < 64)) throw new RangeError("a mask of the answer is damaged");
      value |= (chunk & 31) << shift;
      shift += 5;
    } while (chunk & 32);
    if (chunk & 16 && shift < 32) value |= -1 << shift;
    if (runs.length > 2) value += runs[runs.length - 2];
    runs.push(value);
  }
  return runs;
}

/** The `counts` string of runs. */
export function countsOf(runs) {
  let text = "";
  runs.forEach((run, i) => {
    let value = i > 2 ? run - runs[i - 2] : run, more = true;
    while (more) {
      let chunk = value & 31;
      value >>= 5;
      more = chunk & 16 ? value !== -1 : value !== 0;
      if (more) chunk |= 32;
      text += String.fromCharCode(chunk + 48);
    }
  });
  return text;
}

/** The mask of the pixels of `map` that have `label`. */
export function maskOf(map, label, width, height) {
  const runs = [];
  let on = false, run = 0;
  for (let x = 0; x < width; ++x)
    for (let y = 0; y < height; ++y) {
      if ((map[y * width + x] === label) === on) ++run;
      else (runs.push(run), (run = 1), (on = !on));
    }
  runs.push(run);
  return { size: [height, width], counts: countsOf(runs) };
}

/** Writes `label` into the pixels of the mask; `map` holds width × height values row by row. */
export function paintMask({ size: [height, width], counts }, label, map) {
  let at = 0, on = false;
  for (const run of runsOf(counts)) {
    const end = Math.min(at + run, height * width);
    if (on) {
      let x = Math.floor(at / height), y = at % height;
      for (let p = at; p < end; ++p) {
        map[y * width + x] = label;
        if (++y === height) (y = 0), ++x;
      }
    }
    at += run;
    on = !on;
  }
}
