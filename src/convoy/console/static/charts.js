/** Speed, steering and latency of the last half minute. */

import { $, fitted } from "./dom.js";

const SPAN_S = 30, LEFT = 48;
const COLOURS = { car: "#e8eef5", human: "#4cc2ff", policy: "#b794ff" };

export class Charts {
  constructor() {
    this.points = [];
    setInterval(() => this.draw(), 200);
  }

  add(at, values) {
    this.points.push({ at, ...values });
    while (this.points.length && at - this.points[0].at > SPAN_S) this.points.shift();
  }

  draw() {
    if (!$("chart-speed").offsetParent || document.hidden) return;
    const pick = (name, index) => (point) => point[name]?.[index] ?? null;
    this.chart("chart-speed", { human: pick("human", 1), car: (point) => point.speed }, 0, 4);
    this.chart("chart-steering", { policy: pick("policy", 0), human: pick("human", 0), car: pick("drive", 0) }, -0.3, 0.3);
    this.chart("chart-age", { human: (point) => point.age }, 0, 150);
  }

  chart(id, lines, low, high) {
    const canvas = $(id), context = fitted(canvas), [w, h] = [canvas.clientWidth, canvas.clientHeight];
    const values = this.points.flatMap((point) => Object.values(lines).map((read) => read(point))).filter((value) => value != null);
    low = Math.min(low, ...values);
    const most = Math.max(...values);
    if (most >= high) high = most + 0.08 * (most - low);  // no line runs along the frame
    const end = this.points.at(-1)?.at ?? 0, x = (at) => w - 8 - ((end - at) / SPAN_S) * (w - LEFT - 8), y = (value) => h - 10 - ((value - low) / (high - low)) * (h - 20);
    context.font = "11px system-ui, sans-serif";
    context.fillStyle = "#93a1b3";
    context.strokeStyle = "#253142";
    for (const value of low < 0 && high > 0 && y(low) - y(0) > 14 && y(0) - y(high) > 14 ? [low, 0, high] : [low, high]) {
      context.beginPath();
      context.moveTo(LEFT, y(value));
      context.lineTo(w - 8, y(value));
      context.stroke();
      context.fillText(Math.abs(value) < 10 ? value.toFixed(1) : value.toFixed(0), 8, y(value) + 4);
    }
    for (const [name, read] of Object.entries(lines)) {
      context.strokeStyle = COLOURS[name];
      context.lineWidth = 1.8;
      context.beginPath();
      let open = false;
      for (const point of this.points) {
        const value = read(point);
        if (value != null) context[open ? "lineTo" : "moveTo"](x(point.at), y(value));
        open = value != null;
      }
      context.stroke();
    }
  }
}
