// Ask: images come in by choosing, dropping, pasting, photographing or drawing, sounds by choosing, dropping, pasting or
// recording; answers come out, newest first.

import { answerCard } from "./answer.js";
import { cameraButton } from "./camera.js";
import { announce, breakable, get, h, percent, pixels, post, problem, svg } from "./draw.js";
import { kind } from "./kind.js";
import { drawingPad } from "./pad.js";

const MOST = 50; // answers on the page; the oldest go
const SHOWN = 80; // letters of a link

let answers, empty, model;
let sounds = null; // what a classifier of sounds needs: the module of its answers, and a button to record
let last = Promise.resolve(); // files are asked about one after the other, so that the first answer comes at once

export async function start(panel, facts) {
  model = facts;
  if (kind.sound) {
    sounds = Object.assign({}, ...await Promise.all([import("./hear.js"), import("./record.js"), import("./convert.js")]));
  }
  empty = h("div", { class: "nothing" }, h("h2", {}, kind.what), h("p", {}, kind.promise));
  answers = h("div", { class: "answers", "aria-label": "Answers", role: "region" }, empty);
  panel.append(h("div", { class: kind.sound ? "ask hears" : "ask" }, intake(panel), answers));
}

/** Asks about `files` of any kind that the server reads. */
function askAll(files) {
  for (const file of files) ask(file, h("div"));
}

/** Asks about one file and shows the answer in the place of `place`, or on top where it is not on the page. `note` is a
 * sentence about the file, or null. */
function ask(file, place, note = null) {
  if (!place.isConnected) {
    answers.prepend(place);
    while (answers.children.length > MOST) answers.lastElementChild.remove();
  }
  empty.remove();
  if (!place.hasChildNodes()) place.replaceChildren(waiting(file));
  last = last.then(() => answer(file, place, note));
  return last;
}

async function answer(file, place, note) {
  try {
    const [sent, converted] = sounds ? await sounds.readable(file) : [file, null];
    const [given] = (await post("page/ask", sent)).answers;
    if (given.error) throw new Error(given.error);
    const gone = () => remove(place);
    place.replaceChildren(
      sounds ? sounds.soundCard(sent, given, converted ?? note, gone) : answerCard(sent, given, gone));
    announce(`${file.name}: ${given.label}, ${percent(given.probability)}${given.unsure ? ", unsure" : ""}`);
  } catch (error) {
    place.replaceChildren(failed(file, error, place));
  }
}

function remove(place) {
  place.remove();
  if (!answers.children.length) answers.append(empty);
  document.getElementById("choose").focus();
}

function waiting(file) {
  return h("article", { class: "card" }, h("p", { class: "muted" }, `${file.name} …`));
}

function failed(file, error, place) {
  const dismiss = h("button", { type: "button", class: "plain", onclick: () => remove(place) }, "Dismiss");
  return h("article", { class: "card" }, h("p", { class: "muted" }, breakable(file.name)), problem(error.message), dismiss);
}

function intake(panel) {
  const picker = h("input", { type: "file", accept: kind.accept, multiple: true, class: "unseen",
    tabindex: -1, "aria-hidden": "true", onchange: () => { askAll(picker.files); picker.value = ""; } });
  const choose = h("button", { type: "button", class: "main", id: "choose", onclick: () => picker.click() },
    `Choose ${kind.many}`);
  const other = sounds ? sounds.recordButton(model.image.seconds, (file, note) => ask(file, h("div"), note))
    : [cameraButton((file) => askAll([file])), drawButton()];
  const zone = h("div", { class: "zone" }, sounds ? ear() : eye(),
    h("p", { class: "invitation" }, kind.bring),
    choose, picker,
    h("div", { class: "row" }, other));
  const pad = h("div", { id: "pad", hidden: true });
  const box = h("section", { class: "intake", "aria-label": `Ask about ${kind.a}` }, zone, pad, examples());
  listenForDrops(panel, zone);
  listenForPastes(panel);
  return box;
}

function drawButton() {
  const button = h("button", { type: "button", "aria-expanded": "false", "aria-controls": "pad" }, "Draw");
  button.addEventListener("click", () => {
    const pad = document.getElementById("pad");
    if (!pad.hasChildNodes()) pad.append(drawingPad(model.image, ask));
    pad.hidden = !pad.hidden;
    button.setAttribute("aria-expanded", String(!pad.hidden));
  });
  return button;
}

function examples() {
  const list = h("ul", { class: "examples" });
  const box = h("div", { hidden: true }, h("h2", { class: "small" }, "Or try one that it was not trained on"), list);
  get("page/ask/examples").then(({ examples, pictures }) => {
    list.append(...examples.map((address, index) => h("li", {}, example(address, pictures[index], index + 1))));
    box.hidden = !examples.length;
  }).catch(() => box.remove()); // they are a courtesy: without them the tab is whole
  return box;
}

function example(address, picture, number) {
  const name = `Example ${number}`;
  const click = async () => {
    const blob = await (await fetch(address)).blob();
    askAll([new File([blob], name, { type: blob.type })]);
  };
  return h("button", { type: "button", class: "thumb", onclick: click }, pixels(picture, name));
}

/** Whether something that is dragged here is for this page: files, or a link or text, of which it says what it needs. */
function concerns(event) {
  const types = event.dataTransfer?.types ?? [];
  return ["Files", "text/uri-list", "text/plain", "text/html"].some((type) => types.includes(type)) && !editable(event.target);
}

function listenForDrops(panel, zone) {
  addEventListener("dragover", (event) => {
    if (!concerns(event)) return;
    event.preventDefault(); // else the browser leaves the page and opens the image
    zone.classList.toggle("over", !panel.hidden);
  });
  addEventListener("dragleave", (event) => event.relatedTarget === null && zone.classList.remove("over"));
  addEventListener("drop", (event) => {
    if (!concerns(event)) return;
    event.preventDefault();
    zone.classList.remove("over");
    if (!panel.hidden) take(event.dataTransfer);
  });
}

function listenForPastes(panel) {
  addEventListener("paste", (event) => {
    if (!panel.hidden && event.clipboardData && !editable(event.target)) take(event.clipboardData);
  });
}

/** Whether what is dropped or pasted on an element is text for it. */
function editable(element) {
  return element instanceof Element && element.closest("input, textarea, [contenteditable]") !== null;
}

/** Asks about what was dropped or pasted; of what is no file and no image it says so. */
function take(given) {
  const folder = [...given.items].map((item) => item.webkitGetAsEntry?.()).find((entry) => entry?.isDirectory);
  if (folder) {
    refuse(folder.name, `This is a folder: drop the ${kind.many} in it.`);
    return;
  }
  if (given.files.length) {
    askAll(given.files);
    return;
  }
  const text = said(given);
  if (!text) return;
  const image = embedded(text);
  if (image) askAll([image]);
  else refuse(text, `${kindOf(text)}: save the ${kind.one}, and drop its file here.`);
}

/** The link or text that was dropped or pasted; of a piece of a page the address of its first image. */
function said(given) {
  const lines = (type) => given.getData(type).split(/[\r\n]+/).map((line) => line.trim()).filter(Boolean);
  const link = lines("text/uri-list").find((line) => !line.startsWith("#")); // which begins a comment (RFC 2483)
  const line = link ?? lines("text/plain")[0];
  if (line) return line;
  const piece = new DOMParser().parseFromString(given.getData("text/html"), "text/html");
  return piece.querySelector("img")?.getAttribute("src") || piece.body.textContent.trim();
}

/** The image or sound in a data URI as a file; null where `text` is none. */
function embedded(text) {
  const match = /^data:((?:image|audio)\/[\w.+-]+)(?:;[\w=-]+)*;base64,(.+)$/i.exec(text);
  if (!match || match[1].toLowerCase().startsWith("audio") !== kind.sound) return null;
  try {
    const bytes = Uint8Array.from(atob(match[2]), (letter) => letter.charCodeAt(0));
    return new File([bytes], `Pasted ${kind.one}`, { type: match[1] });
  } catch {
    return null;
  }
}

function kindOf(text) {
  if (/^data:/i.test(text)) return `This is a data URI without ${kind.a} that can be read`;
  return /^([a-z][a-z0-9+.-]+:\/\/|blob:|www\.)/i.test(text)
    ? "This is a link, and Beholder fetches nothing from the web" : `This is text, and no ${kind.one}`;
}

function refuse(text, sentence) {
  const place = h("div");
  answers.prepend(place);
  empty.remove();
  const shown = text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
  place.replaceChildren(failed({ name: shown }, new Error(sentence), place));
}

function eye() {
  return svg("svg", { viewBox: "0 0 48 32", class: "eye", "aria-hidden": "true" },
    svg("path", { d: "M2 16C9 6 16 2 24 2s15 4 22 14c-7 10-14 14-22 14S9 26 2 16z" }),
    svg("rect", { x: 17, y: 9, width: 14, height: 14, rx: 1 }),
    svg("rect", { x: 24, y: 9, width: 7, height: 7, class: "glint" }));
}

function ear() {
  const bars = [6, 14, 24, 30, 20, 28, 16, 22, 10, 5];
  return svg("svg", { viewBox: "0 0 48 32", class: "eye", "aria-hidden": "true" }, bars.map((height, place) => (
    svg("rect", { x: 1 + 4.7 * place, y: 16 - height / 2, width: 3, height, rx: 1.5, class: "wave" }))));
}
