// How one number of a feature map is computed, written out; its terms can be uncovered one by one.

import { h, whole } from "./draw.js";

const READABLE = 5; // side of the largest window whose values are written out

/** The terms of `number`, which layer `index` of `sight` made; `channelName(channel, count)` names those of a sum.
 *
 * Returns `element`, at first the whole; `terms`, how many can be uncovered; `uncover()`, which shows one more, at first
 * one alone, and says whether another follows; `finish()`, which shows the whole again; and `done()`, whether nothing is
 * left to uncover. */
export function drawSum(number, { sight, index, layerName, channelName }) {
  const layer = sight.layers[index];
  const rest = after(number, sight, layerName);
  if (number.kind === "convolution") return convolution(number, channelName, rest);
  if (number.kind === "pooling") return pooled(number, rest);
  const made = [layerName(layer.type), number.value];
  const steps = number.before === undefined ? [made] : [[layerName(sight.layers[layer.source].type), number.before], made];
  return growing(h("div", {}, chain(steps), rest), {});
}

function convolution(number, channelName, rest) {
  const { parts, channels, sum, bias, rectified, value } = number;
  const many = channels > parts.length;
  const tables = parts.map((part) => product(part, channelName(part.channel, channels)));
  const others = many ? otherChannels(number) : null;
  const running = h("output", { class: "running", "aria-live": "off" }, written(sum));
  const end = h("div", {}, chain([
    ["Sum", sum],
    ...(bias ? [["Bias", bias, "+"]] : []),
    ...(rectified ? [["Below 0 becomes 0", value]] : bias ? [["Value", value, "="]] : []),
  ]), rest);
  const element = h("div", {},
    h("p", { class: "muted" }, "Each value under the window is multiplied by the weight at its place, and the products are added up",
      many ? ` over ${channels} maps. The three that count most here:` : "."),
    h("div", { class: "products" }, tables.map((table) => table.element)),
    others?.element, h("p", { class: "total" }, "Sum of all products: ", running), end);
  const terms = added([...tables.flatMap((table) => table.terms), ...(others?.terms ?? [])]);
  return growing(element, { terms, running, result: sum, end });
}

/** Pixels × weights = products, of one channel. */
function product({ pixels: values, weights, sum: total }, name) {
  const products = values.map((row, y) => row.map((value, x) => value * weights[y][x]));
  const results = grid(products, "products");
  const element = h("div", { class: "product" },
    h("h4", {}, name, h("span", { class: "muted" }, ` adds ${written(total)}`)),
    h("div", { class: "equation" }, grid(values, "values"), h("span", { "aria-hidden": "true" }, "×"),
      grid(weights, "weights"), h("span", { "aria-hidden": "true" }, "="), results));
  return { element, terms: cellsOf(results, products) };
}

/** The sums of the channels that are not written out, and of all the rest together. */
function otherChannels({ bars, rest, parts }) {
  const largest = Math.max(...bars.map((bar) => Math.abs(bar.sum)), 1e-9);
  const others = bars.filter((one) => !parts.some((part) => part.channel === one.channel));
  const terms = others.map(({ channel, sum: value }) => ({ value, cell: h("li", {},
    h("span", {}, `map ${channel}`), h("span", { class: "muted" }, written(value)),
    h("span", { class: value < 0 ? "track less" : "track", "aria-hidden": "true",
      style: { "--share": Math.abs(value) / largest } })) }));
  if (rest.channels) terms.push({ value: rest.sum, cell: h("li", {},
    h("span", {}, `${whole(rest.channels)} more`), h("span", { class: "muted" }, written(rest.sum))) });
  return { element: h("ul", { class: "numbers channels" }, terms.map((term) => term.cell)), terms };
}

function pooled(number, rest) {
  return number.won ? largest(number, rest) : mean(number, rest);
}

function largest({ pixels: values, value }, rest) {
  const table = grid(values, "values");
  let most = -Infinity;
  const terms = cellsOf(table, values).map((term) => {
    const wins = term.value > most;
    if (wins) most = term.value;
    return { ...term, wins, total: most };
  });
  terms.findLast((term) => term.wins)?.cell.classList.add("won");
  return pool("Max-pooling keeps the largest value under the window.", "Largest: ", table, terms, value, rest);
}

function mean({ pixels: values, value }, rest) {
  const table = grid(values, "values");
  const terms = added(cellsOf(table, values));
  const sum = terms.at(-1)?.total ?? 0;
  const end = h("div", {}, chain([["Sum", sum], [`Divided by ${terms.length}`, value]]), rest);
  return pool("Average pooling keeps the mean of the values under the window.", "Sum of all values: ", table, terms, sum, end);
}

function pool(text, title, table, terms, result, end) {
  const running = h("output", { class: "running", "aria-live": "off" }, written(result));
  const element = h("div", {}, h("p", { class: "muted" }, text), h("div", { class: "equation" }, table),
    h("p", { class: "total" }, title, running), end);
  return growing(element, { terms, running, result, end });
}

/** The cells of `table` with their values; what lies beyond the edge is none. */
function cellsOf(table, values) {
  const cells = [...table.querySelectorAll("td")];
  return values.flat().map((value, place) => ({ cell: cells[place], value })).filter((term) => term.value !== null);
}

/** `terms`, each with the sum up to it. */
function added(terms) {
  let total = 0;
  return terms.map((term) => ({ ...term, total: (total += term.value) }));
}

/** Lets `element` grow: `terms` come in one by one, `running` follows their totals up to `result`, then `end` shows.
 * `running` is not read out by itself: while it plays, that would be a number every tenth of a second. */
function growing(element, { terms = [], running, result, end }) {
  let shown = 0, covered = false;

  function cover() {
    for (const { cell } of terms) cell.classList.add("unborn");
    end.classList.add("unborn");
    covered = true;
  }

  function uncover() {
    if (shown === terms.length) return false;
    if (!covered) cover();
    const { cell, total, wins } = terms[shown];
    terms[shown - 1]?.cell.classList.remove("now");
    if (wins) for (const term of terms) term.cell.classList.toggle("won", term.cell === cell);
    cell.classList.remove("unborn");
    cell.classList.add("now");
    running.textContent = written(total);
    shown += 1;
    return shown < terms.length;
  }

  function finish() {
    while (uncover());
    if (!terms.length) return;
    terms.at(-1).cell.classList.remove("now");
    end.classList.remove("unborn");
    running.textContent = written(result);
  }

  return { element, terms: terms.length, uncover, finish, done: () => shown === terms.length };
}

/** What the next layers make of it. */
function after({ then, value }, sight, layerName) {
  if (!then.length) return h("span", {});
  const steps = then.map((one) => {
    if (sight.layers[one.layer].kind !== "pooling") return [layerName(one.type), one.value];
    const won = one.type.startsWith("Max") && (one.value === value || one.value === then.at(-2)?.value);
    return [won ? "Max-pooling: the largest" : "After pooling", one.value];
  });
  return h("div", { class: "after" }, h("p", { class: "muted" }, "Then, in the layers that follow:"), chain(steps));
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

/** A value to three digits or so. */
export function written(value) {
  if (value === null) return "–";
  const size = Math.abs(value);
  const text = size >= 100 ? size.toFixed(0) : size >= 10 ? size.toFixed(1) : size.toFixed(2);
  return `${value < 0 && Number(text) !== 0 ? "−" : ""}${text}`;
}
