"""Writes a run's report: one HTML file that holds all it shows and asks nothing of any network."""

from __future__ import annotations

import base64
import binascii
import io
import json
from pathlib import Path
from typing import Any

from PIL import Image

from beholder import files
from beholder.errors import RunError
from beholder.evaluation.fold_words import accuracy_in_words, better_in_words, whose_in_words
from beholder.evaluation.metrics import validation_interval
from beholder.figures.sound_clip import checked_sound
from beholder.report import charts, words
from beholder.report.honesty_section import honesty
from beholder.report.reading import RunFiles, read_run
from beholder.report.reproduction import budget_in_words, plan_command
from beholder.report.templates import compile_templates, render
from beholder.report.thumbnails import REDUCED_SIDE, thumbnail_uri
from beholder.runs.events import Event
from beholder.runs.run_folder import COMPARISON_PAGE, Run
from beholder.schema import why_damaged

_TABLED = 25  # up to so many classes the confusion matrix is a table too


def write_report(run: Path, ending: Event | None = None) -> Path:
    """Write RUN/report.html from what the RUN folder holds by now, whole or not at all.

    Equal files give an equal report. What is missing (data, model, evaluation) is left out, and the report says so.

    Args:
        run: the RUN folder; `config.json` is all that it must have.
        ending: the event that will end its log, which is told once the report is there.

    Returns:
        The path of the report.

    Raises:
        RunError: `run` is not a RUN folder, one of its files is damaged, or a newer version wrote it.
        StorageError: the disk is full or may not be written to.
    """
    path = Run(run).report_file
    with files.changing(path):  # whoever writes it last has read the documents last
        files.write_bytes(path, _rendered(run, read_run(run, ending)))
    return path


def warm_up() -> None:
    """Do what only a first report has to, which takes two thirds of its time: find fonts and compile templates."""
    charts.accuracy_curves([{"epoch": 1, "train_accuracy": 0.5, "validation_accuracy": 0.5}])
    compile_templates()


def _rendered(run: Path, contents: RunFiles) -> bytes:
    try:
        headline = _headline(contents)
        return render(
            "report.html",
            run=contents,
            headline=headline,
            notes=[*words.run_notes(contents), *_better(headline, contents)],
            curves=_curves(contents),
            evaluation=_evaluation(contents),
            honesty=honesty(contents),
            filters=_filters(contents),
            layers=(contents.manifest or {}).get("layers"),
            folds=_folds(contents),
            data=contents.data,
            options=_options(contents),
            budget=budget_in_words(contents),
            plan_command=plan_command(contents),
            comparison=f"../{COMPARISON_PAGE}" if (contents.path.parent / COMPARISON_PAGE).exists() else None,
        )
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, ArithmeticError) as error:
        raise RunError(
            f"The documents in {str(run)!r} are damaged: they do not fit each other ({why_damaged(error)}); restore "
            "them from a copy or train again."
        ) from error


def _headline(run: RunFiles) -> dict[str, Any]:
    """The one figure: of the test set once it was opened for this model, of the validation set before."""
    told = (run.manifest or {}).get("validation", {})
    folds = told.get("folds")
    if run.evaluation is not None:
        macro = run.evaluation if run.evaluation["uneven"] else None
        return {**run.evaluation, "set": "test", "macro": macro, "folds": folds}
    # An end and a stop tell of the model that was exported then; an epoch's figure may be of a sample.
    ends = [event for event in run.events if event["event"] in ("end", "stopped") and "validation_accuracy" in event]
    accuracy = (ends or run.epochs or [{}])[-1].get("validation_accuracy")
    count = sum((run.data or {}).get("counts", {}).get("validation", [])) if folds is None else told["count"]
    interval, groups = validation_interval(accuracy if words.known(accuracy) else None, count, told), told.get("groups")
    judged = "validation" if folds is None else "out-of-fold"
    return {"accuracy": accuracy, "interval": interval, "set": judged, "count": count, "groups": groups, "folds": folds}


def _folds(run: RunFiles) -> list[str]:
    """Whose the figures are of a run that was judged in folds, a sentence each; none of another."""
    told = (run.manifest or {}).get("validation", {})
    if "folds" not in told:
        return []
    low, high = min(told["fold_accuracies"]), max(told["fold_accuracies"])
    apart = f"By fold the accuracy goes from {words.percent(low)} to {words.percent(high)}."
    first = [] if run.evaluation is None else [accuracy_in_words(told)]
    return [*first, whose_in_words(told), apart]


def _better(headline: dict[str, Any], run: RunFiles) -> list[str]:
    """How to know more, where the figure of the `headline` is of few files."""
    if headline.get("folds") is not None or not headline["interval"]:
        return []
    told = better_in_words(headline["count"], headline["interval"], headline["set"], run.kind.name)
    return [] if told is None else [told]


def _curves(run: RunFiles) -> list[dict[str, Any]]:
    if not run.epochs:
        return []
    return [
        {"title": "Loss", "chart": charts.loss_curves(run.epochs), "alt": words.loss_in_words(run.epochs)},
        {"title": "Accuracy", "chart": charts.accuracy_curves(run.epochs), "alt": words.accuracy_in_words(run.epochs)},
    ]


def _evaluation(run: RunFiles) -> dict[str, Any] | None:
    """The evaluation as it is, plus what is drawn and said of it."""
    if run.evaluation is None:
        return None
    per_class, confusion = run.evaluation["per_class"], run.evaluation["confusion"]
    names = [row["class_name"] for row in per_class]
    predicted = [sum(column) for column in zip(*confusion, strict=True)] or [0] * len(names)
    seen = [row for row in per_class if row["count"]]
    return {
        **run.evaluation,
        # Without a denominator there is no ratio: nothing was predicted to be this class, or it does not occur.
        "per_class": [
            {
                **row,
                "precision": row["precision"] if predicted[index] else None,
                "recall": row["recall"] if row["count"] else None,
                "f1": row["f1"] if predicted[index] or row["count"] else None,
            }
            for index, row in enumerate(per_class)
        ],
        "weakest": min(seen, key=lambda row: row["recall"], default=None),
        "strongest": max(seen, key=lambda row: row["recall"], default=None),
        "chart": charts.confusion_chart(confusion, names) if confusion else None,
        "alt": words.confusion_in_words(confusion, names, run.kind.name),
        "pairs": words.confused_pairs(confusion, names, 10),
        "table": list(zip(names, confusion, strict=True)) if 0 < len(names) <= _TABLED else [],
        "mistakes": [
            {**mistake, "image": _image(mistake.get("image")), "sound": checked_sound(mistake.get("sound"))}
            for mistake in run.evaluation["mistakes"]
        ],
    }


def _image(uri: Any) -> str | None:
    """An image given as a data URI, decoded and encoded anew: nothing but an image, and a small one, gets through."""
    try:
        content = base64.b64decode(str(uri).partition(";base64,")[2], validate=True)
        with Image.open(io.BytesIO(content)) as image:
            image.draft("RGB", (REDUCED_SIDE, REDUCED_SIDE))  # of a JPEG no more is decoded than is shown
            small = image.convert("RGB")
    except (binascii.Error, OSError, ValueError, Image.DecompressionBombError):
        return None
    return thumbnail_uri(small)


def _filters(run: RunFiles) -> dict[str, Any] | None:
    if run.filters is None:
        return None
    uri, width, height = charts.filters_image(run.filters)
    count, window_height, window_width, channels = run.filters.shape
    size = f"{window_height} \N{MULTIPLICATION SIGN} {window_width}"
    alt = (
        f"The {words.plural(count, 'window')} of the first layer, {size} weights on "
        f"{words.plural(channels, 'channel')} each; the smallest weight is {words.decimal(float(run.filters.min()))}, "
        f"the largest {words.decimal(float(run.filters.max()))}."
    )
    return {"uri": uri, "width": width, "height": height, "count": count, "size": size, "alt": alt}


def _options(run: RunFiles) -> dict[str, str]:
    """What was chosen, the options of the command after the rest; what is no text as in JSON."""
    # Epochs were not chosen where a budget or an earlier plan decided them.
    decided = run.config.get("budget") is not None or run.config.get("schedule") is not None
    names = ("data", "model", *(() if decided else ("epochs",)), "batch_size", "seed")
    chosen: dict[str, Any] = {name: run.config[name] for name in names if name in run.config}
    if run.config.get("budget") is not None:
        chosen["budget"] = f"{run.config['budget']:g}s"
    if run.config.get("validation_given"):
        chosen["validation"] = "given in Python"
    settings = run.config.get("settings", {})
    if settings.get("balance", "none") != "none":
        chosen["balance"] = settings["balance"]
    if settings.get("initial") is not None:
        chosen["from"] = settings["initial"]["source"]
    chosen |= {name: value for name, value in run.config.get("options", {}).items() if name != "file"}
    return {
        name: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for name, value in chosen.items()
    }
