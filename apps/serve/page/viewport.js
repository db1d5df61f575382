// The window onto the picture: zoom, pan and pointer, by mouse, fingers and keys.
import { clamp } from "./dom.js";

const kMaxScale = 40, kTapPixels = 6;
/** Width of the controls in the window's corners. */
const kControls = 206;

/** Calls `draw(context, {x, y, width, height, scale}, size)` for each frame with the picture's place, CSS pixels. */
export class Viewport {
  constructor({ element, canvas, draw, onPoint, onTap, onZoom }) {
    Object.assign(this, { element, canvas, drawFrame: draw, onPoint, onTap, onZoom });
    this.picture = null;
    this.fitted = true;
    this.view = { x: 0, y: 0, scale: 1 };
    this.cursor = null;
    this.fingers = new Map();
    this.pending = false;
    new ResizeObserver(() => this.resize()).observe(element);
    element.addEventListener("wheel", (e) => this.wheel(e), { passive: false });
    element.addEventListener("pointerdown", (e) => this.down(e));
    element.addEventListener("pointermove", (e) => this.move(e));
    for (const end of ["pointerup", "pointercancel"]) element.addEventListener(end, (e) => this.up(e));
    element.addEventListener("pointerleave", (e) => e.pointerType === "mouse" && !this.fingers.size && this.onPoint(null));
    element.addEventListener("dblclick", (e) => this.zoomAt(this.fitted ? 2.5 : 0, ...this.place(e)));
    element.addEventListener("keydown", (e) => this.key(e));
    element.addEventListener("blur", () => { this.cursor = null; this.onPoint(null); this.draw(); });
  }

  /** {width, height} of what is shown. Another size is fitted anew. */
  show(picture) {
    const same = this.picture && picture && picture.width === this.picture.width && picture.height === this.picture.height;
    this.picture = picture;
    if (!same) this.fit();
    this.draw();
  }

  resize() {
    const ratio = Math.min(3, window.devicePixelRatio || 1);
    this.size = { width: this.element.clientWidth, height: this.element.clientHeight };
    this.canvas.width = Math.max(1, Math.round(this.size.width * ratio));
    this.canvas.height = Math.max(1, Math.round(this.size.height * ratio));
    if (this.fitted) this.fit();
    this.drawNow();
  }

  fitScale() {
    const { width, height } = this.size, side = width < 640 ? 10 : 18;
    const within = (low) => Math.max(0.001, Math.min((width - 2 * side) / this.picture.width, (height - low) / this.picture.height));
    const full = within(2 * side);
    // The controls stand in the corners: a picture that leaves them free may have the whole height.
    return (width - full * this.picture.width) / 2 > kControls ? full : within(width < 640 ? 112 : 124);
  }

  fit() {
    if (!this.picture || !this.size?.width) return;
    const scale = this.fitScale();
    this.fitted = true;
    this.view = {
      scale,
      x: (this.size.width - this.picture.width * scale) / 2,
      y: (this.size.height - this.picture.height * scale) / 2,
    };
    this.changed();
  }

  /** `factor` 0 fits the picture again. */
  zoomAt(factor, x = this.size.width / 2, y = this.size.height / 2) {
    if (!this.picture) return;
    if (!factor) return this.fit();
    const least = this.fitScale() * 0.5;
    const scale = clamp(this.view.scale * factor, least, Math.max(least, kMaxScale));
    const k = scale / this.view.scale;
    this.view = { scale, x: x - (x - this.view.x) * k, y: y - (y - this.view.y) * k };
    this.fitted = false;
    this.keepInSight();
    this.changed();
  }

  pan(dx, dy) {
    this.view = { ...this.view, x: this.view.x + dx, y: this.view.y + dy };
    this.fitted = false;
    this.keepInSight();
    this.changed();
  }

  /** A corner of the picture at least stays in the window. */
  keepInSight() {
    const { width, height } = this.size, v = this.view, margin = 60;
    v.x = clamp(v.x, margin - this.picture.width * v.scale, width - margin);
    v.y = clamp(v.y, margin - this.picture.height * v.scale, height - margin);
  }

  changed() {
    this.onZoom(this.view.scale / this.fitScale());
    this.draw();
  }

  draw() {
    if (this.pending) return;
    this.pending = true;
    requestAnimationFrame(() => this.drawNow());
  }

  drawNow() {
    this.pending = false;
    const context = this.canvas.getContext("2d"), ratio = this.canvas.width / Math.max(1, this.size?.width ?? 1);
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    if (!this.picture || !this.size?.width) return;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const { x, y, scale } = this.view;
    const place = { x, y, scale, width: this.picture.width * scale, height: this.picture.height * scale };
    this.canvas.dataset.place = [place.x, place.y, place.width, place.height].map((n) => n.toFixed(1)).join(" ");
    this.drawFrame(context, place, this.size);
    if (this.cursor) this.drawCursor(context, place);
  }

  drawCursor(context, place) {
    const x = place.x + this.cursor.u * place.width, y = place.y + this.cursor.v * place.height;
    for (const [color, width] of [["#000", 4], ["#fff", 2]]) {
      context.strokeStyle = color;
      context.lineWidth = width;
      context.beginPath();
      context.arc(x, y, 9, 0, 2 * Math.PI);
      context.stroke();
    }
  }

  place(e) {
    const box = this.element.getBoundingClientRect();
    return [e.clientX - box.left, e.clientY - box.top];
  }

  /** Window coordinates → fractions of the picture. */
  fractions(x, y) {
    const { width, height } = this.picture;
    return { u: (x - this.view.x) / (width * this.view.scale), v: (y - this.view.y) / (height * this.view.scale), x, y };
  }

  wheel(e) {
    if (!this.picture) return;
    e.preventDefault();
    const unit = e.deltaMode === 1 ? 16 : 1;
    this.zoomAt(Math.exp(clamp(-e.deltaY * unit, -240, 240) * (e.ctrlKey ? 0.01 : 0.0022)), ...this.place(e));
  }

  down(e) {
    if (!this.picture || e.button > 0 || e.target.closest("[role=slider]")) return;
    const [x, y] = this.place(e);
    try { this.element.setPointerCapture(e.pointerId); } catch { /* a pointer that is gone already */ }
    this.fingers.set(e.pointerId, { x, y, startX: x, startY: y, moved: this.fingers.size > 0 });
    if (e.pointerType === "mouse") this.element.classList.add("dragging");
  }

  move(e) {
    if (!this.picture) return;
    const [x, y] = this.place(e), finger = this.fingers.get(e.pointerId);
    if (!finger) {
      if (e.pointerType === "mouse") this.onPoint(e.target.closest("[role=slider]") ? null : this.fractions(x, y));
      return;
    }
    if (Math.hypot(x - finger.startX, y - finger.startY) > kTapPixels) finger.moved = true;
    const other = [...this.fingers].find(([id]) => id !== e.pointerId)?.[1];
    if (other) {
      const before = Math.hypot(finger.x - other.x, finger.y - other.y), now = Math.hypot(x - other.x, y - other.y);
      if (before > 0) this.zoomAt(now / before, (x + other.x) / 2, (y + other.y) / 2);
      this.pan((x - finger.x) / 2, (y - finger.y) / 2);
    } else if (finger.moved) {
      this.pan(x - finger.x, y - finger.y);
      this.onPoint(null);
    }
    Object.assign(finger, { x, y });
  }

  up(e) {
    const finger = this.fingers.get(e.pointerId);
    if (!finger) return;
    this.fingers.delete(e.pointerId);
    this.element.classList.remove("dragging");
    if (!finger.moved && e.type === "pointerup") this.onTap(this.fractions(finger.x, finger.y), e.pointerType);
  }

  key(e) {
    if (!this.picture || e.target !== this.element || e.ctrlKey || e.metaKey || e.altKey) return;
    const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[e.key];
    if (steps) {
      const step = e.shiftKey ? 0.1 : 0.02, from = this.cursor ?? { u: 0.5 - step * steps[0], v: 0.5 - step * steps[1] };
      this.cursor = { u: clamp(from.u + step * steps[0], 0, 0.999), v: clamp(from.v + step * steps[1], 0, 0.999) };
      this.reveal();
    } else if (e.key === "Enter" || e.key === " ") {
      this.cursor ??= { u: 0.5, v: 0.5 };
      this.onTap(this.cursorPoint(), "key");
    } else {
      return;
    }
    e.preventDefault();
  }

  cursorPoint() {
    const x = this.view.x + this.cursor.u * this.picture.width * this.view.scale;
    const y = this.view.y + this.cursor.v * this.picture.height * this.view.scale;
    return { ...this.cursor, x, y, byKey: true };
  }

  /** Brings the key pointer into the window and tells what it points at. */
  reveal() {
    const p = this.cursorPoint(), { width, height } = this.size, margin = 40;
    const dx = clamp(p.x, margin, width - margin) - p.x, dy = clamp(p.y, margin, height - margin) - p.y;
    if (dx || dy) this.pan(dx, dy);
    this.onPoint(this.cursorPoint());
    this.draw();
  }
}
