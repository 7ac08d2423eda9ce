// Ask: images come in by choosing, dropping, pasting, photographing or drawing; answers come out, newest first.

import { answerCard } from "./answer.js";
import { cameraButton } from "./camera.js";
import { announce, get, h, percent, pixels, post, problem, svg } from "./draw.js";
import { drawingPad } from "./pad.js";

const MOST = 50; // answers on the page; the oldest go

let answers, empty, model;
let last = Promise.resolve(); // images are asked about one after the other, so that the first answer comes at once

export function start(panel, facts) {
  model = facts;
  empty = h("div", { class: "nothing" }, h("h2", {}, "What is in your image?"),
    h("p", {}, "Choose one to see the answer and how probable it is, the image as the network receives it, ",
      "where the network looked, and the most similar training images. Your image goes to this server and nowhere else."));
  answers = h("div", { class: "answers", "aria-label": "Answers", role: "region" }, empty);
  panel.append(h("div", { class: "ask" }, intake(panel), answers));
}

/** Asks about `files`, images of any kind that the server reads. */
function askAll(files) {
  for (const file of files) ask(file, h("div"));
}

/** Asks about one image and shows the answer in the place of `place`, or on top where it is not on the page. */
function ask(file, place) {
  if (!place.isConnected) {
    answers.prepend(place);
    while (answers.children.length > MOST) answers.lastElementChild.remove();
  }
  empty.remove();
  if (!place.hasChildNodes()) place.replaceChildren(waiting(file));
  last = last.then(() => answer(file, place));
  return last;
}

async function answer(file, place) {
  try {
    const [given] = (await post("/page/ask", file)).answers;
    if (given.error) throw new Error(given.error);
    place.replaceChildren(answerCard(file, given, model, () => remove(place)));
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
  return h("article", { class: "card" }, h("p", { class: "muted" }, file.name), problem(error.message), dismiss);
}

function intake(panel) {
  const picker = h("input", { type: "file", accept: "image/*,.tif,.tiff", multiple: true, class: "unseen",
    tabindex: -1, "aria-hidden": "true", onchange: () => { askAll(picker.files); picker.value = ""; } });
  const choose = h("button", { type: "button", class: "main", id: "choose", onclick: () => picker.click() },
    "Choose images");
  const zone = h("div", { class: "zone" }, eye(),
    h("p", { class: "invitation" }, "Drop images here, or paste one"),
    choose, picker,
    h("div", { class: "row" }, cameraButton((file) => askAll([file])), drawButton()));
  const pad = h("div", { id: "pad", hidden: true });
  const box = h("section", { class: "intake", "aria-label": "Ask about an image" }, zone, pad, examples());
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
  get("/page/ask/examples").then(({ examples }) => {
    list.append(...examples.map((address, index) => h("li", {}, example(address, index + 1))));
    box.hidden = !examples.length;
  }).catch(() => box.remove()); // they are a courtesy: without them the tab is whole
  return box;
}

function example(address, number) {
  const name = `Example ${number}`;
  const click = async () => {
    const response = await fetch(address);
    askAll([new File([await response.blob()], name, { type: "image/png" })]);
  };
  return h("button", { type: "button", class: "thumb", onclick: click }, pixels(address, name));
}

function listenForDrops(panel, zone) {
  const mine = (event) => !panel.hidden && event.dataTransfer?.types.includes("Files");
  addEventListener("dragover", (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault(); // else the browser leaves the page and opens the image
    zone.classList.toggle("over", mine(event));
  });
  addEventListener("dragleave", (event) => event.relatedTarget === null && zone.classList.remove("over"));
  addEventListener("drop", (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    zone.classList.remove("over");
    if (mine(event)) askAll(event.dataTransfer.files);
  });
}

function listenForPastes(panel) {
  addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (!panel.hidden && files.length) askAll(files);
  });
}

function eye() {
  return svg("svg", { viewBox: "0 0 48 32", class: "eye", "aria-hidden": "true" },
    svg("path", { d: "M2 16C9 6 16 2 24 2s15 4 22 14c-7 10-14 14-22 14S9 26 2 16z" }),
    svg("rect", { x: 17, y: 9, width: 14, height: 14, rx: 1 }),
    svg("rect", { x: 24, y: 9, width: 7, height: 7, class: "glint" }));
}
