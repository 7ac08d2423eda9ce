// What was answered at the end of an epoch, and a slider to walk from one to the next: answers, confusion, filters.

import { breakable, get, h, percent, pixels, plural, problem, replace } from "./draw.js";
import { kind } from "./kind.js";

const MOST_CLASSES = 20; // in the matrix; of more, those with the most mistakes

export class Epochs {
  constructor(box) {
    this.box = box;
    this.slider = h("input", { type: "range", min: 0, max: 0, step: 1, value: 0, id: "epoch" });
    this.output = h("output", { for: "epoch" });
    this.answers = h("div", {});
    this.matrix = h("div", {});
    this.filters = h("div", {});
    this.slider.addEventListener("input", () => {
      this.follows = Number(this.slider.value) === this.kept.length - 1;
      this.show();
    });
    replace(box, h("section", { "aria-labelledby": "epochs-title" },
      h("h2", { id: "epochs-title" }, "What it answers"),
      h("div", { class: "epoch-choice" }, h("label", { for: "epoch" }, "At the end of epoch"), this.slider, this.output),
      h("div", { class: "epoch-grid" }, this.answers, this.matrix), this.filters));
    this.clear();
  }

  clear() {
    [this.kept, this.documents, this.shown, this.follows, this.wanted] = [[], new Map(), null, true, null];
    this.box.hidden = true;
  }

  /** A snapshot of `epoch` was kept. */
  add(epoch) {
    this.documents.delete(epoch);
    if (!this.kept.includes(epoch)) this.kept.push(epoch);
    this.slider.max = this.kept.length - 1;
    if (this.follows) this.slider.value = this.kept.length - 1;
    this.box.hidden = false;
    clearTimeout(this.soon); // many come at once where a run is opened late
    this.soon = setTimeout(() => this.show(), 60);
  }

  async show() {
    const place = Number(this.slider.value);
    const epoch = this.kept[place];
    if (epoch === undefined) return;
    this.wanted = epoch;
    this.output.textContent = `${epoch}`;
    this.slider.setAttribute("aria-valuetext", `epoch ${epoch}`);
    try {
      if (!this.shown?.images.length) this.shown = await get("watch/images");
      const [now, before] = [await this.read(epoch), place > 0 ? await this.read(this.kept[place - 1]) : null];
      if (this.wanted !== epoch) return; // another was asked for meanwhile
      this.drawAnswers(now, before);
      this.drawMatrix(now);
      this.drawFilters(now);
    } catch (error) {
      replace(this.answers, problem(error.message));
    }
  }

  async read(epoch) {
    if (!this.documents.has(epoch)) this.documents.set(epoch, await get(`watch/snapshots/${epoch}`));
    return this.documents.get(epoch);
  }

  drawAnswers({ answers }, before) {
    const { class_names: names, images } = this.shown;
    const right = answers.filter(({ answer }, place) => answer === images[place].label).length;
    replace(this.answers, h("h3", {}, `The same ${plural(answers.length, `validation ${kind.row}`)}, ${right} right`),
      h("ul", { class: "answers" }, answers.map(({ answer, probability }, place) => {
        const { image, label } = images[place];
        const changed = before && before.answers[place].answer !== answer;
        return h("li", { class: answer === label ? "" : "wrong" }, pixels(image, ""),
          h("span", { class: changed ? "changed" : "" }, breakable(names[answer])), " ", h("span", { class: "muted" }, percent(probability)),
          answer === label ? null : h("div", { class: "muted" }, "is ", breakable(names[label])),
          changed ? h("div", { class: "muted" }, "was ", breakable(names[before.answers[place].answer])) : null);
      })));
  }

  drawMatrix({ confusion }) {
    if (!confusion) {
      replace(this.matrix, h("h3", {}, "Confusion matrix"), h("p", { class: "muted" }, "There are too many classes for a confusion matrix."));
      return;
    }
    const names = this.shown.class_names;
    const rows = worst(confusion);
    const most = Math.max(1, ...rows.flatMap((row) => rows.filter((column) => column !== row).map((column) => confusion[row][column])));
    const cell = (row, column) => {
      const count = confusion[row][column];
      const share = row === column ? count / Math.max(1, sum(confusion[row])) : count / most;
      return h("td", { class: row === column ? "right" : count ? "wrong" : "none", style: { "--share": share },
        title: `${names[row]} answered as ${names[column]}: ${count}` }, count || "");
    };
    const upright = rows.every((row) => names[row].length < 3) ? " upright" : "";
    const table = h("table", { class: `matrix still${rows.length > 12 ? " dense" : ""}${upright}` },
      h("thead", {}, h("tr", {}, h("th", { class: "corner" }, h("span", {}, "true\u00a0↓ answer\u00a0→")),
        rows.map((column) => h("th", { scope: "col" }, h("span", { title: names[column] }, breakable(names[column])))))),
      h("tbody", {}, rows.map((row) => h("tr", {}, h("th", { scope: "row", title: names[row] }, breakable(names[row])), rows.map((column) => cell(row, column))))));
    replace(this.matrix, h("h3", {}, "Confusion matrix"),
      rows.length < names.length ? h("p", { class: "muted" }, `The ${rows.length} classes with the most mistakes, of ${names.length}.`) : null,
      h("div", { class: "matrix-box", tabindex: 0, role: "region", "aria-label": "Confusion matrix of the validation set" }, table));
  }

  drawFilters({ filters }) {
    replace(this.filters, filters.length ? [h("h3", {}, "What the first layer looks for"),
      h("div", { class: "filters" }, filters.map((source, index) => pixels(source, `Window ${index}`)))] : null);
  }
}

const sum = (numbers) => numbers.reduce((total, one) => total + one, 0);

/** All classes, or those with the most mistakes where there are too many to draw. */
function worst(confusion) {
  const all = confusion.map((_, index) => index);
  const wrong = all.map((index) => sum(confusion[index]) + sum(confusion.map((row) => row[index])) - 2 * confusion[index][index]);
  return all.sort((one, other) => wrong[other] - wrong[one]).slice(0, MOST_CLASSES).sort((one, other) => one - other);
}
