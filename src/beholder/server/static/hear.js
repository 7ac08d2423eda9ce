// One answer about a sound: the class, how probable each is, what was heard and when, and what it has heard before.

import { bars, head, lookInside } from "./answer.js";
import { breakable, correction, h, post, problem, whole } from "./draw.js";
import { playable, soundView } from "./sound.js";

/** The card for `answer` (see server/tabs/sounds.py) about `file`; `remove` takes it off the page. `note` is a sentence
 * about the file, or null. */
export function soundCard(file, answer, note, remove) {
  const { sound } = answer;
  const view = soundView(sound, file);
  const where = h("p", { class: "muted where" }, "Finding where it listened …");
  askWhere(file, view, where);
  return h("article", { class: "card answer" },
    head(file, answer, remove, note),
    h("div", { class: "answer-body heard" },
      h("figure", {}, view.box, h("figcaption", {}, facts(sound), where)),
      bars(answer)),
    nearest(answer),
    lookInside(file));
}

function facts({ seconds, rate, channels, format, words }) {
  const mixed = { 1: "mono", 2: "stereo" }[channels] ?? `${channels} channels`;
  return [h("p", {}, `${seconds.toFixed(2)} s · ${whole(rate)} Hz · ${mixed} · ${format}`), words ? h("p", {}, words) : null];
}

async function askWhere(file, view, note) {
  try {
    const where = await post("page/ask/where", file);
    const slider = h("input", { type: "range", min: 0, max: 100, value: 70 });
    const show = () => view.heat.style.setProperty("opacity", slider.value / 100);
    slider.addEventListener("input", show);
    show();
    view.heat.src = where.overlay;
    view.heat.alt = `Where it listened: ${where.text}`;
    view.heat.hidden = false;
    view.controls.append(h("label", { class: "listened" }, h("span", {}, "Where it listened"), slider));
    note.textContent = where.text;
  } catch (error) {
    note.textContent = error.message;
  }
}

function nearest({ label, neighbours, neighbours_error: neighboursError }) {
  if (neighboursError) return problem(neighboursError);
  if (!neighbours.length) return null;
  const title = "Most similar training sounds, as the network hears them";
  return h("section", { class: "nearest", "aria-label": title }, h("h3", {}, title),
    h("ul", {}, neighbours.map((near) => one(near, label))));
}

function one({ path, label, image, sound }, answered) {
  const picture = sound ? playable(image, sound, path) : h("img", { src: image, alt: "", class: "pixels" });
  return h("li", {}, picture,
    h("a", { href: correction(path), title: path }, h("span", { class: label === answered ? "" : "other" }, breakable(label))));
}
