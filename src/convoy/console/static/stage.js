/** The picture, and what is drawn over it. */

import { $, fitted } from "./dom.js";

const OLD_AFTER_S = 0.7, KEPT_S = 1.0;
const HUMAN = "76, 194, 255", POLICY = "183, 148, 255";
const STEERS = { manual: "human", assisted: "policy", autonomous: "policy" };

export class Stage {
  constructor(link) {
    this.link = link;
    this.on = new Set(["arcs"]);
    this.layers = { mask: null, depth: null };
    this.boxes = null;
    this.arcs = {};
    this.age = null;
    this.at = 0;
    this.canvas = $("picture");
    link.addEventListener("picture", ({ detail }) => this.show(detail));
    for (const kind of ["mask", "depth"]) link.addEventListener(kind, ({ detail }) => this.layer(kind, detail));
    link.addEventListener("boxes", ({ detail }) => { this.boxes = detail; });
    link.addEventListener("hello", () => this.watch());
    for (const button of document.querySelectorAll("[data-overlay]")) {
      button.onclick = () => {
        const name = button.dataset.overlay, on = !this.on.has(name);
        this.on[on ? "add" : "delete"](name);
        button.setAttribute("aria-pressed", String(on));
        this.watch();
        this.draw();
      };
    }
    setInterval(() => this.grow_old(), 200);
    addEventListener("resize", () => this.draw());
  }

  watch() { this.link.send({ type: "watch", overlays: [...this.on].filter((name) => name !== "arcs") }); }

  async show({ number, at, file }) {
    try {
      const picture = await createImageBitmap(new Blob([file], { type: "image/jpeg" }));
      if (at >= this.at) {
        if (this.canvas.width !== picture.width || this.canvas.height !== picture.height) Object.assign(this.canvas, { width: picture.width, height: picture.height });
        this.canvas.getContext("2d").drawImage(picture, 0, 0);
        this.at = at;
        this.age = this.link.now() - at;
      }
      picture.close();
      $("no-picture").hidden = true;
      this.draw();
    } catch { /* a damaged picture is not shown; the next one comes soon */ }
    this.link.send({ type: "seen", frame: number });
  }

  async layer(kind, { at, file }) {
    const picture = await createImageBitmap(new Blob([file], { type: "image/png" }));
    this.layers[kind]?.picture.close();  // not before: it is drawn until then
    this.layers[kind] = { at, picture };
  }

  grow_old() {
    const fresh = this.at > 0 && this.link.now() - this.at < OLD_AFTER_S;
    document.body.dataset.fresh = fresh || !this.at ? "yes" : "no";
    if (!fresh) this.draw();
  }

  draw() {
    const canvas = $("overlay"), context = fitted(canvas);
    if (!this.at) return;
    const [W, H, w, h] = [canvas.clientWidth, canvas.clientHeight, this.canvas.width, this.canvas.height];
    const scale = Math.min(W / w, H / h), left = (W - w * scale) / 2, top = (H - h * scale) / 2;
    const recent = (at) => this.link.now() - at < KEPT_S;
    for (const kind of ["mask", "depth"]) {
      const layer = this.layers[kind];
      if (this.on.has(kind) && layer && recent(layer.at)) context.drawImage(layer.picture, left, top, w * scale, h * scale);
    }
    context.save();
    context.beginPath();
    context.rect(left, top, w * scale, h * scale);
    context.clip();
    if (this.on.has("arcs")) {
      for (const [who, colour] of [["policy", POLICY], ["human", HUMAN]]) this.arc(context, this.arcs[who], colour, STEERS[document.body.dataset.mode] === who, left, top, w * scale, h * scale);
    }
    if (this.on.has("boxes") && this.boxes && recent(this.boxes.at)) this.drawBoxes(context, left, top, w * scale, h * scale);
    context.restore();
  }

  /** The path of who steers is a surface; that of who does not is a line. */
  arc(context, points, colour, steers, left, top, width, height) {
    if (!points?.length) return;
    context.beginPath();
    for (const [x, y] of points) context.lineTo(left + x * width, top + y * height);
    context.closePath();
    if (steers) {
      const fade = context.createLinearGradient(0, top + height * 0.45, 0, top + height);
      fade.addColorStop(0, `rgba(${colour}, .05)`);
      fade.addColorStop(1, `rgba(${colour}, .38)`);
      context.fillStyle = fade;
      context.fill();
    }
    context.lineWidth = steers ? 2 : 1.5;
    context.strokeStyle = `rgba(${colour}, ${steers ? 0.8 : 0.45})`;
    context.stroke();
  }

  drawBoxes(context, left, top, w, h) {
    context.font = "600 12px system-ui, sans-serif";
    context.lineWidth = 2;
    for (const [x, y, width, height, label, score] of this.boxes.boxes) {
      const [a, b] = [left + (x - width / 2) * w, top + (y - height / 2) * h];
      const text = score ? `${label} ${Math.round(score * 100)}%` : label;
      context.strokeStyle = "#3ddc97";
      context.strokeRect(a, b, width * w, height * h);
      context.fillStyle = "#07150fcc";
      context.fillRect(a, b - 18, context.measureText(text).width + 10, 18);
      context.fillStyle = "#3ddc97";
      context.fillText(text, a + 5, b - 5);
    }
  }
}
