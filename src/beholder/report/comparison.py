"""Writes a comparison's page: one HTML file over several runs, self-contained as each run's report is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from beholder import files
from beholder.data.kinds import FileKind
from beholder.errors import RunError
from beholder.evaluation.metrics import validation_interval
from beholder.report import charts, comparison_charts, words
from beholder.report.reading import RunFiles, read_run
from beholder.report.templates import render
from beholder.runs.run_folder import COMPARISON_FILE, COMPARISON_PAGE, read_document
from beholder.schema import why_damaged


def write_comparison(folder: Path) -> Path:
    """Write FOLDER/comparison.html from FOLDER/comparison.json and the runs beside it, whole or not at all.

    Args:
        folder: what `beholder compare` made.

    Returns:
        The path of the page.

    Raises:
        RunError: there is no comparison, it is damaged, or one of its runs is missing or damaged.
        StorageError: the disk is full or may not be written to.
    """
    name = folder / COMPARISON_FILE
    document = read_document(
        name, missing=f"{str(folder)!r} holds no comparison; give the --out of `beholder compare`."
    )
    try:
        rows = [_row(folder, row) for row in document["models"]]
        kind = rows[0]["files"].kind
        models = list(dict.fromkeys(row["model"] for row in sorted(rows, key=lambda row: row["parameters"])))
        html = render(
            "comparison.html",
            document=document,
            rows=rows,
            models=models,
            findings=findings(rows, kind),
            curves=_curves(rows),
            figures=_figures(rows, models, kind),
            first=rows[0]["files"],
            kind=kind,
        )
    except (KeyError, TypeError, IndexError) as error:
        raise RunError(f"{str(name)!r} is damaged ({why_damaged(error)}); run `beholder compare` again.") from error
    path = folder / COMPARISON_PAGE
    files.write_bytes(path, html)
    return path


def findings(rows: list[dict[str, Any]], kind: FileKind) -> list[str]:
    """What the table says, in sentences; each only where it is so.

    Args:
        rows: of the comparison, ranked; `validation_interval` is a pair or None.
        kind: of what all learned from.
    """
    best, largest = rows[0], _at_largest_size(rows)
    interval = best["validation_interval"]
    between = f" (95 % interval {words.percent(interval[0])} to {words.percent(interval[1])})" if interval else ""
    sentences = [
        f"{best['title']} ranks first: {words.percent(best['validation_accuracy'])} on the validation set{between} "
        f"with {best['parameters']:,} parameters."
    ]
    return sentences + _who_memorises(rows) + _what_parameters_buy(largest) + _what_files_buy(rows, kind)


def _who_memorises(rows: list[dict[str, Any]]) -> list[str]:
    widest = max(rows, key=lambda row: row["gap"])
    if widest["gap"] < words.NOTABLE_GAP:
        return []
    return [
        f"{widest['title']} overfits most: its training accuracy, {words.percent(widest['train_accuracy'])}, ends "
        f"{_points(widest['gap'])} above its validation accuracy."
    ]


def _what_parameters_buy(rows: list[dict[str, Any]]) -> list[str]:
    heaviest = max(rows, key=lambda row: row["parameters"])
    better = [
        f"{row['model']} ({_points(row['validation_accuracy'] - heaviest['validation_accuracy'])})"
        for row in rows
        if row["validation_accuracy"] > heaviest["validation_accuracy"] and row["parameters"] < heaviest["parameters"]
    ]
    if not better:
        return []
    return [
        f"{heaviest['model']} has the most parameters, {heaviest['parameters']:,}; better on validation with fewer: "
        f"{', '.join(better)}."
    ]


def _what_files_buy(rows: list[dict[str, Any]], kind: FileKind) -> list[str]:
    courses = []
    for model in dict.fromkeys(row["model"] for row in rows):
        sizes = sorted((row for row in rows if row["model"] == model), key=lambda row: row["images"])
        if len(sizes) > 1:
            courses.append(f"{model} from {100 * sizes[0]['gap']:.1f} to {_points(sizes[-1]['gap'])}")
    if not courses:
        return []
    few, many = (choice(row["images"] for row in rows) for choice in (min, max))
    return [f"From {few:,} to {many:,} training {kind.plural} the gap changes: {', '.join(courses)}."]


def _row(folder: Path, row: dict[str, Any]) -> dict[str, Any]:
    """A row of the table with what is drawn and said of its run."""
    name = Path(row["run"]).name
    run = read_run(folder / name)
    count = sum((run.data or {}).get("counts", {}).get("validation", []))
    interval = validation_interval(row["validation_accuracy"], count, (run.manifest or {}).get("validation", {}))
    several = name != row["model"]
    title = f"{row['model']} on {run.kind.count(row['images'])}" if several else row["model"]
    return {**row, "name": name, "title": title, "files": run, "validation_interval": interval, "validation": count}


def _at_largest_size(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row a model, that with the most to learn from, in the order of the table."""
    most: dict[str, dict[str, Any]] = {}
    for row in rows:
        if row["model"] not in most or row["images"] > most[row["model"]]["images"]:
            most[row["model"]] = row
    return list(most.values())


def _curves(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Learning curves of each run on one scale; a model's sizes side by side."""
    lowest, highest = _limits([row["files"] for row in rows])
    ordered = sorted(rows, key=lambda row: (row["parameters"], row["model"], row["images"]))
    return [
        {
            "title": f"{row['title']}: gap {_points(row['gap'])}",
            "chart": charts.accuracy_curves(row["files"].epochs, lowest, highest),
            "alt": f"{row['title']}. {words.accuracy_in_words(row['files'].epochs)}",
        }
        for row in ordered
        if row["files"].epochs
    ]


def _limits(runs: list[RunFiles]) -> tuple[float, float]:
    values = [
        epoch[key]
        for run in runs
        for epoch in run.epochs
        for key in ("train_accuracy", "validation_accuracy")
        if words.known(epoch.get(key))
    ] or [0.0, 1.0]
    margin = 0.05 * (max(values) - min(values)) + 0.005
    return max(0.0, min(values) - margin), min(1.0 + margin, max(values) + margin)


def _figures(rows: list[dict[str, Any]], models: list[str], kind: FileKind) -> list[dict[str, Any]]:
    """What parameters buy, where there are several models, and files, where a model was trained on several counts."""
    largest = _at_largest_size(rows)
    figures: list[dict[str, Any]] = []
    if len(largest) > 1:
        listed = "; ".join(
            f"{row['model']} {row['parameters']:,} parameters, {words.percent(row['validation_accuracy'])}"
            for row in largest
        )
        sizes = {row["images"] for row in rows}
        at = f", each on its most training {kind.plural} ({max(sizes):,})" if len(sizes) > 1 else ""
        title = f"Validation accuracy against parameters{at}; a line is a 95 % interval"
        drawn = comparison_charts.size_chart(largest, models)
        figures.append({"title": title, "chart": drawn, "alt": f"Validation accuracy against parameters: {listed}."})
    if len(rows) > len(largest):
        ordered = sorted(rows, key=lambda row: (row["model"], row["images"]))
        listed = "; ".join(f"{row['title']} {_points(row['gap'])}" for row in ordered)
        title = f"Gap between training and validation accuracy, in points, against the number of training {kind.plural}"
        drawn = comparison_charts.gap_chart(rows, models, kind.plural)
        figures.append({"title": title, "chart": drawn, "alt": f"Gap against training {kind.plural}: {listed}."})
    return figures


def _points(share: float) -> str:
    """0.123 -> "12.3 points"."""
    return f"{100 * share:.1f} points"
