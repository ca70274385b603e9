/** How each component is doing, and what can be set of it. */

import { $, make } from "./dom.js";

const WORST = { fine: 0, waiting: 1, look: 2, silent: 3, act: 3 };
const SET = "Parameters";
const WORDS = { fine: "fine", waiting: "waiting", look: "look at it", silent: "silent", act: "act now" };

export class Health {
  constructor(link) {
    this.open = new Set();
    this.running = new Map();  // what is set, by component
    link.addEventListener("health", ({ detail }) => this.show(detail.components));
  }

  show(components) {
    this.running = new Map(components.map(({ name, details }) =>
      [name.split("/").at(-1), details.find((one) => one.name === SET)?.values ?? {}]));
    const worst = Math.max(0, ...components.map(({ state }) => WORST[state] ?? 2));
    $("health-dot").className = ["", "", "look", "act"][worst];
    if (!$("health").offsetParent) return;  // not shown
    const ordered = [...components].sort((a, b) => WORST[b.state] - WORST[a.state] || a.name.localeCompare(b.name));
    $("health").replaceChildren(...(ordered.length ? ordered.map((one) => this.card(one)) : [make("p", { class: "empty", text: "No component reports on /diagnostics." })]));
  }

  card({ name, state, said, traffic, details }) {
    const list = make("dl");
    for (const { name: what, said: words, values } of details) {
      if (what === SET) continue;  // they have a tab of their own
      list.append(make("dt", { text: what }), make("dd", { text: words }));
      for (const [key, value] of Object.entries(values)) list.append(make("dt", { text: `  ${key}` }), make("dd", { text: value }));
    }
    const more = make("details", { open: this.open.has(name) }, make("summary", { text: "All figures" }), list);
    more.ontoggle = () => this.open[more.open ? "add" : "delete"](name);
    return make("article", { class: "card" },
      make("header", {}, make("b", { text: name }), make("span", { class: `state ${state}`, text: WORDS[state] })),
      make("div", { class: state === "fine" ? "facts" : "fault", text: said }),
      traffic ? make("div", { class: "facts", text: traffic }) : null, more);
  }
}

const opened = new Set();  // components whose parameters are looked at

/** The parameters of all components, with their ranges; those that run here come first. */
export async function showParameters(running) {
  const place = $("parameters");
  if (!place.childElementCount) place.replaceChildren(make("p", { class: "empty", text: "Reading" }));
  const components = await (await fetch("parameters")).json();
  const found = Object.entries(components).filter(([, parameters]) => parameters.length);
  const cards = (those) => those.map(([name, parameters]) => make("details", { class: "card", open: opened.has(name), ontoggle: ({ target }) => opened[target.open ? "add" : "delete"](name) },
    make("summary", { text: `${name}, ${parameters.length} parameters` }),
    ...parameters.map((one) => parameter(one, running.get(name)?.[one.name]))));
  const [here, elsewhere] = [true, false].map((runs) => found.filter(([name]) => running.has(name) === runs));
  place.replaceChildren(
    make("p", { class: "said", text: "What each component that runs goes by, and within which range it may be; what is not as usual is marked. Set by a parameter file or launch argument, under ROS 2 by ros2 param set too. Not from here: limits are not for the hands that they limit." }),
    ...cards(here), ...(here.length && elsewhere.length ? [make("h2", { text: "Not running now" })] : []), ...cards(elsewhere));
}

function parameter({ name, type, minimum, maximum, choices, default: usual, description, required }, set) {
  const range = choices.length ? choices.join(", ") : [minimum != null ? `from ${minimum}` : "", maximum != null ? `to ${maximum}` : ""].join(" ").trim();
  const isOther = set != null && set !== usual;
  return make("div", { class: `parameter${isOther ? " other" : ""}` },
    make("code", { text: name }), make("span", { text: spoken(set ?? (required ? "required" : usual)) }),
    make("p", { text: `${description}. ${type}${range ? `, ${range}` : ""}${isOther && !required ? `; usually ${spoken(usual)}` : ""}` }));
}

/** Paths that are empty are written as the folder that they mean. */
const spoken = (value) => (["", "."].includes(value) ? "empty" : value);
