// One number of a feature map: a window slides over the input, and the number grows term by term.

import { announce, get, h, pixels, problem, replace } from "./draw.js";
import { kind } from "./kind.js";
import { drawSum, written } from "./sum.js";

const TERM = 110; // milliseconds a product is shown for while it plays
const MANY = 40; // of more terms each is shown for half as long
const REST = 900; // and the whole sum, before the window moves on

/** Shows numbers of layer `index` of `sight` in `box`; `outline` marks pixels of the image. Returns `show(map)`, which
 * shows the number in its middle, `play()`, which goes on from there where motion is welcome, and `stop()`. */
export function numberView({ sight, index, outline, box, layerName }) {
  const layer = sight.layers[index];
  const [rows, columns] = layer.output_shape;
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const sum = h("div", { class: "sum" });
  const grows = layer.kind === "convolution" || layer.kind === "pooling";
  const alone = layer.type.startsWith("Depthwise"); // each of its maps is made of one map
  const play = h("button", { type: "button", class: "main", hidden: still || layer.kind === "other",
    onclick: () => (playing ? stop() : run()) }, "Play");
  const one = h("button", { type: "button", class: "main", hidden: !still || !grows, onclick: nextTerm }, "Next term");
  let map = null, at = [0, 0], asked = 0;
  let playing = null; // the one run that may go on
  let shown = null; // the sum on the page; none while a number is asked for
  let input, output, over, spot, seen;

  function show(number) {
    stop();
    map = number;
    at = [Math.floor((rows - 1) / 2), Math.floor((columns - 1) / 2)];
    build();
    move(at);
  }

  function build() {
    over = h("span", { class: "window", hidden: true });
    spot = h("span", { class: "spot", style: { width: `${100 / columns}%`, height: `${100 / rows}%` } });
    input = layer.source === null ? null : pane(inputTitle(), inputImage(), over);
    const image = pixels(address(index, map), "");
    const choose = h("button", { type: "button", class: "pane", onkeydown: onKey, onclick: onClick }, image, spot);
    output = h("figure", {}, h("figcaption", {}, `Output: map ${map}`), choose);
    seen = h("span", { class: "window", hidden: true });
    const origin = input && !asImage() ? pane(`From the ${kind.one}`, pixels(sight.image, ""), seen) : null;
    const arrow = () => h("span", { class: "arrow", "aria-hidden": "true" }, "→");
    replace(box,
      h("h3", {}, layer.kind === "other" ? "One number" : "How one number is computed"),
      h("div", { class: "panes" }, origin, origin ? arrow() : null, input, input ? arrow() : null, output),
      h("div", { class: "row controls" }, play, one,
        h("button", { type: "button", onclick: () => { stop(); step(); } }, "Step"),
        h("span", { class: "muted where-at" })),
      sum);
  }

  function inputTitle() {
    const before = sight.layers[layer.source];
    const many = before.output_shape[2];
    if (layer.kind !== "convolution" || alone) return `Input: map ${madeOf()} before it`;
    return many === 1 ? "Input: one map" : asImage() ? "Input: three colour channels" : `Input: ${many} maps`;
  }

  /** Whether the input still is the image, so that it can be shown in colour. */
  function asImage() {
    const shape = sight.layers[layer.source].output_shape;
    return layer.kind === "convolution" && shape[2] === 3 && shape[0] === sight.height && shape[1] === sight.width;
  }

  function inputImage() {
    if (asImage()) return pixels(sight.image, "");
    const source = layer.kind === "convolution" && !alone ? sight.layers[layer.source].order[0] : madeOf();
    return pixels(address(layer.source, source), "");
  }

  /** The one map of the layer before it that this map is made of. */
  function madeOf() {
    return Math.floor((map * sight.layers[layer.source].output_shape[2]) / layer.output_shape[2]);
  }

  function address(place, number) {
    return `page/inside/${sight.token}/${place}/${number}.png`;
  }

  /** Shows the number at `place`, [row, column]; grows it, as long as `grow` says so. */
  async function move(place, grow = null) {
    at = place;
    const mine = ++asked;
    shown = null;
    spot.style.left = `${(100 * at[1]) / columns}%`;
    spot.style.top = `${(100 * at[0]) / rows}%`;
    const choose = output.querySelector(".pane");
    choose.setAttribute("aria-label", `Output map ${map}: row ${at[0] + 1} of ${rows}, column ${at[1] + 1} of ${columns}. ` +
      "Arrow keys move, a click chooses.");
    box.querySelector(".where-at").textContent = `row ${at[0] + 1} of ${rows}, column ${at[1] + 1} of ${columns}`;
    let number;
    try {
      number = await get(`page/inside/${sight.token}/${index}/${map}/${at[0]}/${at[1]}`);
    } catch (error) {
      if (mine !== asked) return;
      replace(sum, problem(error.message));
      return stop();
    }
    if (mine !== asked) return;
    outline(number.field);
    lay(seen, number.field, sight.height, sight.width);
    placeWindow(number);
    shown = drawSum(number, { sight, index, layerName, channelName });
    replace(sum, shown.element);
    if (grow) await growAll(shown, grow);
    else if (document.activeElement === choose) announce(`${written(number.value)}`);
  }

  function placeWindow({ window: given }) {
    const place = given ?? (layer.kind === "point" ? { top: at[0], left: at[1], height: 1, width: 1 } : null);
    lay(over, place, ...(place ? sight.layers[layer.source].output_shape : []));
  }

  function next() {
    const place = (at[0] * columns + at[1] + 1) % (rows * columns);
    return [Math.floor(place / columns), place % columns];
  }

  function step() {
    return move(next());
  }

  async function run() {
    const mine = playing = {};
    const goes = () => playing === mine && box.isConnected && box.offsetParent !== null; // a hidden tab rests
    play.textContent = "Pause";
    let place = at;
    while (goes()) {
      await move(place, goes);
      await sleep(REST);
      place = next();
    }
    if (playing === mine) stop();
  }

  /** Plays from here, in view: on a phone the numbers stand below the maps. Nothing where motion is unwanted. */
  function begin() {
    if (play.hidden) return;
    play.parentElement.scrollIntoView({ block: "nearest", behavior: "smooth" });
    run();
  }

  async function growAll(growing, goes) {
    while (goes() && growing.uncover()) await sleep(growing.terms > MANY ? TERM / 2 : TERM);
    if (goes() && growing.terms) await sleep(2 * TERM);
    growing.finish();
  }

  /** Uncovers one term; after the whole sum the window moves on, and the first term of the next number shows. */
  async function nextTerm() {
    if (!shown || shown.done()) await move(shown ? next() : at);
    if (!shown) return; // another number was asked for meanwhile
    if (!shown.uncover()) shown.finish();
    announce(sum.querySelector(".total")?.textContent ?? "");
  }

  function stop() {
    playing = null;
    play.textContent = "Play";
  }

  function onKey(event) {
    const by = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] }[event.key];
    if (!by) return;
    event.preventDefault();
    stop();
    move([clamp(at[0] + by[0], rows), clamp(at[1] + by[1], columns)]);
  }

  function onClick(event) {
    if (event.detail === 0) return; // the space bar: nothing was pointed at
    const area = event.currentTarget.getBoundingClientRect();
    stop();
    move([clamp(Math.floor(((event.clientY - area.top) / area.height) * rows), rows),
      clamp(Math.floor(((event.clientX - area.left) / area.width) * columns), columns)]);
  }

  function channelName(channel, count) {
    if (asImage()) return ["red", "green", "blue"][channel];
    return count === 1 && !alone ? "the input" : `map ${channel}`;
  }

  return { show, play: begin, stop };
}

/** Lays `box` over `place`, or hides it, on an image of `height` × `width`. */
export function lay(box, place, height, width) {
  box.hidden = !place;
  if (!place) return;
  box.style.left = `${(100 * place.left) / width}%`;
  box.style.top = `${(100 * place.top) / height}%`;
  box.style.width = `${(100 * place.width) / width}%`;
  box.style.height = `${(100 * place.height) / height}%`;
}

/** An image with something over it. */
function pane(title, image, over) {
  return h("figure", {}, h("figcaption", {}, title), h("div", { class: "pane" }, image, over));
}

function clamp(value, size) {
  return Math.min(Math.max(value, 0), size - 1);
}

function sleep(milliseconds) {
  return new Promise((resolve) => { setTimeout(resolve, milliseconds); });
}
