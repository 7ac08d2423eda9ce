"""Figures in words: how numbers are written, what the charts show for those who cannot see them, what to beware of."""

from __future__ import annotations

import math
from typing import Any, TypeGuard

from beholder.report.reading import RunFiles

_UNKNOWN = "\N{EN DASH}"
_NBSP = "\N{NO-BREAK SPACE}"
NOTABLE_GAP = 0.05  # training accuracy minus validation accuracy from which a person should hear of it


def known(value: Any) -> TypeGuard[float]:
    """Whether `value` is a number that can be written down."""
    return isinstance(value, int | float) and math.isfinite(value)


def percent(share: Any) -> str:
    """0.934 -> "93.4 %"; a dash for what is unknown."""
    return f"{100 * share:.1f}{_NBSP}%" if known(share) else _UNKNOWN


def thousands(number: Any) -> str:
    """2474698 -> "2,474,698"."""
    return f"{number:,.0f}" if known(number) else _UNKNOWN


def decimal(number: Any) -> str:
    """Three decimals, or three digits of a small number: 1.5 -> "1.500", 0.01234 -> "0.0123"."""
    if not known(number):
        return _UNKNOWN
    return f"{number:.3g}" if 0 < abs(number) < 0.1 else f"{number:,.3f}"


def rough(number: Any) -> str:
    """1234567 -> "1.2 million"."""
    if known(number):
        for size, name in ((1e12, "trillion"), (1e9, "billion"), (1e6, "million")):
            if number >= size:
                return f"{number / size:.1f}{_NBSP}{name}"
    return thousands(number)


def duration(seconds: Any) -> str:
    """75.2 -> "1 min 15 s"."""
    if not known(seconds):
        return _UNKNOWN
    if seconds < 60:
        return f"{seconds:.1f}{_NBSP}s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((hours, "h"), (minutes, "min"), (rest, "s"))
    return " ".join(f"{number}{_NBSP}{unit}" for number, unit in parts if number)


def plural(number: float, noun: str) -> str:
    """1, "epoch" -> "1 epoch"; 2, "class" -> "2 classes"."""
    ending = "" if number == 1 else "es" if noun.endswith("s") else "s"
    return f"{number:,g} {noun}{ending}" if isinstance(number, float) else f"{number:,} {noun}{ending}"


def loss_in_words(epochs: list[dict[str, Any]]) -> str:
    """What the loss curves show."""
    return (
        f"Loss over {plural(len(epochs), 'epoch')}. "
        + _course("Training loss", epochs, "train_loss", decimal, best=min)
        + _course("Validation loss", epochs, "validation_loss", decimal, best=min)
    ).strip()


def accuracy_in_words(epochs: list[dict[str, Any]]) -> str:
    """What the accuracy curves show, and the gap between them."""
    return (
        f"Accuracy over {plural(len(epochs), 'epoch')}. "
        + _course("Training accuracy", epochs, "train_accuracy", percent, best=max)
        + _course("Validation accuracy", epochs, "validation_accuracy", percent, best=max)
        + _gap_in_words(epochs[-1])
    ).strip()


def confusion_in_words(confusion: list[list[int]], class_names: list[str], kind: str = "image") -> str:
    """What the confusion matrix of files of a `kind` shows."""
    total, right = sum(map(sum, confusion)), sum(row[index] for index, row in enumerate(confusion))
    words = (
        f"Confusion matrix of {plural(total, kind)} in {plural(len(class_names), 'class')}, true classes down, "
        f"predictions across: {right:,} on the diagonal, {total - right:,} beside it."
    )
    pairs = confused_pairs(confusion, class_names, 3)
    if pairs:
        listed = "; ".join(f"{pair['true']} taken for {pair['predicted']}, {pair['count']:,}" for pair in pairs)
        words += f" Most often confused: {listed}."
    return words


def confused_pairs(confusion: list[list[int]], class_names: list[str], count: int) -> list[dict[str, Any]]:
    """The `count` most frequent confusions: `true`, `predicted`, `count` and `share` of the true class's images."""
    counts = [
        (number, row, column)
        for row, numbers in enumerate(confusion)
        for column, number in enumerate(numbers)
        if number and row != column
    ]
    return [
        {
            "true": class_names[row],
            "predicted": class_names[column],
            "count": number,
            "share": number / sum(confusion[row]),
        }
        for number, row, column in sorted(counts, key=lambda pair: -pair[0])[:count]
    ]


def reliability_in_words(bins: list[dict[str, Any]], error: Any) -> str:
    """What the reliability diagram shows; `bins` as `reliability` has them, `error` the expected calibration error."""
    known = [one for one in bins if one["count"]]
    listed = "; ".join(
        f"{percent(one['confidence'])} confident, {percent(one['accuracy'])} right, of {one['count']:,}"
        for one in known[-5:]
    )
    return f"Reliability diagram, expected calibration error {percent(error)}. The most confident bins: {listed}."


def coverage_in_words(selective: dict[str, Any]) -> str:
    """What the curve of coverage and risk shows, and where the model answers."""
    curve = selective["curve"]
    points = [curve[round(share * (len(curve) - 1))] for share in (0.25, 0.5, 0.75, 1)]
    listed = "; ".join(f"{percent(one['coverage'])} answered, {percent(one['risk'])} of these wrong" for one in points)
    words = f"Risk against coverage, the most confident answers first: {listed}."
    if selective["unsure_below"] is None or selective["risk"] is None:
        return words
    return f"{words} The model answers {percent(selective['coverage'])}, {percent(selective['risk'])} of these wrong."


def run_notes(run: RunFiles) -> list[str]:
    """What a person should know before believing the figures, one sentence each."""
    if run.data is None:
        return ["The data were not read yet when this report was written.", *_training_notes(run)]
    return [*map(str, run.data.get("notes", [])), *_training_notes(run)]


def _training_notes(run: RunFiles) -> list[str]:
    sentences = []
    resumed = [index for index, event in enumerate(run.events) if event["event"] == "resumed"]
    # What was said before the last resume is over: a run that was stopped, resumed and ended is a finished one.
    kinds = {event["event"]: event for event in run.events[resumed[-1] if resumed else 0 :]}
    reason = str(kinds.get("stopped", {}).get("reason") or "").rstrip(".")
    if "end" not in kinds:
        because = f" ({reason})" if reason else ""
        sentences.append(
            f"Training is not finished{because}: {len(run.epochs)} of {plural(run.planned_epochs, 'epoch')} done. "
            f"Continue with `beholder train --resume {run.argument}`."
        )
    elif reason:
        sentences.append(f"Training stopped before its last epoch: {reason}.")
    if resumed:
        sentences.append(f"Training was interrupted and resumed {plural(len(resumed), 'time')}.")
    return [*sentences, *_overfitting(run)]


def _overfitting(run: RunFiles) -> list[str]:
    """What training said of the gap when it opened, or else what it is in the end; nothing of a small one."""
    warnings = [str(event["message"]) for event in run.events if event["event"] == "overfitting" and "message" in event]
    gap = run.epochs[-1].get("gap") if run.epochs else None
    if warnings or not known(gap) or gap < NOTABLE_GAP:
        return warnings[-1:]
    augmented = run.config.get("settings", {}).get("recipe", {}).get("augment")
    what = run.kind.plural
    remedies = f"more {what} or fewer epochs" if augmented else f"more {what}, augmentation or fewer epochs"
    return [
        f"{_gap_in_words(run.epochs[-1])} The network knows its training {what} better than new ones (overfitting): "
        f"{remedies} narrow the gap."
    ]


def _course(name: str, epochs: list[dict[str, Any]], key: str, write: Any, *, best: Any) -> str:
    values = [(epoch[key], epoch["epoch"]) for epoch in epochs if known(epoch.get(key))]
    if not values:
        return ""
    if len(values) == 1:
        return f"{name}: {write(values[0][0])}. "
    value = best(value for value, _ in values)
    when = next(epoch for other, epoch in values if other == value)
    extreme = "lowest" if best is min else "highest"
    return (
        f"{name}: {write(values[0][0])} at first, {write(values[-1][0])} in the end, "
        f"{extreme} {write(value)} in epoch {when}. "
    )


def _gap_in_words(epoch: dict[str, Any]) -> str:
    gap = epoch.get("gap")
    if not known(gap):
        return ""
    side = "above" if gap >= 0 else "below"
    return f"Training accuracy ends {100 * abs(gap):.1f} points {side} validation accuracy."
