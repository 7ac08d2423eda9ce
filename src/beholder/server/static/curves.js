// A curve of training: one figure of both sets, epoch by epoch, and the gap between them shaded.

import { h, percent, svg } from "./draw.js";

const WIDTH = 480, HEIGHT = 260; // of the drawing, in its own units
const LEFT = 46, RIGHT = 12, TOP = 12, BOTTOM = 34;

/** A figure for `epochs`, whose fields `train` and `validation` are shares (`share`) or else losses. */
export function curve(epochs, { title, train, validation, words, share }) {
  const known = epochs.filter((epoch) => Number.isFinite(epoch[train]) || Number.isFinite(epoch[validation]));
  if (!known.length) return h("figure", {}, h("figcaption", {}, h("b", {}, title), " is not known."));
  const values = known.flatMap((epoch) => [epoch[train], epoch[validation]]).filter(Number.isFinite);
  const ticks = scale(share ? Math.min(...values) : 0, Math.max(...values), share);
  const [low, high] = [ticks[0], ticks.at(-1)];
  const [first, last] = [known[0].epoch, known.at(-1).epoch];
  const x = (epoch) => LEFT + (WIDTH - LEFT - RIGHT) * (last > first ? (epoch - first) / (last - first) : 0.5);
  const y = (value) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - (value - low) / (high - low || 1));
  const points = (key) => known.filter((epoch) => Number.isFinite(epoch[key])).map((epoch) => [x(epoch.epoch), y(epoch[key])]);
  const path = (pairs) => pairs.map(([left, top], place) => `${place ? "L" : "M"}${left.toFixed(1)} ${top.toFixed(1)}`).join("");
  const both = crossed(known.map((epoch) => [epoch.epoch, epoch[train], epoch[validation]]).filter((row) => row.every(Number.isFinite)));
  const worse = ([, own, other]) => (share ? Math.min(own, other) : Math.max(own, other)); // no gap where validation is better
  const gap = both.length > 1 ? `${path(both.map((row) => [x(row[0]), y(row[1])]))}${
    path(both.map((row) => [x(row[0]), y(worse(row))]).reverse()).replace("M", "L")}Z` : "";
  const line = (key, name) => [svg("path", { d: path(points(key)), class: `line ${name}` }),
    known.length <= 30 ? points(key).map(([left, top]) => svg("circle", { cx: left, cy: top, r: 2.6, class: `dot ${name}` })) : null];
  const drawing = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": words, class: "curve" },
    ticks.map((tick) => [svg("line", { x1: LEFT, x2: WIDTH - RIGHT, y1: y(tick), y2: y(tick), class: "rule" }),
      svg("text", { x: LEFT - 6, y: y(tick) + 4, class: "tick", "text-anchor": "end" }, label(tick, share))]),
    epochTicks(first, last).map((epoch) => svg("text", { x: x(epoch), y: HEIGHT - 16, class: "tick", "text-anchor": "middle" }, epoch)),
    svg("text", { x: (LEFT + WIDTH - RIGHT) / 2, y: HEIGHT - 2, class: "tick", "text-anchor": "middle" }, "epoch"),
    gap ? svg("path", { d: gap, class: "gap" }) : null,
    line(train, "train"), line(validation, "validation"));
  const end = known.at(-1);
  const written = (value) => (share ? percent(value) : Number.isFinite(value) ? value.toFixed(3) : "–");
  return h("figure", {}, h("figcaption", {}, h("b", {}, title),
    h("span", { class: "key train" }, `training ${written(end[train])}`),
    known.some((epoch) => Number.isFinite(epoch[validation])) ? h("span", { class: "key validation" }, `validation ${written(end[validation])}`) : null), drawing);
}

/** Rows of [epoch, train, validation], with one more wherever the two lines cross. */
function crossed(rows) {
  return rows.flatMap((row, place) => {
    const before = rows[place - 1];
    const [was, is] = [before ? before[1] - before[2] : 0, row[1] - row[2]];
    if (was * is >= 0) return [row];
    const part = was / (was - is);
    return [row.map((value, at) => before[at] + part * (value - before[at])), row];
  });
}

/** Round numbers from at most `low` to at least `high`. */
function scale(low, high, share) {
  const span = Math.max(high - low, share ? 0.02 : 1e-6);
  const power = 10 ** Math.floor(Math.log10(span / 4));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => span / size <= 5);
  const start = Math.floor(low / step + 1e-9);
  const count = Math.max(1, Math.ceil(high / step - 1e-9) - start);
  return Array.from({ length: count + 1 }, (_, index) => (start + index) * step)
    .filter((tick) => !share || (tick >= -1e-9 && tick <= 1 + 1e-9));
}

function epochTicks(first, last) {
  const step = Math.max(1, Math.ceil((last - first) / 6));
  return Array.from({ length: Math.floor((last - first) / step) + 1 }, (_, index) => first + index * step);
}

function label(tick, share) {
  return share ? `${Number((100 * tick).toFixed(1))} %` : Number(tick.toPrecision(3));
}
