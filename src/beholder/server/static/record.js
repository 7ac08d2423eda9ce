// A sound from the microphone: a button, and a window that shows how loud it is and for how long it has listened.

import { h, problem, replace } from "./draw.js";
import { openMicrophone, reason, whyNoMicrophone } from "./microphone.js";
import { joined, loudness, wavFile, withoutQuietEnds } from "./wav.js";

const MOST = 30; // seconds
const LONGEST_SILENCE = 1.5; // seconds, after which a person is asked to look at the microphone
const NOTHING = 1e-4; // loudness: -80 dB, below the noise of any microphone that is on
const RANGE = 60; // decibels that the meter shows
const BARS = 60; // of the meter, one a piece of sound

/** A button that records and hands a WAV file with a note about it, null or a sentence, to `take(file, note)`; where
 * recording is not possible, one sentence. The network hears clips of `clip` seconds. */
export function recordButton(clip, take) {
  const why = whyNoMicrophone();
  if (why) return h("p", { class: "muted no-microphone" }, why);
  return h("button", { type: "button", id: "record", onclick: () => record(clip, take) }, dot(), "Record");
}

function dot() {
  return h("span", { class: "record-dot", "aria-hidden": "true" });
}

async function record(clip, take) {
  const view = meter();
  const said = h("p", { class: "muted", role: "status" }, "Waiting for the microphone …");
  const cut = h("input", { type: "checkbox", checked: true });
  const stop = h("button", { type: "button", class: "main", disabled: true }, "Stop and ask");
  const cancel = h("button", { type: "button" }, "Cancel");
  const dialog = h("dialog", { "aria-label": "Record a sound", class: "recorder" }, view.box, said,
    h("label", { class: "check" }, cut, h("span", {}, "Cut off the quiet before and after")),
    h("div", { class: "row" }, stop, cancel));
  const pieces = [];
  let microphone = null, samples = 0, loudest = 0;

  const heard = (piece) => {
    if (!microphone || !dialog.open) return;
    const left = MOST * microphone.rate - samples;
    pieces.push(piece.subarray(0, left));
    samples += pieces.at(-1).length;
    loudest = Math.max(loudest, loudness(piece));
    const seconds = samples / microphone.rate;
    view.show(loudness(piece), seconds);
    if (loudest < NOTHING && seconds > LONGEST_SILENCE) say("Nothing is heard: is the microphone muted?");
    else if (loudest >= NOTHING) say("Recording");
    if (samples >= MOST * microphone.rate) finish();
  };
  const say = (words) => { if (said.textContent !== words) said.textContent = words; };
  const finish = () => {
    if (!dialog.open) return;
    const { rate } = microphone;
    dialog.close();
    if (samples) take(...recording(joined(pieces), rate, cut.checked ? clip : null));
  };

  document.body.append(dialog);
  dialog.addEventListener("close", () => {
    microphone?.close();
    dialog.remove();
  });
  cancel.addEventListener("click", () => dialog.close());
  stop.addEventListener("click", finish);
  dialog.showModal();
  try {
    const opened = await openMicrophone(heard, finish);
    if (!dialog.open) return opened.close();
    microphone = opened;
    say("Recording");
    stop.disabled = false;
    stop.focus();
  } catch (error) {
    if (dialog.open) replace(said, problem(reason(error)));
  }
}

/** The file of a recording, without its quiet ends unless `clip` is null, and what was done to it in words. */
function recording(samples, rate, clip) {
  const kept = clip === null ? samples : withoutQuietEnds(samples, rate, clip);
  const tenths = (some) => (some.length / rate).toFixed(1);
  const note = tenths(kept) === tenths(samples) ? null
    : `${tenths(kept)} of ${tenths(samples)} seconds: the quiet before and after was cut off.`;
  return [wavFile(kept, rate, "Recording"), note];
}

/** How loud it is, as bars that move to the left, and how long it has gone on. */
function meter() {
  const bars = h("div", { class: "levels", role: "meter", "aria-label": "Loudness", "aria-valuemin": 0,
    "aria-valuemax": 100, "aria-valuenow": 0 }, Array.from({ length: BARS }, () => h("i")));
  const clock = h("p", { class: "clock" }, h("b", {}, "0.0"), ` of at most ${MOST} seconds`);
  const show = (loud, seconds) => {
    const share = Math.min(1, Math.max(0, 1 + 20 * Math.log10(Math.max(loud, 1e-9)) / RANGE));
    bars.firstChild.remove();
    bars.append(h("i", { style: { "--share": share } }));
    bars.setAttribute("aria-valuenow", Math.round(100 * share));
    clock.firstChild.textContent = seconds.toFixed(1);
  };
  return { box: h("div", { class: "meter" }, bars, clock), show };
}
