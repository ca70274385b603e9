/** Puts the page together. */

import { Charts } from "./charts.js";
import { $, toast } from "./dom.js";
import { Hands } from "./hands.js";
import { Health, showParameters } from "./health.js";
import { Link } from "./link.js";
import { Safety } from "./safety.js";
import { Stage } from "./stage.js";
import { Takes } from "./takes.js";
import { Training } from "./training.js";

const ANSWER_MS = 1500;
const TURNS = { left: "↰ Turn left", right: "↱ Turn right", straight: "↑ Straight on" };
const body = document.body;

/** Without a token where none is needed; with the one behind the address's #, which is taken away from sight at once. */
async function logIn(token) {
  const answer = await fetch("session", { method: "POST", body: JSON.stringify(token ? { token } : {}) });
  return answer.ok ? "" : (await answer.json().catch(() => ({ why: "The console does not answer." }))).why;
}

async function begin() {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (token) history.replaceState(null, "", location.pathname);
  const why = await logIn(token);
  if (!why) return start();
  askForToken(start);
  if (token) $("login-said").textContent = why;
}

function askForToken(then) {
  $("login").hidden = false;
  $("login").onsubmit = async (event) => {
    event.preventDefault();
    const fault = await logIn($("token").value.trim());
    if (fault) $("login-said").textContent = fault;
    else { $("login").hidden = true; then(); }
  };
}

function start() {
  const link = new Link(), stage = new Stage(link), safety = new Safety(link), charts = new Charts();
  const hands = new Hands(link, () => safety.stop()), training = new Training(link), takes = new Takes(link, training);
  const health = new Health(link);
  let wheel = {}, limits = { speed: 5, steering: 0.45 }, asked = null;

  link.addEventListener("link", ({ detail: { up, reason } }) => {
    body.dataset.link = up ? "up" : "down";
    if (up) return;
    hands.mine = false;
    body.dataset.wheel = "no";
    $("link").textContent = reason || "no connection";
    $("wheel").textContent = "No wheel";
    for (const button of [$("wheel"), $("record"), ...document.querySelectorAll("[data-set-mode]")]) button.disabled = true;
    tell("No connection to the robot. In manual and assisted mode it stops by itself.", false);
  });
  // A console that was started anew knows no page of before.
  link.addEventListener("closed", async () => { if (await logIn().catch(() => "")) askForToken(() => {}); });
  link.addEventListener("hello", ({ detail }) => {
    limits = detail.limits;
    showTopSpeed();
    link.send({ type: "control", action: "take" });
  });
  link.addEventListener("refused", ({ detail }) => { if (!["drive", "seen", "control"].includes(detail.what)) toast(sentence(detail.why)); });

  link.addEventListener("state", ({ detail: state }) => {
    wheel = state.wheel;
    hands.mine = wheel.mine;
    body.dataset.wheel = wheel.mine ? "yes" : "no";
    body.dataset.emergency = state.emergency ? "yes" : "no";
    $("wheel").textContent = wheel.mine ? "You have the wheel" : wheel.free ? "Take the wheel" : wheel.asking ? "Asked" : "Ask for the wheel";
    $("wheel").disabled = Boolean(wheel.asking);
    $("ask").hidden = !(wheel.mine && wheel.asked);
    $("release").hidden = !state.emergency;
    $("release").disabled = !wheel.mine;
    if (state.mode && asked && (state.mode === asked.mode || performance.now() - asked.at > ANSWER_MS)) asked = null;
    for (const button of document.querySelectorAll("[data-set-mode]")) {
      button.setAttribute("aria-checked", String(button.dataset.setMode === state.mode));
      button.setAttribute("aria-busy", String(asked?.mode === button.dataset.setMode));
      button.disabled = !wheel.mine || !state.mode || (state.emergency && button.dataset.setMode !== "stopped");
    }
    body.dataset.mode = state.mode ?? "";
    const commands = state.commands ?? {};
    const speed = state.speed ?? commands.drive?.[1];
    $("speed").textContent = speed == null ? "–" : Math.abs(speed * 3.6).toFixed(0);
    mark("human-mark", commands.human);
    mark("policy-mark", commands.policy);
    $("fps").textContent = state.picture ? `${state.picture.toFixed(0)} pictures/s` : "no pictures";
    const age = stage.age == null ? null : Math.max(0, stage.age * 1000);
    $("age").textContent = age == null ? "" : `${age.toFixed(0)} ms old`;
    $("link").textContent = link.roundTrip == null ? "connected" : `${(link.roundTrip * 1000).toFixed(0)} ms`;
    $("turn").hidden = !state.turn;
    $("turn").textContent = TURNS[state.turn] ?? "";
    stage.arcs = state.arcs ?? {};
    banner(state);
    takes.state(state);
    training.robot(state);
    charts.add(state.now, { ...commands, speed: state.speed, age: state.picture ? age : null });
  });

  function mark(id, command) {
    $(id).style.visibility = command ? "visible" : "hidden";
    if (command) $(id).setAttribute("cx", String(110 - 100 * Math.max(-1, Math.min(1, command[0] / limits.steering))));
  }

  function tell(text, calm) {
    $("banner").textContent = text;
    $("banner").hidden = !text;
    $("banner").classList.toggle("calm", calm);
  }

  function banner(state) {
    const text = state.unconfirmed ? "Stop sent, but no supervisor confirms it. Cut the power." :
      state.emergency ? "Emergency stop. The vehicle is held until you release it." :
      state.mode === "" ? "No drive mode answers: nothing can be driven from here." :
      wheel.mine && wheel.must_rest && hands.active ? "Let go of steering and throttle first: the connection was lost, or the wheel has changed hands." : "";
    tell(text, !state.unconfirmed && !state.emergency);
  }

  function showTopSpeed() { $("top-speed-said").textContent = `${(limits.speed * 3.6 * $("top-speed").value / 100).toFixed(0)} km/h`; }
  $("top-speed").oninput = showTopSpeed;

  $("wheel").onclick = () => link.send({ type: "control", action: wheel.mine ? "give" : "take" });
  $("grant").onclick = () => link.send({ type: "control", action: "grant" });
  $("keep").onclick = () => link.send({ type: "control", action: "refuse" });
  for (const button of document.querySelectorAll("[data-set-mode]")) {
    button.onclick = () => { asked = { mode: button.dataset.setMode, at: performance.now() }; link.send({ type: "mode", mode: asked.mode }); };
  }
  for (const button of document.querySelectorAll("[data-tab]")) button.onclick = () => show(button.dataset.tab);
  const narrow = matchMedia("(max-width: 760px)");
  narrow.onchange = () => show(!narrow.matches && body.dataset.view === "drive" ? "takes" : body.dataset.view);
  narrow.onchange();

  function show(tab) {
    body.dataset.view = tab;
    const from = tab === "parameters" && narrow.matches ? "health" : tab;  // where a phone has the button for them
    for (const button of document.querySelectorAll("[data-tab]")) button.setAttribute("aria-selected", String(button.dataset.tab === from));
    for (const sheet of document.querySelectorAll("[data-sheet]")) sheet.classList.toggle("shown", sheet.dataset.sheet === tab);
    if (tab === "training") training.draw();
    if (tab === "parameters") showParameters(health.running);
  }

  addEventListener("contextmenu", (event) => event.preventDefault());
  link.open();
}

const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".");

begin();
