/** What the operator's hands do: keys, touch, mouse or gamepad become steering and throttle, 20 times a second. */

import { $ } from "./dom.js";

const PERIOD_MS = 50;
const STEER_PER_S = 2.2, RETURN_PER_S = 4.0;
const DEAD_ZONE = 0.08, AT_REST = 0.05;
const KEYS = {
  ArrowLeft: "left", KeyA: "left", ArrowRight: "right", KeyD: "right",
  ArrowUp: "go", KeyW: "go", ArrowDown: "brake", KeyS: "brake",
};
const clamp = (value) => Math.max(-1, Math.min(1, value));

export class Hands {
  /** @param stop is called when the gamepad's stop button (B) is pressed. */
  constructor(link, stop) {
    this.link = link;
    this.stop = stop;
    this.held = new Set();
    this.touch = { steer: null, throttle: null };
    this.steering = 0;
    this.throttle = 0;
    this.sequence = 0;
    this.mine = false;
    addEventListener("keydown", (event) => this.key(event, true));
    addEventListener("keyup", (event) => this.key(event, false));
    // A key that is let go while another window has the focus is never heard of.
    addEventListener("blur", () => this.letGo());
    document.addEventListener("visibilitychange", () => this.letGo());
    this.pad("steer", (dx) => -dx);
    this.pad("throttle", (_, dy) => -dy);
    setInterval(() => this.tick(), PERIOD_MS);
  }

  /** Whether steering or throttle is held. */
  get active() { return Math.max(Math.abs(this.steering), Math.abs(this.throttle)) > AT_REST; }

  letGo() {
    this.held.clear();
    this.touch = { steer: null, throttle: null };
  }

  key(event, down) {
    const action = KEYS[event.code];
    if (!action || event.ctrlKey || event.metaKey || event.altKey || event.target.matches?.("input[type=password], input[type=number]")) return;
    this.held[down ? "add" : "delete"](action);
    event.preventDefault();
  }

  /** A pad springs back to its middle when it is let go. */
  pad(id, read) {
    const element = $(id);
    const move = (event) => {
      const box = element.getBoundingClientRect(), reach = id === "steer" ? box.width / 2 - 40 : box.height / 2 - 30;
      const x = event.clientX - box.left - box.width / 2, y = event.clientY - box.top - box.height / 2;
      this.touch[id] = clamp(read(x / reach, y / reach));
    };
    element.onpointerdown = (event) => { element.setPointerCapture(event.pointerId); move(event); };
    element.onpointermove = (event) => { if (element.hasPointerCapture(event.pointerId)) move(event); };
    element.onlostpointercapture = () => { this.touch[id] = null; };
  }

  gamepad() {
    const pad = navigator.getGamepads?.().find((one) => one?.connected && one.mapping === "standard");
    if (!pad) return { steering: 0, throttle: 0 };
    if (pad.buttons[1].pressed && !this.stopping) this.stop();
    this.stopping = pad.buttons[1].pressed;
    const x = Math.abs(pad.axes[0]) > DEAD_ZONE ? -pad.axes[0] : 0;
    return { steering: x * Math.abs(x), throttle: pad.buttons[7].value - pad.buttons[6].value };
  }

  tick() {
    const has = (action) => (this.held.has(action) ? 1 : 0);
    const pad = this.gamepad();
    const turn = has("left") - has("right"), step = PERIOD_MS / 1000;
    if (this.touch.steer !== null) this.steering = this.touch.steer;
    else if (pad.steering) this.steering = pad.steering;
    else {
      const rate = turn * this.steering < 0 || !turn ? RETURN_PER_S : STEER_PER_S;
      this.steering += clamp((turn - this.steering) / (rate * step)) * rate * step;
    }
    this.throttle = clamp(this.touch.throttle ?? (pad.throttle || has("go") - has("brake")));
    this.show();
    // A hidden page's timers are late: it is better silent, which stops the vehicle, than behind.
    if (this.mine && !document.hidden) this.send();
  }

  send() {
    const top = Number($("top-speed").value) / 100;
    const throttle = this.throttle > 0 ? this.throttle * top : this.throttle;
    this.link.send({ type: "drive", sequence: ++this.sequence, stamp: this.link.now(), steering: clamp(this.steering), throttle });
  }

  show() {
    const place = (id, x, y) => {
      const element = $(id), thumb = element.querySelector(".thumb");
      thumb.style.transform = `translate(${x * (element.clientWidth / 2 - 44)}px, ${y * (element.clientHeight / 2 - 34)}px)`;
      element.classList.toggle("active", Boolean(x || y));
      element.setAttribute("aria-valuenow", (id === "steer" ? -x : -y).toFixed(2));
    };
    place("steer", -this.steering, 0);
    place("throttle", 0, -this.throttle);
  }
}
