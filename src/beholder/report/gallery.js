// An audit's gallery: what was found, kind by kind, with a decision for each image (gallery_decisions.js).

const audit = JSON.parse(document.getElementById("audit").textContent);
const PAGE = 24; // findings shown at a time
const SETS = ["test", "validation", "train", "all"]; // of equal images the copy in the first of these is kept

const bar = h("footer", { class: "bar" });
const message = h("p", { class: "problem", role: "alert", hidden: true });
const said = h("p", { class: "unseen", role: "status" });
const dialog = h("dialog", { "aria-label": "Another label" });

start();

async function start() {
  document.body.append(header(), h("main", {}, audit.kinds.map(section)), message, bar, said, dialog);
  document.addEventListener("keydown", onKey);
  for (const { path, action, label } of audit.decisions) decisions.set(path, { action, label });
  const kept = (await fromServer()) ?? fromBrowser();
  if (kept) {
    decisions.clear();
    for (const { path, action, label } of kept) decisions.set(path, { action, label });
  }
  boxes().forEach(mark);
  tell();
}

/* What was found. */

function header() {
  const total = audit.kinds.reduce((sum, kind) => sum + kind.count, 0);
  const sets = Object.entries(audit.images);
  const all = sets.reduce((sum, [, count]) => sum + count, 0);
  const each = sets.length > 1 ? ` (${sets.map(([set, count]) => `${set} ${number(count)}`).join(", ")})` : "";
  return h("header", {},
    h("p", { class: "eyebrow" }, `Beholder ${audit.beholder} · ${audit.created.slice(0, 10)} · ${shown(audit.data)}`),
    h("h1", {}, `Audit of ${shown(audit.data.split("/").filter(Boolean).at(-1) ?? audit.data)}`),
    h("div", { class: "headline" }, h("strong", {}, number(total)), h("div", {},
      h("p", {}, `${total === 1 ? "finding" : "findings"} in ${plural(all, audit.kind)}${each}.`),
      total ? h("p", { class: "muted" }, "Nothing was changed. Decide what to keep, drop or relabel; training obeys your ",
        "decisions, and your files are never touched.") : null,
      total ? keys() : null)),
    audit.notes.length ? h("ul", { class: "notes", "aria-label": "Notes" }, audit.notes.map((note) => h("li", {}, withCode(note)))) : null,
    h("nav", { "aria-label": "Kinds" }, h("ul", {}, audit.kinds.map(({ kind, title, count }) =>
      h("li", {}, h("a", { href: `#${kind}` }, title), h("span", { class: "muted" }, ` ${number(count)}`))))));
}

function keys() {
  const key = (name, text) => [h("kbd", {}, name), ` ${text} `];
  return h("p", { class: "muted keys" }, `On ${audit.kind === "image" ? "an image" : "a sound"}: `, key("K", "keep"), key("D", "drop"),
    key("A", "the suggested label"), key("R", "another label"), key("G", "drop all others like it"), key("U", "undo"),
    key("← →", "move"));
}

function section(kind) {
  const list = h("div", { class: `findings${kind.findings[0].members.length !== 1 ? " groups" : ""}` });
  const more = h("button", { type: "button", class: "more" }, "Show more");
  const append = () => {
    const from = list.children.length;
    list.append(...kind.findings.slice(from, from + PAGE).map((finding) => card(kind, finding)));
    list.querySelectorAll(".box").forEach(mark);
    more.hidden = list.children.length >= kind.findings.length;
  };
  more.addEventListener("click", append);
  append();
  const groups = kind.findings.filter(surplus);
  const all = kind.kind === "exact_duplicate" && groups.length > 1
    ? h("button", { type: "button", onclick: () => step(groups.flatMap(surplus)) },
      `Drop all but one in each of ${number(groups.length)} groups`) : null;
  const hidden = kind.count - kind.findings.length;
  return h("section", { id: kind.kind, "aria-labelledby": `${kind.kind}-title` },
    h("h2", { id: `${kind.kind}-title` }, kind.title, h("span", { class: "muted" }, ` ${number(kind.count)}`)),
    h("p", { class: "muted" }, withCode(kind.sentence)), all, list, more,
    hidden ? h("p", { class: "muted" }, `${number(hidden)} more are in findings.csv.`) : null);
}

function card(kind, finding) {
  const members = finding.members.map((place) => audit.album[place]);
  if (!members.length) return h("p", { class: "about" }, withCode(finding.sentence));
  if (members.length === 1) return box(kind, members[0], finding);
  const drop = surplus(finding);
  const labels = new Set(members.map(({ label }) => label));
  const rest = finding.count - members.length;
  return h("article", { class: "group" },
    h("div", { class: "group-head" },
      h("p", {}, finding.sentence || plural(finding.count, audit.kind),
        kind.kind === "near_duplicate" ? h("span", { class: "muted" }, ` ${Math.floor(100 * finding.score)} % alike.`) : null,
        labels.size > 1 ? h("span", { class: "badge warn" }, "labels differ") : null,
        finding.sure ? null : h("span", { class: "badge warn" }, "compare before you drop"),
        rest ? h("span", { class: "muted" }, ` ${number(rest)} more are in findings.csv.`) : null),
      drop ? h("button", { type: "button", "data-all": "", onclick: () => step(drop) }, "Drop all but one") : null),
    h("div", { class: "members" }, members.map((image) => box(kind, image))));
}

/** The changes that leave one copy of a group, that of the set that matters most; null where anything is in doubt. */
function surplus({ members, sure }) {
  if (!sure) return null;
  const images = members.map((place) => audit.album[place]);
  const alike = images.length > 1 && images.every(({ label, unique }) => unique && label === images[0].label);
  if (!alike) return null;
  const kept = SETS.flatMap((set) => images.filter((image) => image.set === set))[0] ?? images[0];
  return images.filter((image) => image !== kept).map(({ path }) => [path, DROP]);
}

/** One image with its decision; of a finding about it alone, with what was found. */
function box(kind, image, finding = null) {
  const { path, set, label, unique } = image;
  const suggestion = kind.kind === "wrong_label" ? finding.suggestion : null;
  const element = h("article", { class: "box", tabindex: 0, "aria-label": `${label}: ${shown(path)}` });
  const press = (decision, text) => h("button", { type: "button", "aria-pressed": "false",
    "data-action": decision.action, "data-label": decision.label, onclick: () => toggle(element, decision) }, text);
  const several = Object.keys(audit.images).length > 1;
  element.append(
    thumbnail(image),
    image.sound ? h("audio", { src: image.sound, controls: true, preload: "none" }) : "",
    h("div", { class: "facts" },
      label ? h("p", {}, h("span", { class: "muted" }, suggestion ? "labelled " : ""), h("b", {}, breakable(label))) : null,
      suggestion ? h("p", {}, h("span", { class: "muted" }, "looks like "), h("b", {}, breakable(suggestion)),
        h("span", { class: "muted" }, `: ${Math.floor(100 * finding.score)} % sure that it is no ${label}`)) : null,
      finding && !suggestion && finding.sentence ? h("p", {}, finding.sentence) : null,
      h("p", { class: "muted path", title: shown(path) }, several && set ? h("span", { class: "badge" }, set) : null,
        breakable(shown(path)))),
    finding?.neighbours.length ? neighbours(finding) : "",
    !kind.decisions ? "" : !unique ? h("p", { class: "muted" }, `Several ${audit.kind}s have this name; rename them to decide.`)
      : h("div", { class: "decision" }, press(KEEP, "Keep"), press(DROP, "Drop"),
        suggestion ? press(relabel(suggestion), `It is ${suggestion}`) : null,
        audit.class_names.length > 1 ? h("button", { type: "button", class: "other", "aria-pressed": "false",
          onclick: () => choose(element) }, "Label …") : null));
  element.path = unique && kind.decisions ? path : null;
  element.suggestion = suggestion;
  return element;
}

function thumbnail({ image }, words = "") {
  if (!image) return h("span", { class: "none muted" }, `no ${audit.kind}`);
  return h("img", { src: image, alt: words, class: image.startsWith("data:image/png") ? "small" : "" });
}

function neighbours({ neighbours }) {
  return h("div", { class: "neighbours" }, h("p", { class: "muted" }, "Most like it"),
    h("ul", {}, neighbours.map((place) => h("li", {}, thumbnail(audit.album[place]),
      h("span", { class: "muted" }, breakable(audit.album[place].label))))));
}

/** Asks for another label: type a part of it, press Enter. */
function choose(element) {
  const list = h("div", { class: "labels" });
  const input = h("input", { type: "search", "aria-label": "Find a class", placeholder: "Find a class" });
  const pick = (label) => {
    dialog.close();
    element.focus();
    toggle(element, relabel(label));
  };
  const fill = () => {
    const wanted = input.value.trim().toLowerCase();
    const found = audit.class_names.filter((name) => name.toLowerCase().includes(wanted));
    list.replaceChildren(...found.map((name) => h("button", { type: "button", onclick: () => pick(name) }, name)));
  };
  input.addEventListener("input", fill);
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter") list.querySelector("button")?.click();
  });
  fill();
  dialog.replaceChildren(input, list);
  dialog.onclick = (event) => event.target === dialog && dialog.close();
  dialog.showModal();
  input.focus();
}

function onKey(event) {
  const element = event.target.closest?.(".box");
  if (event.ctrlKey || event.metaKey || event.altKey || dialog.open) return;
  if (event.key === "u") return undo();
  if (!element) return;
  const decide = (decision) => element.path && (toggle(element, decision), move(element, 1));
  const act = {
    k: () => decide(KEEP),
    d: () => decide(DROP),
    a: () => element.suggestion && decide(relabel(element.suggestion)),
    g: () => element.closest(".group")?.querySelector("[data-all]")?.click(),
    r: () => element.querySelector(".other")?.click(),
    ArrowRight: () => move(element, 1),
    ArrowDown: () => move(element, 1),
    ArrowLeft: () => move(element, -1),
    ArrowUp: () => move(element, -1),
  }[event.key];
  if (!act) return;
  event.preventDefault();
  act();
}

function move(element, by) {
  const own = [...element.closest("section").querySelectorAll(".box")];
  if (by > 0 && element === own.at(-1)) element.closest("section").querySelector(".more:not([hidden])")?.click();
  const all = boxes();
  all[all.indexOf(element) + by]?.focus();
}

function boxes() {
  return [...document.querySelectorAll(".box")];
}

/* Words and elements. */

function problem(text) {
  message.textContent = text;
  message.hidden = !text;
}

function number(value) {
  return value.toLocaleString("en");
}

function plural(count, noun) {
  return `${number(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/** A sentence with its commands and options as code; no line break cuts an option in two. */
function withCode(text) {
  const pieces = text.split(/`([^`]+)`|(--[a-z][a-z-]*)/);
  return pieces.map((piece, place) => (place % 3 && piece ? h("code", place % 3 === 1 ? { class: "command" } : {}, piece) : piece ?? ""));
}

/** A path as it can be read: what is no text becomes a question mark. */
function shown(path) {
  return path.toWellFormed?.() ?? path;
}

/** A class or file name with places where a long one may be broken: after each of _ - / and dots. */
function breakable(text) {
  return text.split(/(?<=[_\-/.])/).flatMap((piece, place) => (place ? [h("wbr", {}), piece] : [piece]));
}

/** An element with attributes, listeners (`onclick`) and children; null children are left out. */
function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element[name] = value;
    else if (typeof value === "boolean") element.toggleAttribute(name, value);
    else element.setAttribute(name, value);
  }
  element.append(...children.flat(3).filter((child) => child !== null && child !== ""));
  return element;
}
