// Sounds in formats that Beholder does not read, such as those of telephones, as WAV files, where the browser reads them.

import { joined, wavFile } from "./wav.js";

const UNREAD = /\.(m4a|m4b|mp4|aac|opus|weba|webm|mka|caf|aiff?|amr|3gpp?)$/i;
const RATE = 48000; // Hz, at which the browser decodes
const MOST_BYTES = 30e6; // of a file: decoded it is many times as large
const NOTE = "Your browser turned it into a WAV file, since Beholder does not read this format.";

/** `file` and null; or, where it is of such a format and the browser reads it, it as a WAV file and a note about that. */
export async function readable(file) {
  if (!UNREAD.test(file.name) || file.size > MOST_BYTES) return [file, null];
  try {
    const context = new OfflineAudioContext(1, 1, RATE);
    const decoded = await context.decodeAudioData(await file.arrayBuffer());
    return [wavFile(mixed(decoded), RATE, file.name), NOTE];
  } catch {
    return [file, null]; // the server says what it reads
  }
}

/** The mean of all channels. */
function mixed(decoded) {
  const sum = joined([decoded.getChannelData(0)]);
  for (let channel = 1; channel < decoded.numberOfChannels; channel += 1) {
    decoded.getChannelData(channel).forEach((sample, place) => { sum[place] += sample; });
  }
  return sum.map((sample) => sample / decoded.numberOfChannels);
}
