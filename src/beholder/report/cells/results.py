"""How results show themselves: a training, an evaluation, a comparison, the costs of a network, an audit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from beholder.artifact.manifest import MANIFEST_FILE, read_manifest
from beholder.artifact.validation_answers import open_validation
from beholder.data.kinds import FileKind, named
from beholder.errors import ArtifactError
from beholder.evaluation.metrics import validation_interval
from beholder.evaluation.point_words import point_test_in_words
from beholder.evaluation.shares import as_percent, interval_in_words, with_interval
from beholder.report.cells.drawings import confusion, curves
from beholder.report.cells.style import WARNING, framed, headline, lines, shortened, table
from beholder.report.finding_words import words_of
from beholder.runs.events import lasting, read_events
from beholder.runs.run_folder import COMPARISON_PAGE, Run

if TYPE_CHECKING:
    from beholder.data.checks.findings import Finding

_MOST_ROWS = 30  # of a table
_MOST_FINDINGS = 5  # that are told


def training_cell(run: Path, summary: Mapping[str, Any], accuracy: float | None, facts: Sequence[str]) -> str:
    """What a training came to: the accuracy on the validation set, or out of fold, with its interval, and drawings.

    Args:
        run: the RUN folder; what it lost is left out.
        summary: of the run.
        accuracy: of its validation set or out of fold; None where it was stopped before that.
        facts: sentences below.
    """
    count = int(summary["validation_images"])
    epochs = [event for event in lasting(read_events(Run(run).events_file)) if event["event"] == "epoch"]
    told, answers = dict[str, Any](), None
    with suppress(ArtifactError):
        told = read_manifest(Run(run).model_folder / MANIFEST_FILE).validation
        answers = open_validation(run)
    if accuracy is None:
        return framed(lines(facts))
    interval = validation_interval(accuracy, count, told)
    within = "" if interval is None else f"95 % interval {interval_in_words(interval)}, "
    judged = "out-of-fold" if "folds" in summary else "validation"
    words = f"{judged} accuracy, {within}{count:,} {named(summary.get('kind', 'image')).plural}"
    matrix = "" if answers is None else confusion(answers.confusion().tolist(), answers.class_names)
    return framed(headline(as_percent(accuracy), words), curves(epochs), matrix, lines(facts))


def evaluation_cell(document: Mapping[str, Any], class_names: Sequence[str]) -> str:
    """The figures of an evaluation: the accuracy with its interval, the confusion matrix, the weakest classes."""
    plural = named(document.get("kind", "image")).plural
    words = f"accuracy on {document['count']:,} {plural} of the {document['set']} set, 95 % interval "
    words += interval_in_words(document["interval"])
    promise = [point_test_in_words(document["point"])] if "point" in document else []
    judged = [row for row in document["per_class"] if row["count"]]
    weakest = sorted(judged, key=lambda row: (row["recall"], row["class_name"]))[:_MOST_FINDINGS]
    rows = [
        [shortened(row["class_name"]), as_percent(row["recall"]), as_percent(row["precision"]), f"{row['count']:,}"]
        for row in weakest
    ]
    return framed(
        headline(as_percent(document["accuracy"]), words),
        confusion(document["confusion"], class_names),
        table(["weakest classes", "recall", "precision", plural], rows),
        lines([*promise, document["judged"], *document["notes"]]),
    )


def comparison_cell(document: Mapping[str, Any]) -> str:
    """The table of a comparison."""
    tested = any(row.get("test_accuracy") is not None for row in document["models"])
    rows = []
    for row in document["models"][:_MOST_ROWS]:
        cells = [row["model"], f"{row['images']:,}", f"{row['parameters']:,}", f"{row['seconds']:.0f} s"]
        cells += [as_percent(row["validation_accuracy"])]
        cells += [with_interval(row["test_accuracy"], row["interval"])] if tested else []
        rows.append(cells)
    plural = named(document.get("kind", "image")).plural
    columns = ["model", plural, "parameters", "training", "validation accuracy", *["test accuracy"] * tested]
    missing = [f"Not finished: {', '.join(document['missing'])}."] if document["missing"] else []
    page = Path(document["out"]) / COMPARISON_PAGE
    return framed(table(columns, rows), lines([*document["notes"], *missing, f"Page: {page}"]))


def parameters_cell(document: Mapping[str, Any]) -> str:
    """The table of a network's layers."""
    rows = [
        [layer["name"], layer["type"], " × ".join(map(str, layer["output_shape"])), f"{layer['parameters']:,}"]
        for layer in document["layers"]
    ]
    left = len(rows) - _MOST_ROWS
    words = f"parameters of {document['model']}, {document['multiply_adds']:,} multiply-adds for one image"
    more = [f"{left} more layers are in `layers`."] if left > 0 else []
    columns = ["layer", "type", "output", "parameters"]
    return framed(headline(f"{document['parameters']:,}", words), table(columns, rows[:_MOST_ROWS]), lines(more))


def audit_cell(files: FileKind, count: int, findings: Sequence[Finding], notes: Sequence[str], gallery: Path) -> str:
    """How many findings of each kind, and where to decide about them."""
    counts = Counter(one.kind for one in findings)
    rows = [[words_of(kind, files.name).title, f"{found:,}"] for kind, found in counts.most_common()]
    shown = table(["finding", "count"], rows) if rows else ""
    return framed(
        headline(f"{len(findings):,}", f"finding{'s' * (len(findings) != 1)} in {files.count(count)}"),
        shown,
        lines(notes, WARNING),
        lines([f"Look and decide: {gallery}"]),
    )
