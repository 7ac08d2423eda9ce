// A training run, live: drawn from its events alone, so that a running, a stopped and a killed one look alike.

import { announce, get, h, percent, plural, post, problem, replace, sentence, whole } from "./draw.js";
import { curve } from "./curves.js";
import { Epochs } from "./epochs.js";
import { kind, learn } from "./kind.js";

const OPEN_GAP = 0.1; // as training itself says it in words
const STATES = {
  running: ["Training", "running"], stopping: ["Stopping after this step", "warn"], stopped: ["Stopped", ""],
  finished: ["Finished", ""], killed: ["Killed", "warn"],
};
const NOW = {
  stopping: "It finishes the running step and saves the model.",
  stopped: "It was stopped, and can go on from where it was.",
  killed: "Its process ended unexpectedly; it can go on from its last checkpoint.",
};

const at = (id) => document.getElementById(id);
const epochs = new Epochs(at("epochs"));
let run = {}, state = {}, heard = 0, story = fresh(), waiting = false;

function fresh() {
  return { epochs: [], replans: [], told: [], step: null, plan: null, last: null, began: null };
}

const TOLD = {
  checks: (event) => event.messages.join(" "),
  start: () => "Training began.",
  first_answer: (event) => `A first answer after ${clock(event.seconds)}${reached(event, ": ")}.`,
  fold_judged: (event) => `Fold ${event.fold} of ${event.folds}: ${percent(event.accuracy)} of ${plural(event.images, kind.one)} that its network never saw.`,
  resumed: (event) => `Training resumed at epoch ${event.epoch}, step ${whole(event.step)}.`,
  replan: (event) => `The plan is now ${whole(event.steps)} steps, ${run.budget ? "because the machine became slower or faster" : "as in the run whose plan it follows"}.`,
  overfitting: (event) => event.message,
  advice: (event) => event.message,
  export: () => "The model is saved.",
  stopped: (event) => `Stopped after ${whole(event.epochs)} epochs${reached(event, " with ")}.`,
  end: (event) => `Finished after ${clock(event.seconds)}${reached(event, " with ")}.`,
};

/** The accuracy of an event with `before` it, where it has one. */
function reached({ validation_accuracy: accuracy, folds }, before) {
  return Number.isFinite(accuracy) ? `${before}${percent(accuracy)} ${folds ? "out-of-fold" : "validation"} accuracy` : "";
}

function hear(event) {
  story.last = event;
  if (event.event === "start") story.plan = event.summary;
  if (event.event === "step") story.step = event;
  if (event.event === "epoch") story.epochs.push(event);
  if (event.event === "replan") story.replans.push(event);
  if (event.event === "snapshot") epochs.add(event.epoch);
  if (TOLD[event.event]) story.told.push([event.spent_seconds, TOLD[event.event](event)]);
  if (event.event === "epoch") announce(`Epoch ${event.epoch}${reached(event, ": ") || " ended"}.`);
}

function draw() {
  waiting = false;
  drawState();
  drawProgress();
  drawFigures();
  if (String(story.epochs.length) !== at("curves").dataset.drawn) drawCurves();
  at("story").hidden = !story.told.length;
  replace(at("told"), [...story.told].reverse().map(([seconds, text]) => h("li", {}, h("time", {}, clock(seconds)), h("span", {}, sentence(text)))));
}

/** At most once a frame, however many events come at once. */
function drawSoon() {
  if (waiting) return;
  waiting = true;
  setTimeout(draw, 50); // no frames come to a tab in the background
}

function drawState() {
  const [words, kind] = STATES[state.state] ?? ["Connecting", ""];
  at("state").textContent = words;
  at("state").className = `badge ${kind}`;
  at("stop").hidden = run.served || !["running", "stopping"].includes(state.state);
  at("stop").disabled = state.state === "stopping";
  at("resume").hidden = run.served || !["stopped", "killed"].includes(state.state);
  const last = story.last?.event;
  const epoch = story.step && `Epoch ${story.step.epoch} of ${story.step.epochs}`;
  const running = last === "export" ? "Saving the model" : last === "fold" ? `Fold ${story.last.fold} of ${story.last.folds}` : last === "framework" || !last ? "Getting ready"
    : story.step && ["step", "epoch", "snapshot", "replan", "overfitting"].includes(last) ? epoch : "Building the network";
  const finished = `Finished after ${clock(spent())}.`;
  replace(at("now"), state.state === "running" ? running : state.state === "finished" ? finished : NOW[state.state]);
}

function drawProgress() {
  const { step, plan, replans } = story;
  const latest = run.budget ? replans.at(-1) : null; // of a plan that is followed the end was known from the start
  const total = latest?.steps ?? plan?.steps;
  const ended = state.state === "finished";
  const share = ended ? 1 : step && total ? Math.min(1, ((step.epoch - 1) * step.steps + step.step) / total) : 0;
  const budget = run.budget;
  const left = ended || state.state !== "running" || !Number.isFinite(step?.eta_seconds) ? "" : `${clock(Math.max(0, step.eta_seconds - since(step)))} to go`;
  const marks = budget ? replans.map((event) => [event.spent_seconds / budget, `Plan changed at ${clock(event.spent_seconds)}`]) : [];
  replace(at("progress"), h("div", { class: "bars" },
    bar("Training", share, left || percent(share)),
    budget ? bar(`Budget of ${clock(budget)}`, Math.min(1, spent() / budget), `${clock(spent())} used${
      marks.length ? `, plan changed ${marks.length === 1 ? "once" : `${marks.length} times`}` : ""}`, marks)
      : bar("Time", share ? 1 : 0, clock(spent()), [], true)));
}

function bar(name, share, text, marks = [], plain = false) {
  return h("div", {}, h("div", { class: "bar-head" }, h("span", {}, name), h("span", { class: "muted" }, text)),
    plain ? null : h("div", { class: "track", role: "progressbar", "aria-label": name, "aria-valuenow": Math.round(100 * share), "aria-valuemin": 0, "aria-valuemax": 100 },
      h("div", { class: "fill", style: { width: `${100 * share}%` } }),
      marks.filter(([where]) => where <= 1).map(([where, title]) => h("div", { class: "mark", title, style: { left: `${100 * where}%` } }))));
}

function drawFigures() {
  const { step, plan } = story;
  const end = story.epochs.at(-1);
  const saved = story.last?.event === "end" ? story.last : end; // the saved model may answer better than the last epoch
  const later = step && (!end || step.epoch > end.epoch) ? step : null; // within an epoch that is not judged yet
  const rows = [
    ["Epoch", step ? `${Math.max(step.epoch, end?.epoch ?? 0)} / ${Math.max(step.epochs, end?.epochs ?? 0)}` : end ? `${end.epoch} / ${end.epochs}` : plan ? `0 / ${Math.ceil(plan.epochs)}` : "–"],
    ["Training loss", number(later?.loss ?? end?.loss)],
    ["Training accuracy", percent(later?.train_accuracy ?? end?.train_accuracy)],
    [plan?.folds ? "Out-of-fold accuracy" : "Validation accuracy", percent(saved?.validation_accuracy)],
    ["Gap", Number.isFinite(end?.gap) ? `${(100 * end.gap).toFixed(1)} points` : "–", end?.gap >= OPEN_GAP],
    [`${kind.rows[0].toUpperCase()}${kind.rows.slice(1)} per second`, whole(later?.images_per_second ?? end?.images_per_second)],
  ];
  replace(at("figures"), rows.map(([name, value, open]) => h("div", { class: open ? "open" : "" }, h("dt", {}, name), h("dd", {}, value))));
}

function drawCurves() {
  at("curves").dataset.drawn = story.epochs.length;
  if (!story.epochs.length) return replace(at("curves"));
  const words = (name, key) => `${name} by epoch, ${story.epochs.length} so far; lately ${key(story.epochs.at(-1))}`;
  replace(at("curves"), h("section", {}, h("h2", {}, "How it learns"), h("div", { class: "charts" },
    curve(story.epochs, { title: "Accuracy", train: "train_accuracy", validation: "validation_accuracy", share: true,
      words: words("Accuracy", (one) => `${percent(one.train_accuracy)} in training, ${percent(one.validation_accuracy)} in validation`) }),
    curve(story.epochs, { title: "Loss", train: "train_loss", validation: "validation_loss", share: false,
      words: words("Loss", (one) => `${number(one.train_loss)} in training, ${number(one.validation_loss)} in validation`) }))));
}

const number = (value) => (Number.isFinite(value) ? value.toFixed(3) : "–");
const since = (event) => Math.max(0, spent() - event.spent_seconds);

/** Seconds that the run took so far, all sessions together. */
function spent() {
  const more = ["running", "stopping"].includes(state.state) ? (Date.now() - heard) / 1000 : 0;
  return (state.spent_seconds ?? 0) + more;
}

function clock(seconds) {
  const all = Math.round(seconds ?? 0);
  const two = (value) => String(value).padStart(2, "0");
  const [hours, minutes] = [Math.floor(all / 3600), Math.floor(all / 60) % 60];
  return hours ? `${hours}:${two(minutes)}:${two(all % 60)}` : `${minutes}:${two(all % 60)}`;
}

async function press(name) {
  replace(at("problem"));
  at(name).disabled = true;
  try {
    await post(`watch/${name}`, {});
    if (name === "resume") await resumed();
  } catch (error) {
    replace(at("problem"), problem(error.message));
  }
  at(name).disabled = name === "stop" && state.state === "stopping";
}

/** Waits until the new process trains, or tells why it does not. */
async function resumed() {
  at("state").textContent = "Starting";
  for (let tries = 0; tries < 60; tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 500));
    const now = await get("watch/state");
    if (now.problem) throw new Error(now.problem);
    if (["running", "finished"].includes(now.state)) return;
  }
}

function listen() {
  const source = new EventSource("watch/events");
  source.onmessage = (message) => {
    hear(JSON.parse(message.data));
    drawSoon();
  };
  source.addEventListener("reset", () => {
    story = fresh();
    epochs.clear();
    drawSoon();
  });
  source.addEventListener("state", (message) => {
    [state, heard] = [JSON.parse(message.data), Date.now()];
    drawSoon();
  });
  source.onopen = () => replace(at("problem"));
  source.onerror = () => {
    replace(at("problem"), problem("Beholder does not answer. The page shows the last it heard, and asks again every few seconds."));
  };
}

async function begin() {
  run = await get("watch/state");
  learn({ image: { kind: run.kind } });
  const facts = [run.run, run.data, run.model].filter(Boolean).join(" · ");
  replace(at("run"), facts, run.served && [" ·\u00a0", h("a", { href: "./" }, "Ask it, look inside")]);
  document.title = `${run.run} · Beholder`;
  listen();
  setInterval(() => ["running", "stopping"].includes(state.state) && drawProgress(), 1000);
}

at("stop").addEventListener("click", () => press("stop"));
at("resume").addEventListener("click", () => press("resume"));
begin().catch((error) => replace(at("problem"), problem(error.message)));
