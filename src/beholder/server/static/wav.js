// Samples as a WAV file of one channel and 16 bits, and how loud they are.

const FRAME = 0.01; // seconds that a loudness is of
const MARGIN = 0.1; // seconds of quiet that are left at both ends
const LOUD = 0.1; // of the loudest frame: -20 dB, which is sound however noisy the room
const QUIET = 0.02; // of the loudest frame: -34 dB, which is none
const OVER_NOISE = 4; // times as loud as the room: 12 dB

/** `samples`, a Float32Array from -1 to 1 at `rate`, as a WAV file (RIFF, PCM). */
export function wavFile(samples, rate, name) {
  const view = new DataView(new ArrayBuffer(44 + 2 * samples.length));
  const text = (at, letters) => [...letters].forEach((letter, place) => view.setUint8(at + place, letter.charCodeAt(0)));
  text(0, "RIFF");
  view.setUint32(4, 36 + 2 * samples.length, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true); // bytes of what follows
  view.setUint16(20, 1, true); // PCM
  view.setUint16(22, 1, true); // channel
  view.setUint32(24, rate, true);
  view.setUint32(28, 2 * rate, true); // bytes a second
  view.setUint16(32, 2, true); // bytes a sample of all channels
  view.setUint16(34, 16, true); // bits
  text(36, "data");
  view.setUint32(40, 2 * samples.length, true);
  samples.forEach((sample, place) => {
    view.setInt16(44 + 2 * place, Math.round(32767 * Math.min(1, Math.max(-1, sample))), true);
  });
  return new File([view], name, { type: "audio/wav" });
}

/** All `pieces` one after the other. */
export function joined(pieces) {
  const all = new Float32Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

/** The root of the mean square of `samples`, 0 to 1. */
export function loudness(samples) {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  return samples.length ? Math.sqrt(sum / samples.length) : 0;
}

/** `samples` without the quiet before the first sound and after the last; all of them where all is quiet. Of the quiet
 * a little is left, but no more than fits into a clip of so many seconds where the sound does. */
export function withoutQuietEnds(samples, rate, clip) {
  const size = Math.max(1, Math.round(FRAME * rate));
  const frames = Array.from({ length: Math.floor(samples.length / size) }, (_, place) => (
    loudness(samples.subarray(place * size, (place + 1) * size))));
  if (!frames.length) return samples;
  const sorted = [...frames].sort((a, b) => a - b);
  const loudest = sorted.at(-1), background = sorted[Math.floor(sorted.length / 10)];
  const least = Math.max(QUIET * loudest, Math.min(OVER_NOISE * background, LOUD * loudest));
  const first = frames.findIndex((one) => one > least), last = frames.findLastIndex((one) => one > least);
  if (first < 0) return samples;
  const room = clip - (last + 1 - first) * FRAME;
  const margin = Math.floor((room > 0 ? Math.min(MARGIN, room / 2) : MARGIN) * rate);
  return samples.subarray(Math.max(0, first * size - margin), Math.min(samples.length, (last + 1) * size + margin));
}
