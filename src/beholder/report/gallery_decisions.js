// What a person decides in an audit's gallery, and where it is kept: on the server, or in the browser until it is saved.

const KEEP = { action: "keep", label: "" };
const DROP = { action: "drop", label: "" };
const relabel = (label) => ({ action: "relabel", label });

const decisions = new Map(); // from path to decision, in the order in which they were made
const done = []; // for each step what it replaced
let file = null; // where the server keeps decisions; null where the page is a file
let command = "";
let saving = Promise.resolve(); // one step after the other reaches the file


function toggle(element, decision) {
  const before = decisions.get(element.path);
  const same = before?.action === decision.action && before.label === decision.label;
  return step([[element.path, same ? null : decision]]);
}

/** Makes all `changes` (pairs of path and decision, null to take one back) as one step that can be undone. */
function step(changes) {
  saving = saving.then(() => make(changes));
  return saving;
}

function undo() {
  saving = saving.then(() => done.length && make(done.at(-1), true));
  return saving;
}

async function make(changes, undoing = false) {
  const before = changes.map(([path]) => [path, decisions.get(path) ?? null]).reverse();
  try {
    await toServer(changes);
  } catch (error) {
    await refresh();
    return problem(error.message);
  }
  problem("");
  for (const [path, decision] of changes) {
    decisions.delete(path);
    if (decision) decisions.set(path, decision);
  }
  if (undoing) done.pop();
  else done.push(before);
  toBrowser();
  const paths = new Set(changes.map(([path]) => path));
  boxes().filter((element) => paths.has(element.path)).forEach(mark);
  tell();
  const [path, decision] = changes[0];
  said.textContent = `${changes.length === 1 ? shown(path) : plural(changes.length, audit.kind)}: ${words(decision)}`;
}

/** Shows what the server keeps, which another window may have changed. */
async function refresh() {
  const kept = file === null ? null : await fromServer().catch(() => null);
  if (!kept) return;
  decisions.clear();
  for (const { path, action, label } of kept) decisions.set(path, { action, label });
  boxes().forEach(mark);
  tell();
}

/** Shows on an image, or sound, what was decided about it. */
function mark(element) {
  const decision = decisions.get(element.path);
  element.classList.toggle("decided", Boolean(decision));
  element.classList.toggle("dropped", decision?.action === "drop");
  for (const button of element.querySelectorAll("[data-action]")) {
    const { action, label } = button.dataset;
    button.setAttribute("aria-pressed", String(action === decision?.action && label === decision.label));
  }
  const other = element.querySelector(".other");
  if (!other) return;
  const named = decision?.action === "relabel" && decision.label !== element.suggestion;
  other.textContent = named ? `It is ${decision.label}` : "Label …";
  other.setAttribute("aria-pressed", String(named));
}

function words(decision) {
  if (!decision) return "as it was";
  return { keep: "kept", drop: "dropped", relabel: `relabelled as ${decision.label}` }[decision.action];
}

/* Where decisions go. */

async function fromServer() {
  if (!location.protocol.startsWith("http")) return null;
  const answer = await fetch("decisions");
  if (!answer.ok) return null; // some other server, for which the page is a file like any other
  const given = await answer.json();
  ({ file, command } = given);
  return given.decisions;
}

async function toServer(changes) {
  if (file === null) return;
  // What another window decided meanwhile is refused, not replaced.
  const told = changes.map(([path, decision]) => ({ path, action: null, ...decision, before: decisions.get(path) ?? null }));
  const body = JSON.stringify(told);
  let answer;
  try {
    answer = await fetch("decisions", { method: "POST", headers: { "Content-Type": "application/json" }, body });
  } catch {
    throw new Error("The server does not answer: this decision was not kept. Start `beholder serve` again.");
  }
  if (!answer.ok) throw new Error((await answer.json()).error);
}

/** What this browser remembers of the file, so that closing it loses nothing. */
function fromBrowser() {
  try {
    return JSON.parse(localStorage.getItem(`beholder-audit-${audit.id}`));
  } catch {
    return null;
  }
}

function toBrowser() {
  if (file !== null) return;
  try {
    localStorage.setItem(`beholder-audit-${audit.id}`, JSON.stringify(rows()));
  } catch {
    window.onbeforeunload = (event) => event.preventDefault(); // it remembers nothing: warn before it is closed
  }
}

function rows() {
  return [...decisions].map(([path, { action, label }]) => ({ path, action, label }));
}

function tell() {
  const count = decisions.size;
  const code = file === null ? audit.command : command;
  const judged = new Set(audit.album.filter(({ set }) => set === "validation").map(({ path }) => path));
  const changes = [...decisions].filter(([, { action }]) => action !== "keep");
  const unlearned = changes.filter(([path]) => judged.has(path)).length;
  bar.replaceChildren(
    h("p", {}, h("b", {}, plural(count, "decision")), file === null ? "" : h("span", { class: "muted" }, " in "),
      file === null ? "" : h("code", {}, file)),
    count ? h("p", { class: "muted then" }, "Train with them: ", h("code", {}, code)) : "",
    unlearned ? h("p", { class: "muted then" }, `${number(unlearned)} of your ${plural(changes.length, "correction")} `,
      unlearned === 1 ? "is of the validation set: it changes" : "are of the validation set: they change",
      " the figures, not what is learned.") : "",
    h("div", { class: "row" },
      h("button", { type: "button", disabled: !done.length, onclick: undo }, "Undo"),
      file === null ? h("button", { type: "button", class: "main", disabled: !count, onclick: save }, "Save corrections.csv") : null));
}

function save() {
  const lines = [["path", "action", "label"], ...rows().map(({ path, action, label }) => [path, action, label])];
  const text = lines.map((line) => `${line.map(quoted).join(",")}\r\n`).join("");
  const link = h("a", { href: URL.createObjectURL(new Blob(bytes(text), { type: "text/csv" })), download: "corrections.csv" });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  window.onbeforeunload = null;
}

/** A field as RFC 4180 has it. */
function quoted(field) {
  return /[",\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field;
}

/** UTF-8; a lone half of a pair stands for a byte of a file name that is no text, as in Python (PEP 383). */
function bytes(text) {
  const encoder = new TextEncoder();
  const pieces = text.split(/([\udc80-\udcff])/u); // every second one is such a half
  return pieces.map((piece, place) => (place % 2 ? new Uint8Array([piece.charCodeAt(0) - 0xdc00]) : encoder.encode(piece)));
}
