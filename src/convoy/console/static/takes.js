/** Recording, and the list of takes. */

import { $, make, megabytes, seconds } from "./dom.js";

const SHORTEST_S = 0.5;

export class Takes {
  constructor(link, training) {
    this.link = link;
    this.training = training;
    this.chosen = new Set();
    this.cuts = new Map();
    this.known = "";
    $("record").onclick = () => link.send({ type: "record", action: this.recording ? "stop" : "start" });
    link.addEventListener("files", ({ detail }) => this.list(detail));
  }

  state({ recording, wheel }) {
    this.recording = recording;
    const button = $("record"), badge = $("recording");
    button.classList.toggle("on", Boolean(recording));
    button.disabled = !wheel.mine;
    button.lastElementChild.textContent = recording ? "End the take" : "Record a take";
    badge.hidden = !recording;
    if (recording) {
      this.begun ??= performance.now();
      const time = seconds((performance.now() - this.begun) / 1000);
      badge.lastElementChild.textContent = time;
      const lost = recording.dropped ? `, ${recording.dropped} lost: the disk is slow` : "";
      this.say(`${time}, ${recording.pictures} pictures, ${recording.human} commands, ${megabytes(recording.bytes)}${lost}`);
    } else {
      this.begun = null;
    }
  }

  say(text, fault = false) {
    $("record-said").textContent = text;
    $("record-said").classList.toggle("fault", fault);
  }

  list({ takes, last }) {
    if (last && JSON.stringify(last) !== this.last) {
      this.last = JSON.stringify(last);
      this.say(last.failed || `Kept as ${last.name}.`, Boolean(last.failed));
      if (!last.failed && last.human) this.chosen.add(last.name);
    }
    const known = JSON.stringify(takes);
    if (known === this.known) return;
    this.known = known;
    this.takes = takes;
    for (const name of this.chosen) if (!takes.some((take) => take.name === name)) this.chosen.delete(name);
    $("takes").replaceChildren(...(takes.length ? takes.map((take) => this.card(take)) : [make("p", { class: "empty", text: "No takes yet. Drive in manual mode and record: the policy learns from what you do." })]));
    this.choose();
  }

  choose() {
    this.training.choose(this.takes.filter((take) => this.chosen.has(take.name)));
  }

  card(take) {
    const box = make("input", { type: "checkbox", "aria-label": `Train on ${take.name}` });
    box.checked = this.chosen.has(take.name);
    box.disabled = !take.human;
    const facts = `${take.pictures} pictures, ${take.human} commands of yours, ${take.size}, ${megabytes(take.bytes)}`;
    const trim = make("button", { text: "Trim", disabled: true });
    const remove = make("button", { text: "Delete", class: "danger" });
    const card = make("article", { class: "card" },
      make("header", {}, box, make("b", { text: take.name }), make("span", { class: "state", text: seconds(take.seconds) })),
      take.pictures ? this.strip(take, trim) : null,
      make("div", { class: "facts", text: facts }),
      take.damage ? make("div", { class: "fault", text: take.damage }) : null,
      !take.human && take.pictures ? make("div", { class: "fault", text: "Nobody drove by hand in it, so nothing can be learned from it." }) : null,
      make("div", { class: "row" }, trim, remove));
    box.onchange = () => { this.chosen[box.checked ? "add" : "delete"](take.name); card.classList.toggle("chosen", box.checked); this.choose(); };
    card.classList.toggle("chosen", box.checked);
    remove.onclick = () => {
      if (remove.classList.contains("sure")) this.link.send({ type: "delete", take: take.name });
      remove.classList.add("sure");
      remove.textContent = "Delete for good?";
      setTimeout(() => { remove.classList.remove("sure"); remove.textContent = "Delete"; }, 3000);
    };
    return card;
  }

  /** Pictures of the take; two handles choose the part that is kept. */
  strip(take, trim) {
    const cut = { start: 0, end: 1 };
    const before = make("i", { class: "cut" }), after = make("i", { class: "cut" });
    const handles = { start: make("i", { class: "handle" }), end: make("i", { class: "handle" }) };
    const strip = make("div", { class: "strip" }, make("img", { src: `takes/${take.name}/strip.jpg?${take.bytes}`, alt: "", loading: "lazy" }), before, after, handles.start, handles.end);
    const show = () => {
      before.style.cssText = `left:0;width:${cut.start * 100}%`;
      after.style.cssText = `right:0;width:${(1 - cut.end) * 100}%`;
      handles.start.style.left = `${cut.start * 100}%`;
      handles.end.style.left = `${cut.end * 100}%`;
      trim.disabled = cut.start === 0 && cut.end === 1;
      trim.textContent = trim.disabled ? "Trim" : `Keep ${seconds(cut.start * take.seconds)} to ${seconds(cut.end * take.seconds)}`;
    };
    const least = Math.min(1, SHORTEST_S / Math.max(take.seconds, SHORTEST_S));
    for (const [end, handle] of Object.entries(handles)) {
      handle.onpointerdown = (event) => handle.setPointerCapture(event.pointerId);
      handle.onpointermove = (event) => {
        if (!handle.hasPointerCapture(event.pointerId)) return;
        const box = strip.getBoundingClientRect(), at = Math.max(0, Math.min(1, (event.clientX - box.left) / box.width));
        cut[end] = end === "start" ? Math.min(at, cut.end - least) : Math.max(at, cut.start + least);
        if (cut.start < 0.01) cut.start = 0;
        if (cut.end > 0.99) cut.end = 1;
        show();
      };
    }
    trim.onclick = () => this.link.send({ type: "trim", take: take.name, start: cut.start * take.seconds, end: cut.end * take.seconds + 0.001 });
    show();
    return strip;
  }
}
