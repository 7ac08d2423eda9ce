// What every part of the page builds on: elements from data without markup, requests, numbers in words.
//
// Text that comes from a person or a file (labels, paths, error sentences) only ever becomes a text node or the value
// of a harmless attribute, so a class named "<script>" is just a class with an odd name.

import { kind } from "./kind.js";

const SVG = "http://www.w3.org/2000/svg";

/** An element: `h("p", {class: "muted"}, "Text")`. Attributes: see `fill`. Children: elements, texts, numbers, lists of
 * them; null, undefined and false are left out. */
export function h(tag, attributes, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** As `h`, for SVG. */
export function svg(tag, attributes, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

/** Attributes are texts or numbers; true writes an empty one, false, null and undefined none; `onclick` and the like
 * take a function; `style` takes an object, {width: "3rem", "--share": 0.4}, which the page's security policy allows
 * where a style attribute is refused. */
function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style") for (const [key, text] of Object.entries(value)) element.style.setProperty(key, text);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Takes all children of `element` away and puts `children` in their place. */
export function replace(element, ...children) {
  element.replaceChildren();
  fill(element, {}, children);
}

/** The JSON document at `address`. Throws an Error whose message is one sentence to show. */
export async function get(address) {
  return answered(fetch(address, { headers: { Accept: "application/json" } }));
}

/** Sends `body`, a File or Blob (as raw bytes) or anything else (as JSON), and returns the JSON document that answers. */
export async function post(address, body) {
  const raw = body instanceof Blob;
  const known = raw && body.type.startsWith(kind.media) ? body.type : "application/octet-stream";
  const type = raw ? known : "application/json";
  return answered(
    fetch(address, { method: "POST", headers: { "Content-Type": type }, body: raw ? body : JSON.stringify(body) }),
  );
}

async function answered(request) {
  let response;
  try {
    response = await request;
  } catch {
    throw new Error("Beholder does not answer; is `beholder serve` still running?");
  }
  const document = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(document.error ?? `Beholder answered ${response.status} ${response.statusText}.`);
  return document;
}

/** 0.934 -> "93.4 %"; "–" for what is unknown. */
export function percent(share) {
  return Number.isFinite(share) ? `${(100 * share).toFixed(1)}\u00a0%` : "–";
}

/** 2474698 -> "2,474,698"; "–" for what is unknown. */
export function whole(number) {
  return Number.isFinite(number) ? Math.round(number).toLocaleString("en-US") : "–";
}

/** 1, "image" -> "1 image"; 2, "class" -> "2 classes". */
export function plural(number, noun) {
  const ending = number === 1 ? "" : noun.endsWith("s") ? "es" : "s";
  return `${whole(number)} ${noun}${ending}`;
}

/** Adds the style sheet at `address`, once, and waits for it. */
export function style(address) {
  if (document.querySelector(`link[href="${address}"]`)) return null;
  return new Promise((resolve) => {
    document.head.append(h("link", { rel: "stylesheet", href: address, onload: resolve, onerror: resolve }));
  });
}

/** Says `text` to those who listen to the page instead of looking at it. */
export function announce(text) {
  document.getElementById("live").textContent = text;
}

/** A sentence about what went wrong, in a box. */
export function problem(text) {
  return h("p", { class: "problem", role: "alert" }, text);
}

/** `text`, a class or file name, with places where a long one may be broken: after each of _ - / and dots. */
export function breakable(text) {
  return text.split(/(?<=[_\-/.])/).flatMap((piece, place) => (place ? [h("wbr"), piece] : [piece]));
}

/** `text`, a sentence, with its `commands` set as such. */
export function sentence(text) {
  return text.split("`").map((piece, place) => (place % 2 ? h("code", {}, piece) : piece));
}

/** Where an image is corrected; a file name that is no text cannot be part of an address. */
export function correction(path) {
  return path.isWellFormed?.() === false ? "#correct" : `#correct/${encodeURIComponent(path)}`;
}

/** An image whose pixels stay squares: `source` is an address or a data URI, `text` what it shows. */
export function pixels(source, text, attributes) {
  return h("img", { src: source, alt: text, class: "pixels", draggable: "false", ...attributes });
}
