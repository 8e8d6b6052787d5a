// The demo's scenes: the operator lets something happen, and is told what to watch. Other deployments have no such place.
import { ask, read } from "/static/calls.js";
import { may } from "/static/state.js";
import { language, timeOf, word } from "/static/words.js";

const LOOK_EVERY_MS = 2e3;
const BUSY = new Set(["asked", "to_come", "on"]);
const place = document.getElementById("scenes");
const at = (id) => document.getElementById(id);

let scenes = [];
let lookAt = 0;
// Whose words are shown: the scene that was pressed last.
let chosen = null;
let problem = null;

const saying = {
  ready: () => "",
  asked: () => word("sceneAsked"),
  to_come: (one) => `${word("sceneFrom")} ${timeOf(one.begins_at)}`,
  on: (one) => `${word("sceneUntil")} ${timeOf(one.ends_at)}`,
  over: (one) => `${word("sceneOver")} ${timeOf(one.ends_at)}`,
  refused: () => word("sceneRefused"),
};

function draw() {
  const wanted = scenes.map((one) => {
    const made = document.createElement("button");
    const how = document.createElement("small");
    how.textContent = saying[one.state](one);
    made.append(one.title[language()], how);
    Object.assign(made, { type: "button", title: one.watch[language()], disabled: BUSY.has(one.state), className: one.state });
    made.dataset.scene = one.name;
    made.setAttribute("aria-pressed", one.name === chosen);
    return made;
  });
  const shown = at("scene-buttons");
  const same = wanted.length === shown.children.length && wanted.every((one, n) => one.isEqualNode(shown.children[n]));
  if (!same) shown.replaceChildren(...wanted);
  const scene = scenes.find((one) => one.name === chosen);
  if (!scene) return;
  const note = problem ?? [scene.watch[language()], scene.why?.[language()]].filter(Boolean).join(" ");
  at("scene-note").className = problem ? "problem" : "";
  if (at("scene-note").textContent !== note) at("scene-note").textContent = note;
}

function watch(scene) {
  document.querySelectorAll(".watched").forEach((one) => one.classList.remove("watched"));
  document.querySelector(`.panel.${scene.panel}`)?.classList.add("watched");
}

async function look() {
  const { said } = await read("/scenes");
  if (said) scenes = said.items;
  draw();
}

export function drawScenes(state, lost) {
  if (!place) return;
  place.hidden = !may(state, "market:operate");
  if (place.hidden || lost || performance.now() < lookAt) return;
  lookAt = performance.now() + LOOK_EVERY_MS;
  look();
}

if (place) at("scene-buttons").onclick = async (event) => {
  const name = event.target.closest("button")?.dataset.scene;
  if (!name) return;
  chosen = name;
  watch(scenes.find((one) => one.name === name));
  ({ problem = null } = await ask("POST", `/scenes/${name}`));
  await look();
};
