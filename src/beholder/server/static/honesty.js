// How far to trust an answer: the reliability diagram, and what fewer answers are worth.

import { h, percent, svg } from "./draw.js";
import { kind } from "./kind.js";

const WIDTH = 480, HEIGHT = 300; // of a drawing, in its own units
const LEFT = 50, RIGHT = 28, TOP = 12, BOTTOM = 44;

const x = (share) => LEFT + (WIDTH - LEFT - RIGHT) * share;
const path = (points) => points.map(([left, top], place) => `${place ? "L" : "M"}${left.toFixed(1)} ${top.toFixed(1)}`).join("");

/** The section for `honesty` of a set (see server/tabs/judge.py) and the `promise` of the model, a sentence or null. */
export function trust({ ece, reliability, selective, words }, promise) {
  return h("section", { class: "trust" }, h("h2", {}, "How far to trust an answer"),
    h("p", { class: "muted" }, `Expected calibration error ${percent(ece)}: the mean distance, over 15 bins, between the probability of an answer and how often such answers are right.`,
      given(selective)),
    promise ? h("p", { class: "muted" }, promise) : null,
    h("div", { class: "charts" },
      h("figure", {}, h("figcaption", {}, h("b", {}, "Reliability"), h("span", { class: "muted" }, "the dashed line is perfect calibration")),
        diagram(reliability, words.reliability)),
      h("figure", {}, h("figcaption", {}, h("b", {}, "Coverage and risk"), h("span", { class: "muted" }, "errors among the answers, if only the most confident are given")),
        risks(selective, words.coverage))));
}

function given({ unsure_below: threshold, other_than: promised, coverage, risk, unlike }) {
  const those = promised ? ` not called ${promised}` : "";
  const strange = Number.isFinite(unlike) ? ` ${percent(unlike)} of the ${kind.many} look unlike anything that it was trained on.` : "";
  if (threshold === null || threshold === undefined) return strange;
  const unsure = Number.isFinite(risk) ? ` It is unsure about ${percent(1 - coverage)} of the ${kind.many}${those}; of its other answers ${percent(risk)} are wrong.`
    : ` It is unsure about every ${kind.one}${those}.`;
  return unsure + strange;
}

function diagram(bins, words) {
  const known = bins.filter((bin) => bin.count);
  const total = known.reduce((sum, bin) => sum + bin.count, 0);
  const y = (share) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - share);
  const points = known.map((bin) => [x(bin.confidence), y(bin.accuracy)]);
  return frame(words, y, [0, 0.25, 0.5, 0.75, 1], "probability of the answer",
    svg("path", { d: path([[x(0), y(0)], [x(1), y(1)]]), class: "wanted" }),
    svg("path", { d: path(points), class: "line" }),
    points.map(([left, top], place) => svg("circle", { cx: left, cy: top, r: 2.5 + 9 * Math.sqrt(known[place].count / total), class: "dot" })));
}

function risks({ curve, coverage, risk, unsure_below: threshold, asked, promised }, words) {
  const most = Math.max(...curve.map((point) => point.risk), promised ? asked : 0, 0.01);
  const step = [0.01, 0.02, 0.05, 0.1, 0.25].find((size) => most / size <= 4) ?? 0.25;
  const ticks = Array.from({ length: Math.ceil(most / step) + 1 }, (_, place) => place * step);
  const y = (share) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - share / ticks.at(-1));
  const [left, top] = [x(coverage ?? 0), y(risk ?? 0)];
  const here = Number.isFinite(threshold) && Number.isFinite(risk)
    ? svg("path", { d: `M${left} ${top - 7}l7 7l-7 7l-7 -7Z`, class: "here" }) : null;
  return frame(words, y, ticks, `share of ${kind.many} answered`,
    promised ? svg("path", { d: path([[x(0), y(asked)], [x(1), y(asked)]]), class: "wanted" }) : null,
    svg("path", { d: path(curve.map((point) => [x(point.coverage), y(point.risk)])), class: "line" }), here);
}

function frame(words, y, ticks, across, ...drawn) {
  return svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": words, class: "curve" },
    ticks.map((tick) => [svg("line", { x1: LEFT, x2: WIDTH - RIGHT, y1: y(tick), y2: y(tick), class: "rule" }),
      svg("text", { x: LEFT - 6, y: y(tick) + 4, class: "tick", "text-anchor": "end" }, label(tick))]),
    [0, 0.25, 0.5, 0.75, 1].map((tick) => svg("text", { x: x(tick), y: HEIGHT - BOTTOM + 18, class: "tick", "text-anchor": "middle" }, label(tick))),
    svg("text", { x: x(0.5), y: HEIGHT - 6, class: "tick", "text-anchor": "middle" }, across), drawn);
}

function label(share) {
  return `${Number((100 * share).toFixed(1))} %`;
}
