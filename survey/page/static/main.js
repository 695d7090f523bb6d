// What reviewers do: the queue, verdicts, keys.
import { ReviewMap } from "./map.js";
import { button, byId, element, notice, showLayers, showProgress, showRound, showThing } from "./panel.js";
import { Refused, get, post } from "./server.js";
import { say, sayName, speak } from "./words.js";

const remembered = (name) => { try { return localStorage.getItem(`survey-review-${name}`); } catch { return null; } };
const remember = (name, value) => { try { localStorage.setItem(`survey-review-${name}`, value); } catch { /* private window */ } };

let run, map, thing, queue = [], past = [], at = -1, busy = false;
let tile; // the tile whose candidates are being judged; one goes back to it after each
const reviewer = () => byId("reviewer").value.trim();
const mode = () => byId("mode").value;
const viewer = () => ({ reviewer: reviewer(), blind_round: mode() === "blind" ? 1 : 0 });

// Runs one action at a time and says what went wrong in words. A key pressed meanwhile is lost on purpose: it would
// judge a thing that nobody has seen yet.
async function attempt(action) {
  if (busy) return;
  busy = true;
  document.body.dataset.busy = "yes";
  try {
    await action();
  } catch (error) {
    notice(error instanceof Refused ? error.message : say("page.no_server"), true);
    if (!(error instanceof Refused) && !(error instanceof TypeError)) console.error(error);
  } finally {
    busy = false;
    document.body.dataset.busy = "no";
  }
}

// For choices that stay to be seen in their field: they wait until the last action is through.
async function afterwards(action) {
  while (busy) await new Promise((done) => setTimeout(done, 50));
  return attempt(action);
}

async function open(subject, { focus = true } = {}) {
  thing = await get("/api/thing", { subject, ...viewer() });
  showThing(thing, run);
  showVerdicts();
  byId("note").value = "";
  if (focus) map.focus(thing);
}

async function refill() {
  const told = await get("/api/queue", { mode: mode(), ...viewer() });
  queue = told.next;
}

async function next() {
  tile = undefined;
  if (at < past.length - 1) {
    at += 1;
    return open(past[at]);
  }
  await refill();
  const skipped = new Set(past);
  const entry = queue.find((one) => one.subject !== thing?.subject && !skipped.has(one.subject)) ?? queue.find((one) => one.subject !== thing?.subject);
  if (!entry) {
    if (queue.length) return undefined;
    thing = undefined;
    showThing(undefined, run);
    showVerdicts();
    return undefined;
  }
  past.push(entry.subject);
  at = past.length - 1;
  return open(entry.subject);
}

async function previous() {
  if (at > 0) {
    at -= 1;
    await open(past[at]);
  }
}

function jump(subject) {
  if (thing?.kind === "tile") tile = thing.subject;
  past = [...past.slice(0, at + 1), subject];
  at = past.length - 1;
  return open(subject, { focus: false }).then(() => map.focus({ ...thing }));
}

function seen() {
  const shown = thing?.kind === "sighting" ? thing.sightings.filter((one) => one.image).map((one) => one.image_id) : map.imagesInView();
  return { images: [...new Set(shown)].slice(0, 100), scales_m: thing?.kind === "sighting" ? run.chips_m : [],
    resolution_m: map.map.getView().getResolution(), queue: mode() };
}

async function send(decision) {
  if (!reviewer()) return askName();
  await post("/api/decisions", { note: byId("note").value, seen: seen(), ...viewer(), ...decision });
  notice("");
  await Promise.all([map.load("items", wide(), map.map.getView().getResolution()), progress()]);
  return true;
}

const wide = () => map.map.getView().calculateExtent(map.map.getSize());

async function decide(status, label = undefined) {
  if (!thing || run.read_only) return;
  if (!await send({ kind: thing.kind, status, subject: thing.subject, label: label ?? null })) return;
  const back = thing.kind === "tile" ? undefined : tile;
  tile = undefined;
  if (back) await jump(back);
  else await next();
}

async function undo() {
  if (run.read_only || !reviewer()) return;
  const told = (await post("/api/undo", viewer())).undone;
  if (!told) {
    notice(say("page.nothing_to_undo"));
    return;
  }
  notice(say("page.undone", { what: say(`status.${told.status}`) }));
  await Promise.all([map.refresh(), progress()]);
  if (!told.subject.startsWith("item-")) await jump(told.subject);
}

// A missed item: a box is drawn, then its class is chosen.
function draw() {
  if (run.read_only) return;
  if (!reviewer()) return askName();
  notice(say("page.draw_how"));
  map.draw((ring) => {
    notice(say("page.draw_class"));
    chooseClass((label) => attempt(async () => {
      await send({ kind: "missed", status: "missed_item", subject: "", label, ring });
      stop();
      notice(say("page.drawn"));
      if (thing) await open(thing.subject, { focus: false });
    }));
  });
}

let chosen;
function chooseClass(done) {
  chosen = done;
  const box = byId("classes");
  box.replaceChildren(...run.classes.map((name, n) => button(sayName("class", name), String(n + 1), () => pick(name))));
  box.hidden = false;
  byId("verdicts").hidden = true;
}

function pick(name) {
  const done = chosen;
  stop({ drawing: false });
  if (done) done(name);
}

function stop({ drawing = true } = {}) {
  chosen = undefined;
  byId("classes").hidden = true;
  byId("verdicts").hidden = false;
  if (drawing) { map.stopDrawing(); notice(""); }
}

const relabel = () => { if (thing?.kind === "sighting") chooseClass((label) => attempt(() => decide("relabelled", label))); };

// What can be said of the thing, and by which key.
function actions() {
  const kinds = {
    sighting: [["c", "verdict.confirm", () => decide("confirmed"), "yes"], ["r", "verdict.reject", () => decide("rejected"), "no"],
      ["l", "verdict.relabel", relabel], ["u", "verdict.unsure", () => decide("unsure")]],
    missed: [["c", "verdict.confirm", () => decide("missed_item", thing.class), "yes"], ["r", "verdict.reject", () => decide("rejected"), "no"],
      ["u", "verdict.unsure", () => decide("unsure")]],
    tile: [["t", "verdict.tile", () => decide("tile_reviewed"), "yes"], ["u", "verdict.tile_unsure", () => decide("unsure")]],
  };
  return kinds[thing?.kind] ?? [];
}

const moves = () => [
  ["n", "move.next", next], ["p", "move.previous", previous], ["z", "move.undo", undo], ["d", "move.draw", draw],
  ["f", "move.focus", async () => thing && map.focus(thing)], ["w", "move.whole", async () => map.whole()],
  ["h", "move.hide", async () => hide()], ["m", "move.note", async () => byId("note").focus()],
];

function showVerdicts() {
  stop({ drawing: Boolean(map.drawing) });
  const buttons = actions().map(([key, words, action, className]) => button(say(words), key.toUpperCase(), () => attempt(async () => action()), className));
  buttons.forEach((one) => { one.disabled = run.read_only; });
  byId("verdicts").replaceChildren(...buttons);
  byId("moves").replaceChildren(...moves().map(([key, words, action]) => button(say(words), key.toUpperCase(), () => attempt(async () => action()))));
  byId("note").disabled = run.read_only;
}

let hidden = false;
function hide() {
  hidden = !hidden;
  for (const name of Object.keys(map.vectors)) map.vectors[name].setVisible(!hidden && (map.shown[name] ?? true));
  map.ground?.setVisible(!hidden && map.shown.disturbance);
}

async function progress() {
  const told = await get("/api/progress", viewer());
  showProgress(told);
}

// The server computes in the background and is asked until it has done. In a blind round sums would tell what others said.
async function rounds(before = "") {
  const told = await get("/api/round");
  showRound(mode() === "blind" ? undefined : told, run, () => attempt(compute));
  if (told.state === "running") setTimeout(() => rounds(told.state).catch(() => notice(say("page.no_server"), true)), 1000);
  else if (before === "running" && told.state === "done") {
    map.show("hectares", true);
    showLayers(run, map);
  }
}

async function compute() {
  await post("/api/round", {});
  await rounds("running");
}

function keys(event) {
  if (event.ctrlKey || event.altKey || event.metaKey || byId("who").open || byId("help").open) return;
  const typing = event.target.matches("input:not([type=checkbox]), textarea, select");
  if (event.key === "Escape") {
    event.target.blur?.();
    stop();
    return;
  }
  if (typing) return;
  const key = event.key.toLowerCase();
  if (chosen && /^[1-9]$/.test(key) && run.classes[Number(key) - 1]) pick(run.classes[Number(key) - 1]);
  else if (key === "?") help();
  else if (key === "+" || key === "-") map.zoom(key === "+" ? 0.5 : 2);
  else {
    const found = [...(chosen ? [] : actions()), ...moves()].find(([one]) => one === key);
    if (!found) return;
    attempt(async () => found[2]());
  }
  event.preventDefault();
}

function help() {
  const rows = [...["c:verdict.confirm", "r:verdict.reject", "l:verdict.relabel", "u:verdict.unsure", "t:verdict.tile"].map((row) => row.split(":")),
    ...moves().map(([key, words]) => [key, words]), ["+ −", "move.zoom"], ["1–9", "move.class"], ["Esc", "move.cancel"]];
  byId("keys").replaceChildren(...rows.flatMap(([key, words]) => [element("dt", {}, element("kbd", { text: key.length === 1 ? key.toUpperCase() : key })), element("dd", { text: say(words) })]));
  byId("help").showModal();
}

function askName() {
  byId("who-name").value = reviewer();
  byId("who").showModal();
  return false;
}

// Everything in words is written again when the language changes.
async function setLanguage(language) {
  await speak(language);
  remember("language", language);
  document.title = say("page.title");
  showLayers(run, map);
  showThing(thing, run);
  showVerdicts();
  await Promise.all([progress(), rounds(), map.refresh()]);
}

async function changeMode() {
  past = [];
  at = -1;
  thing = undefined;
  await Promise.all([map.refresh(), progress(), rounds()]);
  await next();
}

function watchImages() {
  const timer = setInterval(async () => {
    try {
      const images = await get("/api/images");
      map.setImages(images);
      if (images.filter((image) => image.far).length < images.filter((image) => image.needs_far).length) return;
      clearInterval(timer);
      if (byId("notice").textContent === say("page.far_wait")) notice("");
    } catch { /* the server is away: asked again */ }
  }, 3000);
}

async function begin() {
  const images = await get("/api/images");
  run = await get("/api/run");
  byId("run").textContent = `${run.run_id} · ${run.model} · ${run.crs}`;
  byId("reviewer").value = remembered("reviewer") ?? "";
  const chooser = byId("language");
  chooser.replaceChildren(...Object.entries(run.languages).map(([code, name]) => element("option", { value: code, text: name })));
  const language = remembered("language") ?? run.language;
  chooser.value = language in run.languages ? language : "en";
  await speak(chooser.value);
  document.title = say("page.title");
  map = new ReviewMap(run, images, { viewer, picked: (subject) => attempt(() => jump(subject)), shapePicked: tellShape });
  window.review = { map };
  showLayers(run, map);
  await Promise.all([progress(), rounds()]);
  await next();
  if (!thing) map.whole();
  if (run.images_missing.length) notice(say("page.images_missing", { names: run.images_missing.join("; ") }), true);
  else if (run.read_only) notice(say("page.read_only"));
  if (images.filter((image) => image.far).length < images.filter((image) => image.needs_far).length) {
    if (byId("notice").hidden) notice(say("page.far_wait"));
    watchImages();
  }
  chooser.addEventListener("change", () => { chooser.blur(); afterwards(() => setLanguage(chooser.value)); });
  byId("mode").addEventListener("change", (event) => { event.target.blur(); afterwards(changeMode); });
  byId("reviewer").addEventListener("change", () => { remember("reviewer", reviewer()); afterwards(changeMode); });
  byId("help-button").addEventListener("click", help);
  byId("help-close").addEventListener("click", () => byId("help").close());
  byId("who").addEventListener("close", () => {
    byId("reviewer").value = byId("who-name").value.trim();
    remember("reviewer", reviewer());
    progress().catch(() => {});
  });
  document.addEventListener("keydown", keys);
  if (!reviewer() && !run.read_only) askName();
  document.body.dataset.ready = "yes";
}

function tellShape(layer, properties) {
  const parts = Object.entries(properties).filter(([name, value]) => name !== "geometry" && value !== null && value !== "")
    .map(([name, value]) => `${name} ${value}`);
  notice(`${say(`layer.${layer}`)}: ${parts.join(", ")}`);
}

begin().catch((error) => notice(String(error.message ?? error), true));
