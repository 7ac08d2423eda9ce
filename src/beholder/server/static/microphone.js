// The microphone: its samples as they come, by an AudioWorklet, or a ScriptProcessor where a browser has none.

const PIECE = 2048; // samples at a time

/** Why this page can have no microphone, one sentence; null where it can ask for one. */
export function whyNoMicrophone() {
  if (!isSecureContext) {
    return "Recording needs this page over HTTPS or from localhost: browsers give the microphone to no other; choose a file instead.";
  }
  return navigator.mediaDevices?.getUserMedia ? null : "This browser offers no microphone to pages; choose a file instead.";
}

/** Opens the microphone and hands `heard` each piece, a Float32Array mono at `rate`. Returns `{rate, close}`; calls
 * `ended` where it is unplugged. What a browser does to make speech clear is off: it takes other sounds away. */
export async function openMicrophone(heard, ended) {
  const raw = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
  const stream = await navigator.mediaDevices.getUserMedia({ audio: { ...raw, channelCount: 1 } });
  const context = new AudioContext();
  const close = () => {
    stream.getTracks().forEach((track) => track.stop());
    if (context.state !== "closed") context.close();
  };
  try {
    const source = context.createMediaStreamSource(stream);
    const node = context.audioWorklet ? await worklet(context, heard) : processor(context, heard);
    source.connect(node);
    node.connect(context.destination); // of what is not connected some browsers ask nothing; it puts out silence
    await context.resume();
    stream.getTracks().forEach((track) => track.addEventListener("ended", ended));
  } catch (error) {
    close();
    throw error;
  }
  return { rate: context.sampleRate, close };
}

async function worklet(context, heard) {
  await context.audioWorklet.addModule(new URL("./microphone-worklet.js", import.meta.url));
  const node = new AudioWorkletNode(context, "beholder-microphone");
  node.port.onmessage = (message) => heard(message.data);
  return node;
}

function processor(context, heard) {
  const node = context.createScriptProcessor(PIECE, 1, 1);
  node.onaudioprocess = (event) => heard(event.inputBuffer.getChannelData(0).slice());
  return node;
}

/** What to say where the microphone did not open. */
export function reason(error) {
  if (error.name === "NotAllowedError") return "The browser may not use the microphone; allow it for this page and try again.";
  if (error.name === "NotFoundError") return "There is no microphone on this machine; choose a file instead.";
  return "The microphone does not start; close other programs that use it, or choose a file instead.";
}
