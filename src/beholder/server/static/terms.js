// One number of a feature map: a window slides over the input, and the number grows term by term.

import { announce, get, h, pixels, problem, replace, whole } from "./draw.js";

const TERM = 110; // milliseconds a product is shown for while it plays
const REST = 900; // and the whole sum, before the window moves on
const READABLE = 5; // side of the largest window whose values are written out

/** Shows numbers of layer `index` of `sight` in `box`; `outline` marks pixels of the picture. Returns `show(map)` and
 * `stop()`. */
export function numberView({ sight, index, outline, box, layerName }) {
  const layer = sight.layers[index];
  const [rows, columns] = layer.output_shape;
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const sum = h("div", { class: "sum" });
  const alone = layer.type.startsWith("Depthwise"); // each of its maps is made of one map
  const play = h("button", { type: "button", class: "main", hidden: still || layer.kind === "other", onclick: () => (playing ? stop() : run()) }, "Play");
  let map = null, at = [0, 0], playing = false, asked = 0;
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
    input = layer.source === null ? null : pane(inputTitle(), inputPicture(), over);
    const picture = pixels(address(index, map), "");
    const choose = h("button", { type: "button", class: "pane", onkeydown: onKey, onclick: onClick }, picture, spot);
    output = h("figure", {}, h("figcaption", {}, `Output: map ${map}`), choose);
    seen = h("span", { class: "window", hidden: true });
    const origin = input && !asPicture() ? pane("From the picture", pixels(sight.picture, ""), seen) : null;
    const arrow = () => h("span", { class: "arrow", "aria-hidden": "true" }, "→");
    replace(box,
      h("h3", {}, layer.kind === "other" ? "One number" : "How one number comes about"),
      h("div", { class: "panes" }, origin, origin ? arrow() : null, input, input ? arrow() : null, output),
      h("div", { class: "row controls" }, play,
        h("button", { type: "button", onclick: () => { stop(); step(); } }, "Step"),
        h("span", { class: "muted where-at" })),
      sum);
  }

  function inputTitle() {
    const before = sight.layers[layer.source];
    const many = before.output_shape[2];
    if (layer.kind !== "convolution" || alone) return `Input: map ${madeOf()} before it`;
    return many === 1 ? "Input: one map" : asPicture() ? "Input: three colour channels" : `Input: ${many} maps`;
  }

  /** Whether the input still is the picture, so that it can be shown in colour. */
  function asPicture() {
    const shape = sight.layers[layer.source].output_shape;
    return layer.kind === "convolution" && shape[2] === 3 && shape[0] === sight.height && shape[1] === sight.width;
  }

  function inputPicture() {
    if (asPicture()) return pixels(sight.picture, "");
    const source = layer.kind === "convolution" && !alone ? sight.layers[layer.source].order[0] : madeOf();
    return pixels(address(layer.source, source), "");
  }

  /** The one map of the layer before it that this map is made of. */
  function madeOf() {
    return Math.floor((map * sight.layers[layer.source].output_shape[2]) / layer.output_shape[2]);
  }

  function address(place, number) {
    return `/page/inside/${sight.token}/${place}/${number}.png`;
  }

  /** Shows the number at `place`, [row, column]; grows it, where it plays. */
  async function move(place, grow = false) {
    at = place;
    const mine = ++asked;
    spot.style.left = `${(100 * at[1]) / columns}%`;
    spot.style.top = `${(100 * at[0]) / rows}%`;
    const choose = output.querySelector(".pane");
    choose.setAttribute("aria-label", `Output map ${map}: row ${at[0] + 1} of ${rows}, column ${at[1] + 1} of ${columns}. ` +
      "Arrow keys move, a click chooses.");
    box.querySelector(".where-at").textContent = `row ${at[0] + 1} of ${rows}, column ${at[1] + 1} of ${columns}`;
    let number;
    try {
      number = await get(`/page/inside/${sight.token}/${index}/${map}/${at[0]}/${at[1]}`);
    } catch (error) {
      if (mine === asked) replace(sum, problem(error.message));
      return stop();
    }
    if (mine !== asked) return;
    outline(number.field);
    lay(seen, number.field, sight.height, sight.width);
    placeWindow(number);
    const shown = drawSum(number);
    replace(sum, shown.element);
    if (grow) await shown.grow(() => playing && mine === asked);
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
    playing = true;
    play.textContent = "Pause";
    let place = at;
    while (playing && box.isConnected && box.offsetParent !== null) { // a hidden tab rests
      await move(place, true);
      await sleep(REST);
      place = next();
    }
    stop();
  }

  function stop() {
    playing = false;
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

  /** The sum as elements, and a function that lets it grow. */
  function drawSum(number) {
    if (number.kind === "convolution") return convolution(number);
    const element = h("div", {});
    if (number.kind === "pooling") element.append(pooled(number));
    else if (number.before !== undefined) element.append(chain([[before(), number.before], [layerName(layer.type), number.value]]));
    else element.append(chain([[layerName(layer.type), number.value]]));
    element.append(after(number));
    return { element, grow: async () => {} };
  }

  function before() {
    return layerName(sight.layers[layer.source].type);
  }

  function convolution(number) {
    const tables = number.parts.map((part) => product(part, channelName(part.channel, number.channels)));
    const running = h("output", { class: "running" }, written(number.sum));
    const bars = number.channels > number.parts.length ? channelBars(number) : null;
    const end = h("div", {}, chain([
      ["Sum", number.sum],
      ...(number.bias ? [["Bias", number.bias, "+"]] : []),
      ...(number.rectified ? [["Below 0 becomes 0", number.value]] : number.bias ? [["Value", number.value, "="]] : []),
    ]), after(number));
    const element = h("div", {},
      h("p", { class: "muted" }, "Each value under the window times the weight at its place; all products add up",
        number.channels > number.parts.length ? `, over ${number.channels} maps. The three that count most here:` : "."),
      h("div", { class: "products" }, tables.map((table) => table.element)),
      bars, h("p", { class: "total" }, "Sum of all products: ", running), end);
    return { element, grow: (goes) => grow({ number, tables, running, hidden: [bars, end].filter(Boolean), goes }) };
  }

  function channelName(channel, count) {
    if (asPicture()) return ["red", "green", "blue"][channel];
    return count === 1 && !alone ? "the input" : `map ${channel}`;
  }

  /** Pixels × weights = products, of one channel. */
  function product({ pixels: values, weights, sum: total }, name) {
    const products = values.map((row, y) => row.map((value, x) => value * weights[y][x]));
    const results = grid(products, "products");
    const element = h("div", { class: "product" },
      h("h4", {}, name, h("span", { class: "muted" }, ` adds ${written(total)}`)),
      h("div", { class: "equation" }, grid(values, "values"), h("span", { "aria-hidden": "true" }, "×"),
        grid(weights, "weights"), h("span", { "aria-hidden": "true" }, "="), results));
    return { element, products: products.flat(), cells: [...results.querySelectorAll("td")] };
  }

  function channelBars({ bars, rest, parts }) {
    const largest = Math.max(...bars.map((bar) => Math.abs(bar.sum)), 1e-9);
    const bar = ({ channel, sum: value }) => h("li", {}, h("span", {}, `map ${channel}`), h("span", { class: "muted" }, written(value)),
      h("span", { class: value < 0 ? "track less" : "track", "aria-hidden": "true",
        style: { "--share": Math.abs(value) / largest } }));
    const others = bars.filter((one) => !parts.some((part) => part.channel === one.channel));
    return h("ul", { class: "numbers channels" }, others.map(bar),
      rest.channels ? h("li", {}, h("span", {}, `${whole(rest.channels)} more`), h("span", { class: "muted" }, written(rest.sum))) : null);
  }

  async function grow({ number, tables, running, hidden, goes }) {
    for (const part of hidden) part.classList.add("unborn");
    for (const { cells } of tables) for (const cell of cells) cell.classList.add("unborn");
    let total = 0;
    for (const { products, cells } of tables) {
      for (const [place, value] of products.entries()) {
        if (!goes()) return finish();
        total += value;
        cells[place].classList.remove("unborn");
        cells[place].classList.add("now");
        running.textContent = written(total);
        await sleep(products.length > 9 ? TERM / 2 : TERM);
        cells[place].classList.remove("now");
      }
    }
    for (const part of hidden) {
      await sleep(2 * TERM);
      part.classList.remove("unborn");
      running.textContent = written(number.sum);
    }
    finish();

    function finish() {
      running.textContent = written(number.sum);
      for (const part of hidden) part.classList.remove("unborn");
      for (const { cells } of tables) for (const cell of cells) cell.classList.remove("unborn", "now");
    }
  }

  function pooled({ pixels: values, won, value }) {
    const table = grid(values, "values");
    const width = values[0].length;
    if (won) table.querySelectorAll("td")[won[0] * width + won[1]].classList.add("won");
    return h("div", {},
      h("p", { class: "muted" }, won ? "Of the values under the window only the largest stays." : "The mean of the values under the window stays."),
      h("div", { class: "equation" }, table, h("span", { "aria-hidden": "true" }, "→"), h("b", { class: "value" }, written(value))));
  }

  /** What the next layers make of it. */
  function after({ then, value }) {
    if (!then.length) return h("span", {});
    const steps = then.map((one) => {
      const next = sight.layers[one.layer];
      if (next.kind !== "pooling") return [layerName(one.type), one.value];
      const won = one.type.startsWith("Max") && (one.value === value || one.value === then.at(-2)?.value);
      return [won ? "Max-pooling: it won" : "Pooling makes", one.value];
    });
    return h("div", { class: "after" }, h("p", { class: "muted" }, "Then, in the layers that follow:"), chain(steps));
  }

  return { show, stop };
}

/** Lays `box` over `place`, or hides it, on a picture of `height` × `width`. */
export function lay(box, place, height, width) {
  box.hidden = !place;
  if (!place) return;
  box.style.left = `${(100 * place.left) / width}%`;
  box.style.top = `${(100 * place.top) / height}%`;
  box.style.width = `${(100 * place.width) / width}%`;
  box.style.height = `${(100 * place.height) / height}%`;
}

/** A picture with something over it. */
function pane(title, picture, over) {
  return h("figure", {}, h("figcaption", {}, title), h("div", { class: "pane" }, picture, over));
}

/** Numbers that become one another: [words, value, sign before it]. */
function chain(steps) {
  return h("ol", { class: "chain" }, steps.map(([words, value, sign = "→"]) => h("li", { "data-sign": sign }, h("span", { class: "muted" }, words), h("b", {}, written(value)))));
}

/** A table of values, shaded by size: blue above zero, orange below. */
function grid(values, name) {
  const largest = Math.max(...values.flat().map((value) => Math.abs(value ?? 0)), 1e-9);
  const tiny = values.length > READABLE || values[0].length > READABLE;
  return h("table", { class: tiny ? "cells tiny" : "cells", "aria-label": name },
    h("tbody", {}, values.map((row) => h("tr", {}, row.map((value) => h("td", {
      class: value === null ? "beyond" : value < 0 ? "less" : "", title: written(value),
      style: { "--share": Math.abs(value ?? 0) / largest } }, tiny ? "" : written(value)))))));
}

function written(value) {
  if (value === null) return "–";
  const size = Math.abs(value);
  const text = size >= 100 ? size.toFixed(0) : size >= 10 ? size.toFixed(1) : size.toFixed(2);
  return `${value < 0 && Number(text) !== 0 ? "−" : ""}${text}`;
}

function clamp(value, size) {
  return Math.min(Math.max(value, 0), size - 1);
}

function sleep(milliseconds) {
  return new Promise((resolve) => { setTimeout(resolve, milliseconds); });
}
