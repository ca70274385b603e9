/** The WebSocket to the console: connects again by itself, and knows what the console's clock shows. */

const KINDS = { 1: "picture", 2: "mask", 3: "depth" };
const HEADER = 16;
const CLOCK_EVERY_MS = 2000, WATCH_MS = 250, SILENT_AFTER_MS = 1500;
const steady = () => performance.now() / 1000;

export class Link extends EventTarget {
  constructor() {
    super();
    this.up = false;
    this.roundTrip = null;
    this.offset = 0;
    this.samples = [];
    this.wait = 250;
    this.heard = 0;
    this.watched = 0;
  }

  /** Open the connection, and keep it open. */
  open() {
    const socket = this.socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/live`);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => { this.samples = []; this.askTime(); this.asking = setInterval(() => this.askTime(), CLOCK_EVERY_MS); };
    socket.onmessage = ({ data }) => {
      this.heard = performance.now();
      if (typeof data === "string") this.hear(JSON.parse(data));
      else this.see(data);
    };
    socket.onclose = ({ reason }) => {
      clearInterval(this.asking);
      this.set(false, reason);
      this.dispatchEvent(new Event("closed"));
      setTimeout(() => this.open(), this.wait);
      this.wait = Math.min(this.wait * 1.6, 4000);
    };
    this.watch ??= setInterval(() => this.listen(), WATCH_MS);
  }

  /** A socket that is frozen, as on a network that has gone, says nothing; its close would come minutes later. */
  listen() {
    const now = performance.now(), slept = now - this.watched > SILENT_AFTER_MS;
    this.watched = now;
    if (slept) {  // it was this page that was away: what was said meanwhile is still to be heard
      this.samples = [];  // a laptop's clock may stand while it sleeps
      this.askTime();
      return;
    }
    if (this.up && now - this.heard > SILENT_AFTER_MS) {
      this.set(false, "the robot is silent");
      this.socket.close();
    }
  }

  set(up, reason = "") {
    if (up) this.wait = 250;
    if (this.up === up && !reason) return;
    this.up = up;
    this.dispatchEvent(new CustomEvent("link", { detail: { up, reason } }));
  }

  hear(message) {
    if (message.type === "hello") this.set(true);
    if (message.type === "clock") this.setClock(message);
    this.dispatchEvent(new CustomEvent(message.type, { detail: message }));
  }

  see(data) {
    const view = new DataView(data);
    const kind = KINDS[view.getUint8(0)], number = view.getUint32(4, true), at = view.getFloat64(8, true);
    this.dispatchEvent(new CustomEvent(kind, { detail: { number, at, file: new Uint8Array(data, HEADER) } }));
  }

  /** Send a message; without a connection it is lost, and that is told. */
  send(message) {
    if (this.socket?.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify(message));
    return true;
  }

  /** What the console's clock shows now, in s. */
  now() { return steady() + this.offset; }

  askTime() { this.send({ type: "clock", sent: steady() }); }

  /** The sample with the shortest round trip is the best one (as in NTP, RFC 5905). */
  setClock({ sent, now }) {
    const roundTrip = steady() - sent;
    this.samples = [...this.samples.slice(-7), { roundTrip, offset: now - (sent + roundTrip / 2) }];
    this.offset = this.samples.reduce((best, one) => (one.roundTrip < best.roundTrip ? one : best)).offset;
    this.roundTrip = roundTrip;
    if (this.samples.length < 4) setTimeout(() => this.askTime(), 60);
  }
}
