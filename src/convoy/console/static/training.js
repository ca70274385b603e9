/** Training on takes, and handing over to what was learned. */

import { $, fitted, make, seconds } from "./dom.js";

const DEGREES = 180 / Math.PI;
const WORDS = { preparing: "preparing", training: "training", done: "done", failed: "failed", cancelled: "cancelled" };

export class Training {
  constructor(link) {
    this.link = link;
    this.takes = [];
    this.course = null;
    this.epochs = make("input", { type: "range", min: 5, max: 60, step: 5, value: 15, "aria-label": "Epochs" });
    this.epochsSaid = make("b", { text: "15" });
    this.epochs.oninput = () => { this.epochsSaid.textContent = this.epochs.value; };
    this.start = make("button", { class: "big primary", id: "train", text: "Train on these takes" });
    this.start.onclick = () => link.send({ type: "train", takes: this.takes.map((take) => take.name), epochs: Number(this.epochs.value) });
    this.cancel = make("button", { class: "big", text: "Cancel the training" });
    this.cancel.onclick = () => link.send({ type: "cancel" });
    this.said = make("p", { class: "said" });
    this.curve = make("canvas", { class: "curve" });
    this.bar = make("i");
    this.state = make("span", { class: "state" });
    this.view = make("article", { class: "card course", hidden: true },
      make("header", {}, this.name = make("b"), this.state), make("div", { class: "progress" }, this.bar), this.curve, this.facts = make("div", { class: "facts" }), this.cancel);
    $("training").append(this.said, make("label", { class: "top-speed" }, make("span", { text: "Passes over the takes " }, this.epochsSaid), this.epochs), this.start, this.view);
    link.addEventListener("training", ({ detail }) => this.show(detail.course));
    link.addEventListener("files", ({ detail }) => this.list(detail.models));
  }

  choose(takes) {
    this.takes = takes;
    const time = takes.reduce((sum, take) => sum + take.seconds, 0);
    this.said.textContent = takes.length ? `${takes.length} ${takes.length > 1 ? "takes" : "take"} chosen, ${seconds(time)} in all.` : "Choose takes under Takes; a few minutes of good driving teach well.";
    this.enable();
  }

  enable() {
    const runs = this.course && ["preparing", "training"].includes(this.course.state);
    this.start.disabled = !this.takes.length || runs || !this.mine;
    this.cancel.hidden = !runs;
    this.cancel.disabled = !this.mine;
  }

  show(course) {
    this.course = course;
    this.view.hidden = !course;
    if (course) {
      this.name.textContent = course.model;
      this.state.textContent = WORDS[course.state];
      this.state.className = `state ${course.state}`;
      this.bar.style.width = `${(course.done / course.epochs) * 100}%`;
      const best = course.losses.length ? `, best error ${(Math.min(...course.losses) * DEGREES).toFixed(1)}° of steering` : "";
      this.facts.textContent = course.said || (course.done ? `pass ${course.done} of ${course.epochs}${best}, ${seconds(course.seconds)}` : `reading the takes, ${seconds(course.seconds)}`);
      this.draw();
    }
    this.enable();
  }

  draw() {
    const { losses = [], training = [] } = this.course ?? {};
    if (!this.curve.clientWidth) return;
    const context = fitted(this.curve), [w, h] = [this.curve.clientWidth, this.curve.clientHeight];
    if (!losses.length) return;
    const x = (n) => 12 + (n / Math.max(1, this.course.epochs - 1)) * (w - 24);
    context.font = "11px system-ui, sans-serif";
    context.lineWidth = 2;
    // Each by its own scale: one is of what is learned from, without a unit, the other of what is kept from it.
    const line = (values, colour, text, left) => {
      const most = Math.max(...values) * 1.1, y = (value) => h - 10 - (value / most) * (h - 34);
      context.strokeStyle = context.fillStyle = colour;
      context.beginPath();
      values.forEach((value, n) => context.lineTo(x(n), y(value)));
      context.stroke();
      context.beginPath();
      context.arc(x(values.length - 1), y(values.at(-1)), 4, 0, 7);
      context.fill();
      context.fillText(text, left, 16);
    };
    line(training, "#93a1b3", "loss on the takes", 10);
    line(losses, "#4cc2ff", `error on pictures kept from it ${(losses.at(-1) * DEGREES).toFixed(2)}°`, 120);
  }

  robot({ wheel, handover, models }) {
    this.mine = wheel.mine;
    this.enable();
    const said = JSON.stringify([handover, models, wheel.mine]);
    if (said !== this.known) { this.known = said; this.handover = handover; this.loaded = Object.values(models ?? {}).map(([text]) => text.split(" on ")[0]); this.list(); }
  }

  list(models = this.models ?? []) {
    this.models = models;
    const cards = models.map((model) => this.card(model));
    $("models").replaceChildren(...(cards.length ? cards : [make("p", { class: "empty", text: "No model was trained here yet." })]));
  }

  card(model) {
    const step = this.handover?.model === model.name ? this.handover : null, inUse = this.loaded?.includes(model.name);
    const use = make("button", { text: inUse ? "In use" : "Use this model", class: "use" });
    use.disabled = !this.mine || inUse || Boolean(model.fault) || (step && ["stopping", "loading"].includes(step.step));
    use.onclick = () => this.link.send({ type: "use", model: model.name });
    const state = inUse ? "in use" : step?.step ?? "";
    const error = model.rmse != null ? `error ${(model.rmse * DEGREES).toFixed(1)}° on the last fifth of the takes` : "";
    return make("article", { class: `card${inUse ? " chosen" : ""}` },
      make("header", {}, make("b", { text: model.name }), state ? make("span", { class: `state ${state.replace(" ", "-")}`, text: state }) : null),
      make("div", { class: "facts", text: error }),
      model.fault ? make("div", { class: "fault", text: model.fault }) : null,
      step ? make("div", { class: step.step === "failed" ? "fault" : "facts", text: step.said }) : null,
      make("div", { class: "row" }, use));
  }
}
