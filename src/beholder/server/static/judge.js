// Judge: the confusion matrix, the figures of each class, the course of training, confident mistakes.

import { announce, breakable, correction, get, h, percent, pixels, plural, problem, replace, sentence, whole } from "./draw.js";
import { curve } from "./curves.js";
import { trust } from "./honesty.js";
import { kind } from "./kind.js";

const MOST_CLASSES = 40; // in the matrix; of more, those with the most mistakes
const SETS = { test: "Test set", validation: "Validation set" };
const COLUMNS = { class_name: "Class", precision: "Precision", recall: "Recall", f1: "F1", count: null };
const counted = () => kind.sound ? "Sounds" : "Images";

let verdict, set;
let figures, cellBox;
let order = { by: "f1", up: true };

export async function start(panel) {
  verdict = await get("page/judge");
  const { sets, epochs, filters, notes } = verdict;
  set = sets.test ? "test" : "validation";
  figures = h("div", { class: "figures" });
  replace(panel,
    notes.length ? h("div", { class: "judge-notes" }, notes.map((note) => h("p", { class: "muted" }, sentence(note)))) : null,
    Object.keys(sets).length > 1 ? choice(sets) : null,
    figures,
    epochs.length ? curves(epochs) : null,
    filters.length ? firstLayer(filters) : null);
  if (sets[set]) showSet();
}

function choice(sets) {
  return h("div", { class: "row sets", role: "group", "aria-label": "Judged on" }, Object.keys(SETS).map((name) => {
    const button = h("button", { type: "button", "aria-pressed": String(name === set) }, name === "validation" && verdict.folds ? "Out of fold" : SETS[name],
      h("span", { class: "muted" }, whole(sets[name].count)));
    button.addEventListener("click", () => {
      set = name;
      for (const other of button.parentElement.children) other.setAttribute("aria-pressed", String(other === button));
      showSet();
    });
    return button;
  }));
}

function showSet() {
  const { accuracy, count, honesty, interval, judged, mistakes, uneven, macro_recall, macro_f1 } = verdict.sets[set];
  const folds = set === "validation" && verdict.folds;
  const said = folds ? "Each was answered by a network that never saw it; the model learned from all of them."
    : set === "test" ? `The test set was never used to make any choice: expect as much on new ${kind.many}.`
    : `Training was steered by the validation set: expect a little less on new ${kind.many}.`;
  cellBox = h("section", { class: "cell", "aria-label": `${counted()} of a cell`, "aria-live": "polite" },
    h("p", { class: "muted" }, `Choose a cell to see its ${kind.many}.`));
  replace(figures,
    uneven ? h("p", { class: "headline" }, h("b", {}, percent(macro_recall)), " balanced accuracy",
      h("span", { class: "muted" }, `, the mean of the classes' recall (macro F1 ${percent(macro_f1)}). `
        + "The classes differ in size: the accuracy below is mostly that of the large ones.")) : null,
    h("p", { class: "headline" }, h("b", {}, percent(accuracy)), " accuracy ",
      h("span", { class: "muted" }, folds ? `out of fold, on ${plural(count, kind.one)}` : `on ${plural(count, kind.one)} of the ${set} set`,
        interval ? ` (95 % interval ${percent(interval[0])} to ${percent(interval[1])})` : "", `. ${said}`, judged ? ` ${judged}` : "")),
    h("div", { class: "judge-grid" },
      h("section", {}, h("h2", {}, "Confusion matrix"), confusion(), cellBox),
      h("section", {}, h("h2", {}, "Figures of each class"), classTable())),
    trust(honesty, verdict.promise),
    h("section", {}, h("h2", {}, "Confident mistakes"), mistakes.length ? gallery(mistakes, set === "validation")
      : h("p", { class: "muted" }, "There are none: every answer was right.")));
}

function confusion() {
  const { confusion: counts, words } = verdict.sets[set];
  const shown = shownClasses(counts);
  const most = Math.max(...shown.flatMap((row) => shown.filter((column) => column !== row).map((column) => counts[row][column])), 1);
  const names = verdict.class_names;
  const upright = shown.every((index) => names[index].length < 3) ? " upright" : "";
  const table = h("table", { class: `matrix${shown.length > 12 ? " dense" : ""}${upright}`, "aria-label": words, role: "grid" },
    h("thead", {}, h("tr", {}, h("th", { class: "corner" }, h("span", {}, "true\u00a0↓ answer\u00a0→")), shown.map((column) => h("th", { scope: "col" },
      h("span", { title: names[column] }, breakable(names[column])))))),
    h("tbody", {}, shown.map((row, down) => {
      const total = counts[row].reduce((sum, one) => sum + one, 0);
      return h("tr", {}, h("th", { scope: "row", title: names[row] }, breakable(names[row])), shown.map((column, across) => {
        const count = counts[row][column];
        const share = row === column ? count / Math.max(total, 1) : count / most;
        return h("td", { class: row === column ? "right" : count ? "wrong" : "none", "data-cell": `${row}/${column}`, role: "gridcell",
          tabindex: down || across ? -1 : 0, "aria-label": `${names[row]} answered as ${names[column]}: ${count}`,
          title: `${names[row]} answered as ${names[column]}: ${count}`, style: { "--share": share } }, count || "");
      }));
    })));
  table.addEventListener("click", (event) => openCell(event.target.closest("[data-cell]")));
  table.addEventListener("keydown", (event) => onMatrixKey(event, table, shown.length));
  const note = shown.length < counts.length
    ? h("p", { class: "muted" }, `The ${shown.length} classes with the most mistakes, of ${counts.length}.`) : null;
  return [note, h("div", { class: "matrix-box" }, table)];
}

/** All classes, or those with the most mistakes where there are too many to draw. */
function shownClasses(counts) {
  const all = counts.map((_, index) => index);
  if (all.length <= MOST_CLASSES) return all;
  const wrong = all.map((index) => counts[index].reduce((sum, one, column) => sum + (column === index ? 0 : one + counts[column][index]), 0));
  return all.sort((one, other) => wrong[other] - wrong[one]).slice(0, MOST_CLASSES).sort((one, other) => one - other);
}

function onMatrixKey(event, table, side) {
  const cells = [...table.querySelectorAll("[data-cell]")];
  const at = cells.indexOf(event.target);
  if (at < 0) return;
  if (event.key === "Enter" || event.key === " ") {
    event.preventDefault();
    openCell(cells[at]);
    return;
  }
  const column = at % side;
  const next = {
    ArrowRight: column < side - 1 ? at + 1 : at, ArrowLeft: column ? at - 1 : at, ArrowDown: at + side, ArrowUp: at - side,
    Home: at - column, End: at - column + side - 1,
  }[event.key];
  if (next === undefined) return;
  event.preventDefault();
  if (!cells[next]) return;
  cells[at].tabIndex = -1;
  cells[next].tabIndex = 0;
  cells[next].focus();
}

async function openCell(cell) {
  if (!cell) return;
  for (const other of figures.querySelectorAll("[data-cell].open")) other.classList.remove("open");
  cell.classList.add("open");
  const [row, column] = cell.dataset.cell.split("/").map(Number);
  const names = verdict.class_names;
  const box = cellBox;
  try {
    const { count, images } = await get(`page/judge/cell/${row}/${column}`);
    const what = row === column ? `${names[row]}, and answered so` : `${names[row]}, answered as ${names[column]}`;
    const some = images.filter((one) => one.image);
    const kept = count ? `${plural(count, kind.one)}${some.length < count ? `, ${some.length} of them shown` : ""}, most confident first.`
      : `No ${kind.one}.`;
    replace(box, h("h3", {}, what), set === "test" ? ofTest(names[row], names[column]) : null,
      h("p", { class: "muted" }, set === "test" ? `Of the validation set: ${kept}` : kept), gallery(some, true));
    announce(`${what}: ${plural(count, kind.one)}`);
  } catch (error) {
    replace(box, problem(error.message));
  }
}

/** The evaluation keeps the images of the surest mistakes alone. */
function ofTest(label, answer) {
  const found = verdict.sets.test.mistakes.filter((one) => one.label === label && one.answer === answer && one.image);
  return [h("p", { class: "muted" }, found.length ? "Of the test set:" : "Of the test set, only the most confident mistakes are kept to be shown."),
    found.length ? gallery(found, false) : null];
}

/** Images that lead to where they are corrected; those of the test set never are (`correctable`). */
function gallery(images, correctable) {
  return h("ul", { class: "gallery" }, images.map((one) => h("li", {},
    h("a", { href: correctable ? correction(one.path) : "#correct", title: one.path },
      one.image ? pixels(one.image, "") : null,
      h("span", {}, breakable(one.answer)),
      one.answer === one.label ? null : h("span", { class: "muted" }, "is ", breakable(one.label)),
      h("span", { class: "muted" }, percent(one.probability))))));
}

function classTable() {
  const body = h("tbody", {});
  const heads = Object.entries(COLUMNS).map(([key, name]) => h("th", { scope: "col" },
    h("button", { type: "button", class: "plain sort", "data-by": key, onclick: () => sort(key) }, name ?? counted())));
  const table = h("table", { class: "classes" }, h("thead", {}, h("tr", {}, heads)), body);
  const fill = () => {
    const rows = [...verdict.sets[set].per_class].sort((one, other) => {
      const [a, b] = [one[order.by], other[order.by]];
      return (order.up ? 1 : -1) * (typeof a === "string" ? a.localeCompare(b, undefined, { numeric: true }) : a - b);
    });
    replace(body, rows.map((row) => h("tr", {}, h("th", { scope: "row", title: row.class_name }, breakable(row.class_name)),
      ["precision", "recall", "f1"].map((key) => h("td", { class: "bar", style: { "--share": row[key] } }, row.count ? percent(row[key]) : "–")),
      h("td", {}, whole(row.count)))));
    for (const head of heads) {
      const mine = head.firstChild.dataset.by === order.by;
      if (mine) head.setAttribute("aria-sort", order.up ? "ascending" : "descending");
      else head.removeAttribute("aria-sort");
    }
  };
  function sort(key) {
    order = { by: key, up: key === order.by ? !order.up : key === "class_name" };
    fill();
  }
  fill();
  return [h("div", { class: "table-box", tabindex: 0, role: "region", "aria-label": "Figures of each class" }, table),
    h("details", {}, h("summary", {}, "What these mean"),
      h("p", { class: "muted" }, `Precision: the share of the answers “this class” that are right. Recall: the share of this class’s ${kind.many} that are recognised. F1: their harmonic mean, low where either is low.`))];
}

function curves(epochs) {
  const { loss, accuracy } = verdict.curves_words;
  return h("section", {}, h("h2", {}, "How training went"),
    h("p", { class: "muted" }, `Where the two lines part, the network does better on its training ${kind.many} than on new ones: the shaded gap is overfitting.`),
    h("div", { class: "charts" },
      curve(epochs, { title: "Accuracy", train: "train_accuracy", validation: "validation_accuracy", words: accuracy, share: true }),
      curve(epochs, { title: "Loss", train: "train_loss", validation: "validation_loss", words: loss, share: false })));
}

function firstLayer(filters) {
  const [count, rows, columns, channels] = verdict.filter_size;
  return h("section", {}, h("h2", {}, "What the first layer looks for"),
    h("p", { class: "muted" }, `${plural(count, "window")} of ${columns} × ${rows} pixels${channels === 3 ? " in colour" : ""}${
      count > filters.length ? `, ${filters.length} shown` : ""}. Mid-grey is a weight of zero; stripes respond to edges in their direction, blobs to spots.`),
    h("div", { class: "filters" }, filters.map((source, index) => pixels(source, `Window ${index}`, { title: `Window ${index}` }))));
}
