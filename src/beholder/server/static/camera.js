// A photograph from the camera, where the browser has one to offer (it does so on this machine or over HTTPS), and
// elsewhere from the camera program of a phone.

import { h, problem } from "./draw.js";

/** A button that opens the camera and hands a photograph, a File, to `take`; null where there is no camera to ask. */
export function cameraButton(take) {
  if (navigator.mediaDevices?.getUserMedia) return button(() => photograph(take));
  return matchMedia("(pointer: coarse)").matches ? ownCamera(take) : null;
}

function button(onclick) {
  return h("button", { type: "button", onclick }, "Take a photo");
}

/** A button that asks the phone to photograph with its own program. */
function ownCamera(take) {
  const picker = h("input", { type: "file", accept: "image/*", capture: "environment", class: "unseen", tabindex: -1,
    "aria-hidden": "true", onchange: () => { if (picker.files.length) take(picker.files[0]); picker.value = ""; } });
  return [button(() => picker.click()), picker];
}

async function photograph(take) {
  const video = h("video", { autoplay: true, playsinline: true, muted: true, class: "camera" });
  const message = h("div", {}, h("p", { class: "muted" }, "Waiting for the camera …"));
  const shoot = h("button", { type: "button", class: "main", disabled: true }, "Take it");
  const cancel = h("button", { type: "button" }, "Cancel");
  const dialog = h("dialog", { "aria-label": "Take a photo" }, video, message, h("div", { class: "row" }, shoot, cancel));
  let stream = null;
  document.body.append(dialog);
  dialog.addEventListener("close", () => {
    stream?.getTracks().forEach((track) => track.stop());
    dialog.remove();
  });
  cancel.addEventListener("click", () => dialog.close());
  shoot.addEventListener("click", async () => {
    take(await still(video));
    dialog.close();
  });
  dialog.showModal();
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    if (!dialog.open) return stream.getTracks().forEach((track) => track.stop());
    video.srcObject = stream;
    await video.play();
    message.replaceChildren();
    shoot.disabled = false;
    shoot.focus();
  } catch (error) {
    if (dialog.open) message.replaceChildren(problem(reason(error)));
  }
}

function still(video) {
  const canvas = h("canvas", { width: video.videoWidth, height: video.videoHeight });
  canvas.getContext("2d").drawImage(video, 0, 0);
  return new Promise((resolve) => {
    canvas.toBlob((blob) => resolve(new File([blob], "Photo", { type: "image/jpeg" })), "image/jpeg", 0.92);
  });
}

function reason(error) {
  if (error.name === "NotAllowedError") return "The browser may not use the camera; allow it for this page and try again.";
  if (error.name === "NotFoundError") return "There is no camera on this machine; choose an image instead.";
  return "The camera does not start; close other programs that use it, or choose an image instead.";
}
