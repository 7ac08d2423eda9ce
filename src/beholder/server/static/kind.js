// What this classifier answers, in words: images, or sounds.

const IMAGES = {
  sound: false, one: "image", a: "an image", many: "images", row: "image", rows: "images", media: "image/",
  accept: "image/*,.tif,.tiff",
  bring: "Drop images here, or paste one", what: "What is in your image?",
  promise: ["Choose one to see the answer and how probable it is, the image as the network receives it, ",
    "where the network looked, and the most similar training images. Your image goes to this server and nowhere else."],
};
const SOUNDS = {
  sound: true, one: "sound", a: "a sound", many: "sounds", row: "clip", rows: "clips", media: "audio/",
  accept: "audio/*,.wav,.flac,.ogg,.oga,.mp3",
  bring: "Drop sounds here, or record one", what: "What is in your sound?",
  promise: ["Choose or record one to see the answer and how probable it is, its spectrogram, when and at which pitch the ",
    "network listened, and the most similar training sounds. Your sound goes to this server and nowhere else."],
};

export let kind = IMAGES;

/** To be told once what GET /model says. */
export function learn(model) {
  kind = model.image?.kind === "sound" ? SOUNDS : IMAGES;
}
