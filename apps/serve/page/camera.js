// Pictures from the camera: one at a time, or one after the other for as long as it films.
import { $, h } from "./dom.js";

const kFrameType = "image/jpeg", kFrameQuality = 0.9;

const kPlain = {
  NotAllowedError: "The browser may not use the camera. Allow it in the browser’s settings of this page, then try again.",
  NotFoundError: "There is no camera here.",
  NotReadableError: "Another program is using the camera.",
};

async function frameOf(video) {
  const canvas = document.createElement("canvas");
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  canvas.getContext("2d").drawImage(video, 0, 0);
  return new Promise((done) => canvas.toBlob(done, kFrameType, kFrameQuality));
}

/** `take(blob)` gets one picture; `film(frame, stop)` gets what brings the next frame, and what ends filming. */
export async function openCamera({ take, film }) {
  const dialog = $("camera-dialog");
  dialog.className = "camera";
  const video = h("video", { autoplay: true, muted: true, playsInline: true, "aria-label": "What the camera sees" });
  const status = h("p.hint", { role: "status" }, "Waiting for the camera…");
  const shoot = h("button.primary", { type: "button", disabled: true }, "Take the picture");
  const roll = h("button.plain", { type: "button", disabled: true }, "Film");
  const cancel = h("button.plain", { type: "button", onclick: () => dialog.close() }, "Cancel");
  dialog.replaceChildren(h("h2", { id: "camera-title" }, "Camera"), video, status, h("div.buttons", {}, cancel, roll, shoot));
  let stream = null, filming = false;
  const stop = () => stream?.getTracks().forEach((track) => track.stop());
  dialog.addEventListener("close", () => filming || stop(), { once: true });
  dialog.showModal();
  if (!navigator.mediaDevices?.getUserMedia) {
    status.textContent = "Browsers open the camera only for pages of this machine (127.0.0.1) or over HTTPS.";
    return;
  }
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment", width: { ideal: 1280 } }, audio: false });
  } catch (e) {
    status.textContent = kPlain[e.name] ?? `The camera does not answer (${e.name}).`;
    return;
  }
  if (!dialog.open) return stop();
  video.srcObject = stream;
  await video.play().catch(() => {});
  status.textContent = "";
  shoot.disabled = roll.disabled = false;
  shoot.focus();
  shoot.addEventListener("click", async () => {
    const blob = await frameOf(video);
    dialog.close();
    take(blob);
  });
  roll.addEventListener("click", () => {
    filming = true;
    dialog.close();
    film(() => frameOf(video), stop);
  });
}
