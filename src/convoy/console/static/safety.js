/** The emergency stop, and its release: nothing else on the page may keep them waiting. */

import { $, toast } from "./dom.js";

const HOLD_MS = 1000, REPEATS = 3, REPEAT_MS = 100;

export class Safety {
  constructor(link) {
    this.link = link;
    const button = $("stop"), release = $("release");
    button.addEventListener("pointerdown", () => this.stop());
    button.addEventListener("click", () => this.stop());  // of a screen reader, or Enter
    // In the capturing phase: whatever has the focus, the vehicle stops, and no button is pressed by the space bar.
    addEventListener("keydown", (event) => {
      if (event.code !== "Space" && event.code !== "Escape") return;
      event.preventDefault();
      event.stopImmediatePropagation();
      if (!event.repeat) this.stop();
    }, true);
    addEventListener("keyup", (event) => { if (event.code === "Space") event.preventDefault(); }, true);
    release.onpointerdown = (event) => { release.setPointerCapture(event.pointerId); this.press(); };
    release.onlostpointercapture = () => this.letGo();
    release.onkeydown = (event) => { if (event.code === "Enter" && !event.repeat) this.press(); };
    release.onkeyup = (event) => { if (event.code === "Enter") this.letGo(); };
  }

  /** Sent a few times: one more costs nothing. */
  stop() {
    const button = $("stop");
    button.classList.add("pressed");
    setTimeout(() => button.classList.remove("pressed"), 300);
    if (!this.link.send({ type: "stop" })) toast("No connection: the stop can't be sent. Without the page the vehicle stops by itself in manual and assisted mode.");
    for (let n = 1; n < REPEATS; n++) setTimeout(() => this.link.send({ type: "stop" }), n * REPEAT_MS);
  }

  press() {
    $("release").classList.add("held");
    this.since = performance.now();
    this.link.send({ type: "release", phase: "press" });
    this.due = setTimeout(() => this.letGo(), HOLD_MS);
  }

  letGo() {
    clearTimeout(this.due);
    if (!this.since) return;
    $("release").classList.remove("held");
    this.since = null;
    this.link.send({ type: "release", phase: "release" });
  }
}
