// A sound to see and to play: its spectrogram with seconds and hertz, under a position that a person can move.

import { h, pixels, problem, svg } from "./draw.js";

const TICKS = 6; // of the seconds, at most
const STEPS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300]; // seconds from one tick to the next

let stopOther = () => {}; // one sound is heard at a time

/** The spectrogram of `sound` (see server/tabs/sounds.py) over a player of `file`. Returns the figure's `box`, `heat`,
 * an image that lies on it, and `controls`, to which more can be added. */
export function soundView(sound, file) {
  const { seconds } = sound;
  const heat = h("img", { alt: "", class: "heat", hidden: true });
  const position = h("input", { type: "range", class: "position", min: 0, max: seconds, step: 0.01, value: 0,
    "aria-label": "Position in the sound" });
  const clock = h("span", { class: "clock muted" });
  const show = (at) => {
    const now = Math.min(at, seconds);
    position.value = now;
    position.setAttribute("aria-valuetext", `${now.toFixed(1)} of ${seconds.toFixed(1)} seconds`);
    clock.textContent = `${now.toFixed(1)} / ${seconds.toFixed(1)} s`;
  };
  const failed = h("div");
  const player = playing(() => URL.createObjectURL(file), show, (error) => failed.replaceChildren(problem(error)));
  position.addEventListener("input", () => player.seek(Number(position.value)));
  show(0);
  const controls = h("div", { class: "row player" }, player.button, clock);
  const box = h("div", { class: "sound" },
    h("div", { class: "plot" },
      h("ol", { class: "hertz", "aria-hidden": "true" }, sound.hertz.map(({ hertz, share }) => (
        h("li", { style: { "--at": share } }, pitch(hertz))))),
      h("div", { class: "picture" },
        pixels(sound.image, `The spectrogram of the sound: ${seconds.toFixed(1)} seconds, low pitch at the bottom`),
        heat, position),
      h("ol", { class: "seconds", "aria-hidden": "true" }, ticks(seconds).map((at) => (
        h("li", { style: { "--at": at / seconds } }, at ? String(at) : "0 s")))),
      when(sound)),
    controls, failed);
  return { box, heat, controls };
}

/** A small button over the spectrogram `image` that plays what is at `address`. */
export function playable(image, address, name) {
  const player = playing(async () => URL.createObjectURL(await content(address)), () => {}, () => {
    player.button.disabled = true;
    player.button.title = "This sound cannot be played.";
  }, name);
  player.button.prepend(pixels(image, ""));
  player.button.classList.add("thumb", "playable");
  return player.button;
}

async function content(address) {
  const response = await fetch(address);
  if (!response.ok) throw new Error("no sound");
  return response.blob();
}

/** A button that plays and pauses what `source` gives an address of, told of by `show(seconds)`. */
function playing(source, show, fail, name = "") {
  let audio = null, wanted = 0;
  const button = h("button", { type: "button", class: "play" }, sign("start"), sign("pause"));
  const state = (on) => {
    button.classList.toggle("on", on);
    button.setAttribute("aria-label", [on ? "Pause" : "Play", name].filter(Boolean).join(" "));
  };
  const follow = () => {
    if (!audio || audio.paused) return;
    show(audio.currentTime);
    requestAnimationFrame(follow);
  };
  const stop = () => audio?.pause();
  const begin = async () => {
    stopOther();
    stopOther = stop;
    try {
      if (!audio) {
        audio = new Audio(await source());
        audio.addEventListener("pause", () => state(false));
        audio.addEventListener("ended", () => { wanted = 0; show(0); });
        audio.currentTime = wanted;
      }
      await audio.play();
      state(true);
      follow();
    } catch (error) {
      if (error.name === "AbortError") return; // it was paused at once
      state(false);
      fail("This browser cannot play this sound; the answer is of what Beholder heard.");
    }
  };
  button.addEventListener("click", () => (audio && !audio.paused ? stop() : begin()));
  state(false);
  const seek = (at) => {
    wanted = at;
    if (audio) audio.currentTime = at;
    show(at);
  };
  return { button, seek };
}

function sign(kind) {
  return svg("svg", { viewBox: "0 0 16 16", class: `sign ${kind}`, "aria-hidden": "true" },
    svg("path", { d: kind === "start" ? "M4 2.5v11l9.5-5.5z" : "M4 2.5h3v11H4zM9 2.5h3v11H9z" }));
}

/** How probable the answer is in each window of a long sound, under the place of the window. */
function when({ windows, seconds }) {
  if (windows.length < 3) return null;
  const width = Math.max(...windows.map(({ start }, place) => (place ? start - windows[place - 1].start : 0)));
  return [h("span", { class: "when-name", "aria-hidden": "true" }, "when"), h("div", { class: "when", "aria-hidden": "true" }, windows.map(({ start, end, probability }) => h("i", { style: {
    "--at": (start + end - width) / 2 / seconds, "--width": width / seconds, "--share": probability } })))];
}

function ticks(seconds) {
  const step = STEPS.find((one) => seconds / one <= TICKS) ?? seconds / TICKS;
  return Array.from({ length: Math.floor(seconds / step) + 1 }, (_, place) => Number((place * step).toFixed(1)));
}

/** 500 -> "500 Hz", 2000 -> "2 kHz". */
function pitch(hertz) {
  return hertz < 1000 ? `${hertz}\u00a0Hz` : `${hertz / 1000}\u00a0kHz`;
}
