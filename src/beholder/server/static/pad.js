// The drawing pad: each stroke that ends is asked about, in the same card until the pad is cleared.

import { h } from "./draw.js";

const SIDE = 280; // pixels on the long side
const WIDEST = 17.5; // rem, at which that side is shown
const COLOURS = { ink: "#1f2328", red: "#d0342c", orange: "#ef8a17", yellow: "#f5cb2e", green: "#2f9e44", blue: "#2563c9",
  brown: "#8a5a32", white: "#ffffff" };

/** A pad of the shape that the network takes, so that nothing is cut off; it hands its drawing, a File, to
 * `ask(file, place)`. `image` is the manifest's: `height`, `width` and `mode`, "L" (grey) or "RGB". Grey networks get
 * chalk on a blackboard, as the digits that they know; others get colours on white paper. */
export function drawingPad(image, ask) {
  const grey = image.mode === "L";
  const scale = SIDE / Math.max(image.width, image.height);
  const [width, height] = [image.width, image.height].map((side) => Math.round(scale * side));
  const paper = grey ? "#000000" : "#ffffff";
  const brush = { colour: grey ? "#ffffff" : COLOURS.ink, width: grey ? 30 : 16 };
  const canvas = h("canvas", { width, height, class: "pad", role: "img", "aria-label": "Drawing pad",
    style: { "aspect-ratio": `${width} / ${height}`, "max-width": `${WIDEST * width / SIDE}rem` } });
  const context = canvas.getContext("2d");
  let place = h("div");

  const clear = () => {
    context.fillStyle = paper;
    context.fillRect(0, 0, width, height);
    place = h("div"); // the next drawing gets a card of its own
  };
  const finished = () => canvas.toBlob((blob) => ask(new File([blob], "Drawing", { type: "image/png" }), place));
  listenForStrokes(canvas, context, brush, finished);
  clear();
  return h("div", { class: "drawing" }, canvas,
    grey ? null : palette(brush),
    h("div", { class: "row" },
      h("label", { class: "brush" }, h("span", {}, "Brush"), brushWidth(brush)),
      h("button", { type: "button", onclick: clear }, "Clear")));
}

function listenForStrokes(canvas, context, brush, finished) {
  let from = null;
  const at = (event) => [event.offsetX * canvas.width / canvas.clientWidth, event.offsetY * canvas.height / canvas.clientHeight];
  const line = (event) => {
    const to = at(event);
    Object.assign(context, { strokeStyle: brush.colour, lineWidth: brush.width, lineCap: "round", lineJoin: "round" });
    context.beginPath();
    context.moveTo(...from);
    context.lineTo(...to);
    context.stroke();
    from = to;
  };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    from = at(event);
    line(event);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (from) for (const step of event.getCoalescedEvents?.() ?? [event]) line(step);
  });
  for (const end of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(end, () => {
      if (from) finished();
      from = null;
    });
  }
}

function palette(brush) {
  const buttons = Object.entries(COLOURS).map(([name, colour]) => {
    const button = h("button", { type: "button", class: "swatch", "aria-label": name, "aria-pressed": "false",
      style: { background: colour } });
    button.addEventListener("click", () => choose(button, colour));
    return button;
  });
  const choose = (chosen, colour) => {
    brush.colour = colour;
    for (const button of buttons) button.setAttribute("aria-pressed", String(button === chosen));
  };
  choose(buttons[0], COLOURS.ink);
  return h("div", { class: "row swatches", role: "group", "aria-label": "Colour" }, buttons);
}

function brushWidth(brush) {
  const slider = h("input", { type: "range", min: 4, max: 56, value: brush.width });
  slider.addEventListener("input", () => { brush.width = Number(slider.value); });
  return slider;
}
