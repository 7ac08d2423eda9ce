// Correct: images whose label or answer is doubtful, one decision each, kept at once in the corrections beside the run.

import { announce, breakable, get, h, percent, pixels, plural, post, problem, replace } from "./draw.js";
import { kind } from "./kind.js";
import { playable } from "./sound.js";

const PAGE = 24; // images fetched at a time
const ADDRESS = "page/corrections";
const SETS = { validation: "Confident mistakes", train: "Training labels in doubt" };

let one, sets, list, more, summary, message, classNames;
let set = "validation";
const history = []; // what each decision replaced, the last at the end
let saving = Promise.resolve(); // one decision after the other reaches the file

export async function start(panel) {
  let given = await fetchSet();
  if (given.note) return replace(panel, problem(given.note));
  if (!given.counts[set] && given.counts.train) {
    set = "train";
    given = await fetchSet();
  }
  classNames = given.class_names;
  summary = h("div", { class: "summary" });
  message = h("div");
  one = h("div", { class: "one" });
  sets = h("div", { class: "row sets", role: "group", "aria-label": `Which ${kind.many}` },
    Object.keys(SETS).map((name) => setButton(name, given.counts[name])));
  list = h("div", { class: "doubtful" });
  more = h("button", { type: "button", onclick: showMore }, "Show more");
  panel.addEventListener("keydown", onKey);
  replace(panel,
    h("div", { class: "correct-head" },
      h("div", {}, h("h2", {}, "Is the label wrong, or the answer?"),
        h("p", { class: "muted" }, `Where the network is confident and contradicts the label, the label may be wrong. Decide for each ${kind.one}: `,
          `your decisions are kept beside the run, and your ${kind.many} are never touched.`),
        keys()),
      summary),
    message, one, sets, list, more);
  tell(given);
  append(given);
}

/** "#correct/PATH" brings that image or sound to the top. */
export async function shown(path) {
  if (!one) return;
  replace(one);
  if (!path) return;
  try {
    const given = await get(`${ADDRESS}?path=${encodeURIComponent(path)}`);
    if (given.note) return replace(one, problem(given.note));
    replace(one, h("h3", {}, `The ${kind.one} that you chose`), given.images.map(card));
    one.querySelector(".doubt").focus();
  } catch (error) {
    replace(one, problem(error.message));
  }
}

function fetchSet(start = 0) {
  return get(`${ADDRESS}?set=${set}&start=${start}&count=${PAGE}`);
}

function setButton(name, count) {
  const button = h("button", { type: "button", "aria-pressed": String(name === set), "data-set": name },
    SETS[name], h("span", { class: "muted" }, count));
  button.addEventListener("click", async () => {
    set = name;
    for (const other of sets.children) other.setAttribute("aria-pressed", String(other === button));
    replace(list);
    append(await fetchSet());
  });
  return button;
}

async function showMore() {
  append(await fetchSet(list.children.length));
}

function append(given) {
  list.append(...given.images.map(card));
  more.hidden = list.children.length >= given.counts[set];
  if (!list.children.length) list.append(h("p", { class: "empty" }, "Nothing looks doubtful."));
}

function tell({ corrections, file, command, remark }) {
  const undo = h("button", { type: "button", disabled: !history.length, onclick: undoLast }, "Undo");
  if (!command || !corrections) {
    const earlier = corrections ? `, after the ${plural(corrections, "correction")} that this run was trained with` : "";
    return replace(summary, h("p", {}, "Your decisions will go to ", h("code", {}, file), `${earlier}.`), undo);
  }
  replace(summary, h("p", {}, h("b", {}, plural(corrections, "decision")), " in ", h("code", {}, file)),
    remark ? h("p", { class: "muted" }, remark) : null,
    h("p", { class: "muted" }, "Train again with them:"),
    h("pre", { tabindex: 0, role: "region", "aria-label": "Command" }, h("code", {}, command)),
    h("div", { class: "row" }, copyButton(command), undo));
}

function copyButton(command) {
  if (!navigator.clipboard) return null; // only on this machine or over HTTPS
  const button = h("button", { type: "button" }, "Copy");
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(command);
    button.textContent = "Copied";
  });
  return button;
}

function card(image) {
  const { suggestion } = image;
  const box = h("article", { class: "doubt card", tabindex: 0, "aria-label": `${image.label}: ${image.path}` });
  const press = (correction, text) => h("button", { type: "button", "aria-pressed": "false",
    "data-action": correction.action, "data-label": correction.label, onclick: () => toggle(box, correction) }, text);
  const select = h("select", { "aria-label": "Relabel as" }, h("option", { value: "" }, "Another label …"),
    classNames.map((name) => h("option", { value: name }, name)));
  select.addEventListener("change", () => decide(box, select.value ? relabel(select.value) : null));
  box.append(
    picture(image),
    h("div", { class: "facts" }, facts(image)),
    h("div", { class: "decision" }, press(KEEP, "Keep"), press(DROP, "Drop"),
      suggestion ? press(relabel(suggestion), [h("span", {}, "It is ", breakable(suggestion))]) : null, select));
  box.image = image;
  mark(box);
  return box;
}

function picture({ path, image, sound }) {
  if (!image) return h("span", { class: "muted" }, `The ${kind.one} is not kept.`);
  return sound ? playable(image, sound, path) : pixels(image, "", { onload: smooth });
}

/** Many small pixels make a photograph, which squares only disturb; few are shown as they are. */
function smooth({ target }) {
  target.classList.toggle("smooth", target.naturalWidth > 32);
}

const KEEP = { action: "keep", label: "" };
const DROP = { action: "drop", label: "" };
const relabel = (label) => ({ action: "relabel", label });

function facts({ label, answer, probability, suggestion, share, path }) {
  const line = (words, name, more) => h("p", {}, h("span", { class: "muted" }, words), h("b", {}, breakable(name)), h("span", { class: "muted" }, more));
  return [
    line("labelled ", label, ""),
    answer === null ? null : line("it answers ", answer, ` ${percent(probability)}`),
    share === null ? null : line("looks like ", suggestion, `, as ${Math.round(10 * share)} of its 10 nearest ${kind.many}`),
    h("p", { class: "muted path", title: path }, breakable(path)),
  ];
}

/** Shows on the card what was decided. */
function mark(box) {
  const { correction } = box.image;
  box.classList.toggle("decided", Boolean(correction));
  box.classList.toggle("dropped", correction?.action === "drop");
  for (const button of box.querySelectorAll("[data-action]")) {
    const { action, label } = button.dataset;
    button.setAttribute("aria-pressed", String(action === correction?.action && label === correction.label));
  }
  const select = box.querySelector("select");
  const other = correction?.action === "relabel" && correction.label !== box.image.suggestion;
  select.value = other ? correction.label : "";
  select.classList.toggle("chosen", other);
}

/** Decides, or takes the same decision back. */
function toggle(box, correction) {
  const before = box.image.correction;
  const same = before?.action === correction.action && before.label === correction.label;
  return decide(box, same ? null : correction);
}

function decide(box, correction) {
  const before = box.image.correction;
  return save(box, correction, () => history.push({ path: box.image.path, before, after: correction }));
}

function undoLast() {
  const last = history.at(-1);
  if (!last) return;
  const box = boxes().find((one) => one.image.path === last.path);
  box?.focus();
  save(box ?? { image: { path: last.path, correction: last.after } }, last.before, () => history.pop());
}

function save(box, correction, done) {
  const { path } = box.image;
  saving = saving.then(async () => {
    try {
      const before = box.image.correction; // what another window decided meanwhile is refused, not replaced
      const given = await post(ADDRESS, { path, action: null, ...correction, before });
      done();
      show(path, correction);
      replace(message);
      tell(given);
      announce(`${path}: ${words(correction)}`);
    } catch (error) {
      replace(message, problem(error.message));
      boxes().forEach(mark); // what was not saved is not shown as if it were
      const [now] = await get(`${ADDRESS}?path=${encodeURIComponent(path)}`).then(({ images }) => images).catch(() => []);
      if (now) show(path, now.correction);
    }
  });
  return saving;
}

/** Shows what was decided about the image called `path`, wherever it is on the page. */
function show(path, correction) {
  for (const box of boxes().filter((one) => one.image.path === path)) {
    box.image.correction = correction;
    mark(box);
  }
}

function words(correction) {
  if (!correction) return "as it was";
  return { keep: "kept", drop: "dropped", relabel: `relabelled as ${correction.label}` }[correction.action];
}

function onKey(event) {
  const box = event.target.closest(".doubt");
  if (!box || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.tagName === "SELECT") {
    if (event.key === "Escape") box.focus();
    return;
  }
  const act = {
    k: () => toggle(box, KEEP) && step(box, 1),
    d: () => toggle(box, DROP) && step(box, 1),
    a: () => box.image.suggestion && toggle(box, relabel(box.image.suggestion)) && step(box, 1),
    r: () => box.querySelector("select").focus(),
    u: undoLast,
    ArrowRight: () => step(box, 1),
    ArrowDown: () => step(box, 1),
    ArrowLeft: () => step(box, -1),
    ArrowUp: () => step(box, -1),
  }[event.key];
  if (!act) return;
  event.preventDefault();
  act();
}

function step(box, by) {
  const all = boxes();
  all[all.indexOf(box) + by]?.focus();
}

function boxes() {
  return [...one.querySelectorAll(".doubt"), ...list.querySelectorAll(".doubt")];
}

function keys() {
  const key = (name, text) => [h("kbd", {}, name), ` ${text} `];
  return h("p", { class: "muted keys" }, `On ${kind.a}: `, key("K", "keep"), key("D", "drop"), key("A", "the suggested label"),
    key("R", "another label"),
    key("U", "undo"), key("← →", "move"));
}
