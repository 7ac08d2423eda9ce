// Look inside: the layers of this network on one image, each with its feature maps.

import { announce, breakable, get, h, percent, pixels, plural, post, problem, replace, whole } from "./draw.js";
import { kind } from "./kind.js";
import { lay, numberView } from "./terms.js";

const FIRST = 64; // maps shown before a person asks for all
const NAMES = {
  Rescaling: "Scaling", AveragePooling2D: "Average pooling", Clean: "Cleaning", PatchWhitening: "Whitening",
  Conv2D: "Convolution", Convolution3x3: "Convolution", DepthwiseConv2D: "Depthwise convolution",
  BiasReLU: "Bias + ReLU", MaxPooling2D: "Max-pooling", LocalResponseNormalization: "Normalisation",
  BatchNormalization: "Normalisation", GlobalMaxPooling2D: "Global max-pooling",
  GlobalAveragePooling2D: "Global average pooling", Dense: "Fully connected", ZeroPadding2D: "Zero padding",
  SeparableConv2D: "Separable convolution", Conv2DTranspose: "Transposed convolution", UpSampling2D: "Upsampling",
  LayerNormalization: "Normalisation", GroupNormalization: "Normalisation", SpatialDropout2D: "Dropout", Add: "Sum",
  Multiply: "Product", Concatenate: "Side by side", Cropping2D: "Cropping",
};

let strip, detail, head, message, number;
let sight = null; // what the server says of the image
let current = 0; // the layer that is open
let wanted = null; // an image that was asked for before this tab was ready

/** A layer's work in words. */
function layerName(type) {
  return NAMES[type] ?? type;
}

export async function start(panel) {
  head = h("section", { class: "inside-head", "aria-label": `The ${kind.one}` });
  message = h("div");
  strip = h("ol", { class: "strip", "aria-label": `Layers, from the ${kind.one} to the answer` });
  strip.addEventListener("keydown", onStripKey);
  detail = h("section", { class: "layer", "aria-label": "The layer" });
  replace(panel, head, message, strip, detail);
  if (wanted) await open(wanted);
  else await openFirst();
}

/** Looks at `file`, an image or a sound; the Ask tab hands its own over. */
export async function open(file) {
  wanted = file;
  if (!head) return;
  try {
    const found = await post("page/inside", file);
    if (wanted !== file) return; // another was chosen meanwhile
    show(found, file.name);
  } catch (error) {
    replace(message, problem(error.message));
  }
}

async function openFirst() {
  const { examples } = await get("page/ask/examples");
  if (examples.length) return openExample(examples[0], 1);
  replace(head, chooser());
}

async function openExample(address, place) {
  const blob = await (await fetch(address)).blob();
  return open(new File([blob], `Example ${place}`, { type: blob.type }));
}

function show(found, name) {
  const first = sight === null;
  sight = found;
  replace(message);
  showHead(name ?? "");
  replace(strip, sight.layers.map(card));
  if (first) current = opening();
  choose(Math.min(current, sight.layers.length - 1), false);
  announce(`Looking inside ${name}: ${sight.label}, ${percent(sight.probability)}`);
}

/** The layer to begin with: the first whose window a person can see slide. */
function opening() {
  return Math.max(0, sight.layers.findIndex((layer) => layer.kind === "convolution"));
}

function showHead(name) {
  const outline = h("span", { class: "field", hidden: true });
  const image = h("figure", { class: "whole" },
    h("div", { class: "stack" }, pixels(sight.image, `${name}, ${sight.width} by ${sight.height} pixels`), outline),
    h("figcaption", { class: "muted" }, kind.sound ? `Input: ${sight.width} times × ${sight.height} pitches`
      : `Input: ${sight.width} × ${sight.height} pixels`,
    sight.part ? h("span", { class: "part" }, ` ${sight.part}`) : null));
  const totals = sight.layers.reduce((sum, one) => [sum[0] + one.parameters, sum[1] + one.multiply_adds], [0, 0]);
  replace(head, image,
    h("div", {},
      h("h2", {}, "What it sees, layer by layer"),
      h("p", { class: "muted" }, `${name}: `, h("b", {}, sight.label), ` ${percent(sight.probability)}. `,
        `${plural(sight.layers.length, "layer")}, ${whole(totals[0])} parameters and ${rough(totals[1])} multiplications `,
        `lead from the ${kind.one} to this answer. The brighter a place in a map, the larger its value.`,
        h("span", { class: "by-key" }, " Move between layers with ", h("kbd", {}, "←"), " ", h("kbd", {}, "→"), ".")),
      chooser()));
}

function chooser() {
  const picker = h("input", { type: "file", accept: kind.accept, class: "unseen", tabindex: -1,
    "aria-hidden": "true", onchange: () => { if (picker.files.length) open(picker.files[0]); picker.value = ""; } });
  const list = h("div", { class: "row others" }, h("button", { type: "button", onclick: () => picker.click() },
    `Choose ${kind.a}`), picker);
  get("page/ask/examples").then(({ examples, pictures }) => {
    list.append(...examples.slice(0, 7).map((address, index) => h("button", { type: "button", class: "thumb",
      onclick: () => openExample(address, index + 1) }, pixels(pictures[index], `Example ${index + 1}`))));
  }).catch(() => {}); // a courtesy
  return list;
}

function card(layer, index) {
  const [rows, columns, maps] = layer.output_shape;
  const shape = layer.output_shape.join(" × ");
  return h("li", {},
    h("button", { type: "button", class: "layer-card", tabindex: -1, "aria-pressed": "false", "data-layer": index,
      onclick: () => choose(index) },
    layer.kind === "vector" ? h("span", { class: "mosaic vector", "aria-hidden": "true" }, sparks(layer))
      : mosaic(index, maps, rows, columns),
    h("b", {}, h("span", { class: "muted" }, `${index + 1} `), layerName(layer.type)),
    h("span", { class: "muted" }, shape),
    h("span", { class: "cost" }, layer.parameters ? `${short(layer.parameters)} parameters` : "no parameters"),
    h("span", { class: "cost" }, layer.multiply_adds ? `${short(layer.multiply_adds)} multiply-adds` : "")));
}

/** The strongest few maps, cut out of the sheet of all. */
function mosaic(index, maps, rows, columns) {
  const across = Math.min(8, maps);
  const shown = maps > 16 ? 3 : maps > 8 ? 2 : 1; // as many across as down, and the sheet has rows of eight
  return h("span", { class: "mosaic", "aria-hidden": "true", style: {
    "background-image": `url("${sheet(index)}")`, "background-size": `${100 * across / shown}% auto`,
    "aspect-ratio": `${columns} / ${rows}` } });
}

function sparks(layer) {
  const largest = Math.max(...layer.values.map(Math.abs), 1e-9);
  return layer.values.slice(0, 12).map((value) => h("i", { class: value < 0 ? "less" : "", style: {
    "--share": Math.abs(value) / largest } }));
}

function sheet(index, all = false) {
  return `page/inside/${sight.token}/${index}.png${all ? "?all=1" : ""}`;
}

function onStripKey(event) {
  const last = sight.layers.length - 1;
  const next = { ArrowRight: current + 1, ArrowLeft: current - 1, Home: 0, End: last }[event.key];
  if (next === undefined) return;
  event.preventDefault();
  choose(Math.min(Math.max(next, 0), last));
  strip.children[current].firstChild.focus();
}

function choose(index, scroll = true) {
  current = index;
  [...strip.children].forEach((item, place) => {
    item.firstChild.setAttribute("aria-pressed", String(place === index));
    item.firstChild.tabIndex = place === index ? 0 : -1;
  });
  const item = strip.children[index];
  const left = item.offsetLeft - (strip.clientWidth - item.offsetWidth) / 2;
  const calm = !scroll || matchMedia("(prefers-reduced-motion: reduce)").matches;
  strip.scrollTo({ left, behavior: calm ? "instant" : "smooth" });
  showLayer();
}

function showLayer() {
  const layer = sight.layers[current];
  number?.stop();
  number = null;
  outline(null);
  const title = h("header", {}, h("h2", {}, layerName(layer.type), h("code", { class: "muted" }, layer.name)),
    h("p", {}, layer.words), facts(layer));
  if (layer.kind === "vector") return replace(detail, title, bars(layer));
  const side = h("div", { class: "number" });
  number = numberView({ sight, index: current, outline, box: side, layerName });
  replace(detail, title, h("div", { class: "layer-body" }, maps(layer), side));
  number.show(layer.order[0]);
}

function facts(layer) {
  const fact = (name, value, more) => h("div", {}, h("dt", {}, name), h("dd", {}, value, more ? h("small", {}, more) : null));
  const size = (pair) => `${pair[1]} × ${pair[0]}`;
  const shape = layer.output_shape;
  const list = [
    shape.length === 3 ? fact("Output", `${shape[1]} × ${shape[0]}`, ` × ${plural(shape[2], "map")}`)
      : fact("Output", plural(shape.reduce((product, size) => product * size, 1), "number")),
    layer.window ? fact("Window", size(layer.window)) : null,
    layer.stride ? fact("Stride", layer.stride[1], layer.stride[1] === 1 ? " pixel" : " pixels") : null,
    fact("Parameters", whole(layer.parameters)),
    fact("Multiply-adds", layer.multiply_adds ? rough(layer.multiply_adds) : "none"),
  ];
  const saved = layer.fully_connected && layer.fully_connected > layer.parameters;
  return [h("dl", { class: "facts" }, list), saved ? h("p", { class: "saving" },
    `${plural(layer.parameters, "parameter")} here; a fully connected layer in its place would have `,
    h("b", {}, rough(layer.fully_connected)), " weights.") : null];
}

function maps(layer) {
  const [rows, columns, count] = layer.output_shape;
  const grid = h("div", { class: "maps", role: "group", "aria-label": "Feature maps, strongest first" });
  const fill = (all) => {
    const order = all ? layer.order : layer.order.slice(0, FIRST);
    const across = Math.min(8, order.length);
    const down = Math.ceil(order.length / across);
    const share = (place, many) => (many > 1 ? (100 * place) / (many - 1) : 0);
    replace(grid, order.map((map, place) => h("button", { type: "button", class: "map", "aria-label": `Map ${map}`,
      title: `Map ${map}`, "aria-pressed": String(place === 0), tabindex: place === 0 ? 0 : -1, "data-map": map, style: {
        "aspect-ratio": `${columns} / ${rows}`, "background-image": `url("${sheet(current, all)}")`,
        "background-size": `${100 * across}% ${100 * down}%`,
        "background-position": `${share(place % across, across)}% ${share(Math.floor(place / across), down)}%` } })));
  };
  const press = (button) => {
    if (!button) return;
    for (const other of grid.children) {
      other.setAttribute("aria-pressed", String(other === button));
      other.tabIndex = other === button ? 0 : -1;
    }
    button.focus();
    number.show(Number(button.dataset.map));
  };
  grid.addEventListener("click", (event) => {
    const button = event.target.closest(".map");
    press(button);
    if (button) number.play();
  });
  grid.addEventListener("keydown", (event) => {
    const all = [...grid.children];
    const at = all.indexOf(event.target);
    const across = all.filter((one) => one.offsetTop === all[0].offsetTop).length;
    const by = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: across, ArrowUp: -across }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    press(all[at + by]);
  });
  fill(false);
  const more = count > FIRST ? h("button", { type: "button", class: "plain", onclick: () => { fill(true); more.remove(); } },
    `Show all ${whole(count)}`) : null;
  const heading = count === 1 ? "One map" : `${plural(count, "map")}, strongest first`;
  return h("div", { class: "all-maps" }, h("h3", {}, heading), grid, more);
}

function bars(layer) {
  const largest = Math.max(...layer.values.map(Math.abs), 1e-9);
  const row = (value, place) => h("li", {},
    h("span", { class: "name" }, layer.names ? breakable(layer.names[place]) : `number ${layer.order[place]}`),
    h("span", { class: "muted" }, short(value)),
    h("span", { class: value < 0 ? "track less" : "track", "aria-hidden": "true",
      style: { "--share": Math.abs(value) / largest } }));
  const total = layer.output_shape.reduce((product, size) => product * size, 1);
  return h("div", {},
    h("h3", {}, layer.names ? "One number per class; the largest is the answer" : "The largest of its numbers"),
    h("ol", { class: "numbers" }, layer.values.map(row)),
    total > layer.values.length ? h("p", { class: "muted" }, `${layer.values.length} of ${whole(total)}`) : null);
}

/** Outlines in the image the pixels that a number goes back to. */
function outline(field) {
  const box = head.querySelector(".field");
  if (box) lay(box, field, sight.height, sight.width);
}

/** 54123456 -> "54 million", 1728 -> "1,728". */
function rough(value) {
  for (const [size, name] of [[1e12, "trillion"], [1e9, "billion"], [1e6, "million"]]) {
    if (value >= size) return `${(value / size).toFixed(value < 10 * size ? 1 : 0)}\u00a0${name}`;
  }
  return whole(value);
}

function short(value) {
  if (!Number.isInteger(value)) return value.toFixed(2);
  for (const [size, letter] of [[1e9, "G"], [1e6, "M"], [1e4, "k"]]) {
    if (value >= size) return `${(value / (letter === "k" ? 1e3 : size)).toFixed(value < 10 * size ? 1 : 0)} ${letter}`;
  }
  return whole(value);
}
