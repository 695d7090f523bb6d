// The panel beside the map: the thing to be judged, what to do with it, layers, progress.
import { say, sayName } from "./words.js";
import { rampColour } from "./map.js";

const SVG = "http://www.w3.org/2000/svg";
export const byId = (id) => document.getElementById(id);

export function element(name, { text, className, ...rest } = {}, ...children) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  Object.assign(made, rest);
  made.append(...children);
  return made;
}

export function button(words, key, action, className = "") {
  const made = element("button", { type: "button", className, text: words });
  if (key) made.append(element("kbd", { text: key }));
  made.addEventListener("click", () => { made.blur(); action(); });
  return made;
}

export function notice(text, bad = false) {
  const box = byId("notice");
  box.textContent = text;
  box.className = bad ? "bad" : "";
  box.hidden = !text;
}

const percent = (share) => `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;

export function showThing(thing, run) {
  byId("thing-title").textContent = thing ? titleOf(thing) : say("page.nothing");
  const state = byId("thing-state");
  state.textContent = thing ? say(`state.${thing.state}`) : "";
  state.className = `state ${thing?.state ?? ""}`;
  state.hidden = !thing;
  byId("thing-facts").textContent = thing ? factsOf(thing) : "";
  byId("thing-task").textContent = thing ? say(`task.${thing.kind}`) : say("page.nothing_why");
  byId("chips").replaceChildren(...(thing?.kind === "sighting" ? chips(thing, run) : []));
  byId("history").replaceChildren(...(thing?.decisions ?? []).map(decisionLine));
  byId("note").placeholder = say("page.note");
}

function titleOf(thing) {
  if (thing.kind === "tile") return say("kind.tile");
  const name = sayName("class", thing.class ?? "anomaly");
  return thing.kind === "missed" ? `${name} · ${say("kind.missed")}` : say("kind.candidate", { class: name });
}

function factsOf(thing) {
  const place = `${thing.x.toFixed(2)} / ${thing.y.toFixed(2)}`;
  if (thing.kind === "tile") {
    const open = thing.items.filter((item) => item.state === "open").length;
    return `${place} · ${say("fact.in_tile", { count: thing.items.length, open })}`;
  }
  const size = thing.size_m ? say("fact.size", { cm: Math.round(100 * thing.size_m) }) : "";
  if (thing.kind === "missed") return [size, place].join(" · ");
  return [say("fact.probability", { p: percent(thing.probability) }), size, say("fact.risk", { p: percent(thing.risk) }),
    `${place} ± ${thing.position_error_m.toFixed(2)} m`].join(" · ");
}

// Every sighting of the item on its own image, at each scale, on the image's own pixels.
function chips(thing, run) {
  return thing.sightings.flatMap((sighting) => {
    const words = `${sighting.image ?? say("fact.no_image")} · ${sayName("class", sighting.class)} · ${percent(sighting.probability)}`;
    const line = element("div", { className: "file quiet", text: words });
    if (!sighting.image) return [line];
    return [line, ...run.chips_m.map((metres, scale) => chip(sighting, metres, scale))];
  });
}

function chip(sighting, metres, scale) {
  const image = element("img", { src: `/chips/${sighting.id}/${scale}`, alt: say("fact.chip", { metres }), loading: "lazy" });
  const ring = document.createElementNS(SVG, "svg");
  ring.setAttribute("viewBox", "0 0 100 100");
  const radius = Math.max(5, 75 * sighting.size_m / metres);
  for (const [colour, width] of [["#fff", 2.2], ["#c2189b", 1.1]]) {
    const circle = document.createElementNS(SVG, "circle");
    for (const [name, value] of Object.entries({ cx: 50, cy: 50, r: radius, fill: "none", stroke: colour, "stroke-width": width })) {
      circle.setAttribute(name, value);
    }
    ring.append(circle);
  }
  return element("figure", {}, image, ring, element("figcaption", { text: `${metres} m` }));
}

function decisionLine(decision) {
  const when = decision.decided_at.slice(0, 16).replace("T", " ");
  const what = say(`status.${decision.status}`);
  const name = decision.class && decision.status !== "rejected" ? ` (${sayName("class", decision.class)})` : "";
  const blind = decision.blind_round ? ` · ${say("page.blind")}` : "";
  const note = decision.note ? ` – ${decision.note}` : "";
  return element("li", { text: `${when} UTC · ${decision.reviewer}: ${what}${name}${blind}${note}` });
}

export function showLayers(run, map) {
  const rows = ["imagery", "items", "searched_area", ...(run.disturbance ? ["disturbance"] : []),
    ...run.layers.filter((name) => name !== "searched_area")];
  byId("layers").replaceChildren(...rows.flatMap((name) => {
    const box = element("input", { type: "checkbox", checked: map.shown[name] ?? true });
    box.addEventListener("change", () => map.show(name, box.checked));
    return [element("label", {}, box, ...swatches(name, run), element("span", { text: say(`layer.${name}`) })), ...legend(name, run)];
  }));
}

function swatches(name, run) {
  const colours = { items: [run.detection_colour], searched_area: ["#2a7fa8", "#3d3d3d"], work_areas: ["#7a4b00"], patterns: ["#004d66"],
    places: ["#004d66"], disturbance: ["crater", "trench", "disturbed_soil"].map((code) => run.ground_colours[code]) }[name] ?? [];
  return colours.map((colour) => {
    const made = element("span", { className: "swatch" });
    made.style.background = colour;
    return made;
  });
}

function legend(name, run) {
  if (name === "disturbance") {
    return [element("div", { className: "names quiet", text: ["crater", "trench", "disturbed_soil"].map((code) => say(`ground.${code}`)).join(" · ") })];
  }
  if (name !== "hectares") return [];
  const ramp = element("div", { className: "ramp" });
  for (let n = 0; n < 20; n += 1) {
    const part = element("span");
    part.style.background = rampColour(run.risk_ramp, n / 19, 1);
    ramp.append(part);
  }
  return [ramp, element("div", { className: "ends quiet" }, element("span", { text: "0" }), element("span", { text: say("legend.risk") }), element("span", { text: "1" }))];
}

const figure = (value, digits = 2) => (value === null || value === undefined ? "?" : value.toFixed(digits));
const between = ({ low, high }, digits) => `${figure(low, digits)} – ${high === null ? "∞" : figure(high, digits)}`;

export function showProgress(told) {
  const rows = [
    [say("progress.judged"), `${told.judged} / ${told.items}`],
    [say("progress.verdicts"), `${told.confirmed} · ${told.rejected} · ${told.disputed}`],
    [say("progress.drawn"), told.drawn],
    [say("progress.tiles"), `${told.tiles_reviewed} / ${told.tiles}`],
    [say("progress.recall"), told.recall.value === null ? say("progress.unknown") : `${figure(told.recall.value)} (${between(told.recall, 2)})`],
    [say("progress.alarms"), told.false_alarms_per_ha.value === null ? say("progress.unknown")
      : `${figure(told.false_alarms_per_ha.value, 1)} (${between(told.false_alarms_per_ha, 1)})`],
    [say("progress.kappa"), kappa(told.agreement)],
  ];
  const table = element("table", {}, ...rows.map(([name, value]) => element("tr", {}, element("td", { text: name }), element("td", { text: String(value) }))));
  const bar = element("div", { className: "bar" }, element("span"));
  bar.firstChild.style.width = `${told.items ? (100 * told.judged) / told.items : 0}%`;
  byId("progress").replaceChildren(bar, table);
}

// The risk with the decisions so far: what is shown, and where this is allowed a button that computes it anew.
export function showRound(told, run, compute) {
  const box = byId("round");
  if (!told) return box.replaceChildren();
  const words = [element("p", { className: "quiet", text: told.shown ? say("round.shown", { name: told.shown }) : say("round.none") })];
  if (told.state === "running") words.push(element("p", { text: say("round.running") }));
  if (told.state === "failed") words.push(element("p", { className: "bad", text: say("round.failed", { why: told.error }) }));
  if (told.state === "done") {
    const { remaining_items: items, change, hectares_changed: changed, hectares, notes } = told.summary;
    words.push(element("p", { text: say(told.written ? "round.done" : "round.same", { items: figure(items, 1),
      change: `${change < 0 ? "−" : "+"}${figure(Math.abs(change), 1)}`, changed, hectares }) }));
    words.push(...notes.map((note) => element("p", { className: "quiet", text: note })));
  }
  const start = run.owner ? [button(say("round.compute"), "", compute)] : [];
  start.forEach((one) => { one.id = "compute-round"; one.disabled = told.state === "running"; });
  box.replaceChildren(...start, ...words);
  box.dataset.state = told.state;
  return undefined;
}

function kappa(told) {
  if (told.hidden) return say("progress.hidden");
  if (!told.pairs) return say("progress.no_pairs");
  const value = told.kappa === null ? "?" : figure(told.kappa);
  return `${value} (${figure(told.interval[0])} – ${figure(told.interval[1])}) · ${say("progress.pairs", { agreed: told.agreed, pairs: told.pairs })}`;
}
