// How pictures come in: dropped, pasted, chosen; made ready to be shown and sent.
import { $ } from "./dom.js";
import { note } from "./say.js";

/** Larger ones are made smaller here before they travel: the network sees far less of them anyway. */
const kMaxSide = 4096, kMaxBytes = 12 << 20;
let nextId = 1;

const sizeOf = (bitmap, scale) => [Math.max(1, Math.round(bitmap.width * scale)), Math.max(1, Math.round(bitmap.height * scale))];

async function drawn(bitmap, [width, height], type, quality) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, width, height);
  return { canvas, blob: await new Promise((done) => canvas.toBlob(done, type, quality)) };
}

/** A picture as the page keeps it; throws an Error for people when the browser cannot read it. */
export async function readPicture(blob, name) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(blob, { imageOrientation: "from-image" });
  } catch {
    throw new Error(`“${name}” is not a picture that this browser can show. PNG, JPEG and WebP work everywhere.`);
  }
  const longest = Math.max(bitmap.width, bitmap.height);
  let sent = blob, smaller = false;
  if (longest > kMaxSide || blob.size > kMaxBytes) {
    const made = await drawn(bitmap, sizeOf(bitmap, Math.min(1, kMaxSide / longest)), "image/jpeg", 0.92);
    bitmap = await createImageBitmap(made.canvas);
    sent = made.blob;
    smaller = true;
  }
  const thumb = await drawn(bitmap, sizeOf(bitmap, Math.min(1, 160 / Math.min(bitmap.width, bitmap.height))), "image/jpeg", 0.8);
  return {
    id: nextId++, name, blob: sent, bitmap, width: bitmap.width, height: bitmap.height, smaller,
    thumb: URL.createObjectURL(thumb.blob), answers: new Map(), latest: null, state: "", failed: null, sha256: "", grey: null,
  };
}

const imagesOf = (items) => [...items].filter((file) => file.type.startsWith("image/") || /\.(jpe?g|png|webp|bmp|gif|tiff?|avif)$/i.test(file.name));

/** Calls `add(files)` for whatever the user brings. */
export function listenForPictures(add) {
  const stage = $("stage"), drop = $("drop"), input = $("file");
  const bring = (files, wanted) => {
    const images = imagesOf(files);
    if (images.length) add(images);
    else if (wanted) note("There is no picture in that.");
  };
  let depth = 0;
  const hasFiles = (e) => [...(e.dataTransfer?.types ?? [])].includes("Files");
  window.addEventListener("dragenter", (e) => { if (hasFiles(e)) (e.preventDefault(), ++depth, (drop.hidden = false)); });
  window.addEventListener("dragover", (e) => hasFiles(e) && e.preventDefault());
  window.addEventListener("dragleave", () => { if (depth && --depth === 0) drop.hidden = true; });
  window.addEventListener("drop", (e) => {
    if (!hasFiles(e)) return;
    e.preventDefault();
    depth = 0;
    drop.hidden = true;
    bring(e.dataTransfer.files, true);
  });
  window.addEventListener("paste", (e) => {
    if (e.clipboardData?.files.length) {
      bring(e.clipboardData.files, true);
      e.preventDefault();
    }
  });
  input.addEventListener("change", () => {
    bring(input.files, true);
    input.value = "";
  });
  stage.addEventListener("dragover", (e) => hasFiles(e) && (e.dataTransfer.dropEffect = "copy"));
  return { choose: () => input.click() };
}
