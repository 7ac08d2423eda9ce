// The shell: four tabs, each a module and a style of its own, NAME.js and NAME.css, fetched when the tab is first opened.
//
// A tab's module exports `start(panel, model)`, called once with its empty panel and what GET /model says, and, where it
// wants to hear of it, `shown(rest)`, called each time that its tab comes to the front: of "#correct/a/b.png" the `rest`
// is "a/b.png".

import { get, h, percent, plural, problem, replace, style } from "./draw.js";
import { kind, learn } from "./kind.js";

const NAMES = ["ask", "inside", "judge", "correct"];
const tabs = NAMES.map((name) => document.getElementById(`tab-${name}`));
const panels = NAMES.map((name) => document.getElementById(`panel-${name}`));
const started = new Map();
const model = get("model");

function start(name) {
  if (!started.has(name)) started.set(name, load(name));
  return started.get(name);
}

async function load(name) {
  const panel = panels[NAMES.indexOf(name)];
  try {
    const [room, facts] = await Promise.all([import(`./${name}.js`), model, style(`static/${name}.css`)]);
    learn(facts);
    if (kind.sound) await style("static/sound.css");
    await room.start(panel, facts);
    return room;
  } catch (error) {
    started.delete(name); // opening the tab again tries again
    replace(panel, problem(error.message));
    return {};
  }
}

/** What stands behind the # of the address; nothing where it is no text, as in "#%". */
function asked() {
  try {
    return decodeURIComponent(location.hash.slice(1));
  } catch {
    return "";
  }
}

async function show() {
  const [name, ...rest] = asked().split("/");
  const index = Math.max(0, NAMES.indexOf(name));
  tabs.forEach((tab, number) => {
    tab.setAttribute("aria-selected", String(number === index));
    tab.tabIndex = number === index ? 0 : -1;
    panels[number].hidden = number !== index;
  });
  document.title = `${tabs[index].textContent} · Beholder`;
  const room = await start(NAMES[index]);
  room.shown?.(rest.join("/"));
}

function onKey(event) {
  const index = tabs.indexOf(event.target);
  const next = { ArrowRight: index + 1, ArrowLeft: index - 1, Home: 0, End: tabs.length - 1, " ": index }[event.key];
  if (next === undefined) return;
  event.preventDefault();
  const tab = tabs[(next + tabs.length) % tabs.length];
  tab.focus();
  location.hash = tab.hash;
}

async function introduce() {
  const facts = await model;
  const accuracy = facts.validation?.accuracy;
  const words = [facts.model, plural(facts.class_names.length, "class")];
  if (Number.isFinite(accuracy)) words.push(`${facts.validation.folds ? "out-of-fold" : "validation"} accuracy ${percent(accuracy)}`);
  const { address } = await get("page/watch");
  replace(document.getElementById("model"), words.join(" · "), address && [" ·\u00a0", h("a", { href: address }, "How it was trained")]);
}

for (const tab of tabs) tab.addEventListener("keydown", onKey);
addEventListener("hashchange", show);
show();
introduce().catch((error) => replace(document.getElementById("model"), error.message));
