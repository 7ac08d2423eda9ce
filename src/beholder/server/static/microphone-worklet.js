// Runs beside the page, in the browser's audio thread: hands the microphone's samples over, mixed to one channel.

const PIECE = 2048; // samples in a message: about 20 a second

class Microphone extends AudioWorkletProcessor {
  constructor() {
    super();
    this.piece = new Float32Array(PIECE);
    this.filled = 0;
  }

  process([channels]) {
    if (!channels.length) return true; // nothing is connected yet
    for (let at = 0; at < channels[0].length; at += 1) {
      let sum = 0;
      for (const channel of channels) sum += channel[at];
      this.piece[this.filled] = sum / channels.length;
      this.filled += 1;
      if (this.filled === PIECE) {
        this.port.postMessage(this.piece); // a copy
        this.filled = 0;
      }
    }
    return true;
  }
}

registerProcessor("beholder-microphone", Microphone);
