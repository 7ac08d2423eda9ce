// One answer: the class, how probable each is, what the network received, where it looked, and what it has seen before.

import { breakable, correction, h, percent, pixels, plural, post, problem, whole } from "./draw.js";

const FIRST = 5; // classes shown before a person asks for all
const SIDE = 320; // pixels that the small copy of the person's image is wide

/** The card for `answer` (see server/tabs/ask.py) about `file`; `remove` takes it off the page. */
export function answerCard(file, answer, remove) {
  return h("article", { class: "card answer" },
    head(file, answer, remove),
    h("div", { class: "answer-body" }, received(answer), original(file, answer), bars(answer)),
    nearest(answer),
    lookInside(file));
}

/** What was answered, of which file, and why; `note` is a sentence about the file. */
export function head(file, answer, remove, note = null) {
  const close = h("button", { type: "button", class: "round", "aria-label": `Remove ${file.name}`, onclick: remove }, "✕");
  const unsure = answer.unsure ? h("span", { class: "badge warn" }, "unsure") : null;
  return h("header", {},
    h("div", {},
      h("h2", {}, h("span", {}, breakable(answer.label)), h("span", { class: "how-sure" }, percent(answer.probability)), unsure),
      h("p", { class: "muted file" }, breakable(file.name)),
      note ? h("p", { class: "muted file" }, note) : null,
      answer.why_label ? h("p", { class: "why" }, answer.why_label) : null,
      answer.why_unsure ? h("p", { class: "why" }, answer.why_unsure) : null),
    close);
}

function received(answer) {
  const { height, width } = answer.received;
  const heat = h("img", { alt: "", class: "heat", hidden: true });
  const note = h("p", { class: "muted where" }, "Finding where it looked …");
  const stack = h("div", { class: "stack", style: { "aspect-ratio": `${width} / ${height}` } },
    pixels(answer.received.image, `The image as the network receives it, ${width} by ${height} pixels`), heat);
  askWhere(answer, heat, note);
  const { fitted } = answer.received; // a sentence with the size in it
  return h("figure", { class: "received" }, stack,
    h("figcaption", {}, fitted ?? `What the network receives: ${size(width, height)} pixels`), note, cleaned(answer));
}

/** What is left after the chapter's cleaning, which is a part of some networks. */
function cleaned(answer) {
  if (!answer.received.cleaned) return null;
  return [pixels(answer.received.cleaned, "The same image cleaned: grey, cropped, standardised", { class: "cleaned" }),
    h("p", { class: "muted" }, "Cleaned: grey, cropped, standardised")];
}

async function askWhere(answer, heat, note) {
  try {
    const where = await post("page/ask/where", blob(answer.received.image));
    const slider = h("input", { type: "range", min: 0, max: 100, value: 70 });
    const show = () => heat.style.setProperty("opacity", slider.value / 100);
    slider.addEventListener("input", show);
    show();
    heat.src = where.overlay;
    heat.alt = `Where it looked: ${where.text}`;
    heat.hidden = false;
    note.replaceChildren(h("label", { title: where.text }, h("span", {}, "Where it looked"), slider));
  } catch (error) {
    note.textContent = error.message;
  }
}

/** The person's own image, small: a photograph of 12 megapixels is not kept decoded. */
function original(file, answer) {
  const canvas = h("canvas", { role: "img", "aria-label": "Your image" });
  const figure = h("figure", { class: "original", hidden: true }, canvas,
    h("figcaption", {}, `Your image: ${size(answer.width, answer.height)}`));
  if (answer.width <= answer.received.width && answer.height <= answer.received.height) return figure;
  createImageBitmap(file, { resizeWidth: Math.min(SIDE, answer.width), resizeQuality: "medium" }).then((small) => {
    canvas.width = small.width;
    canvas.height = small.height;
    canvas.getContext("2d").drawImage(small, 0, 0);
    figure.hidden = false;
  }).catch(() => figure.remove()); // a TIFF, say, that the browser cannot show though the server reads it
  return figure;
}

function size(width, height) {
  return `${whole(width)}\u00a0×\u00a0${whole(height)}`;
}

/** How probable each class is, at first of the most probable alone. */
export function bars({ probabilities }) {
  const list = h("ol", { class: "bars" }, probabilities.slice(0, FIRST).map(bar));
  const box = h("div", { class: "probabilities" }, h("h3", {}, "How probable"), list);
  if (probabilities.length <= FIRST) return box;
  const more = h("button", { type: "button", class: "plain", "aria-expanded": "false" });
  const show = (all) => {
    list.replaceChildren(...probabilities.slice(0, all ? undefined : FIRST).map(bar));
    more.textContent = all ? `Only the first ${FIRST}` : `All ${plural(probabilities.length, "class")}`;
    more.setAttribute("aria-expanded", String(all));
  };
  more.addEventListener("click", () => show(more.getAttribute("aria-expanded") === "false"));
  show(false);
  box.append(more);
  return box;
}

function bar({ label, probability }) {
  return h("li", {}, h("span", { class: "name" }, label), h("span", { class: "share" }, percent(probability)),
    h("span", { class: "track", "aria-hidden": "true", style: { "--share": probability } }));
}

function nearest({ label, neighbours, neighbours_error: neighboursError }) {
  if (neighboursError) return problem(neighboursError);
  if (!neighbours.length) return null;
  const one = (near) => h("li", {},
    h("a", { class: "thumb", href: correction(near.path), title: near.path },
      pixels(near.image, ""), h("span", { class: near.label === label ? "" : "other" }, breakable(near.label))));
  const title = "Most similar training images, as the network sees them";
  return h("section", { class: "nearest", "aria-label": title }, h("h3", {}, title), h("ul", {}, neighbours.map(one)));
}

/** The way to the Look inside tab with `file`. */
export function lookInside(file) {
  const open = async () => {
    location.hash = "inside";
    const inside = await import("./inside.js");
    await inside.open(file);
  };
  return h("footer", { class: "row" }, h("button", { type: "button", onclick: open }, "Look inside"));
}

/** A data URI as a Blob; the security policy keeps `fetch` from reading one. */
function blob(uri) {
  const [head, body] = uri.split(",");
  return new Blob([Uint8Array.from(atob(body), (letter) => letter.charCodeAt(0))], { type: head.slice(5, -7) });
}
