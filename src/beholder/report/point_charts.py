"""Charts of an operating point: precision over recall, recall over false alarms, and where the model answers."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from beholder.data.kinds import named
from beholder.report.drawing import Chart, Palette, chart, share_axes
from beholder.report.words import percent


def point_charts(point: dict[str, Any]) -> list[dict[str, Any]]:
    """The two curves of the class that `point` is about, as `evaluate` tells it: `title`, `caption`, `chart`, `alt`.

    None at all where the test set holds only images of the class, or none of it.
    """
    if not point["curve"]:
        return []
    name = repr(point["class_name"])
    here = f"The diamond is where this model answers, the dashed line the {point['figure']} that it promises."
    return [
        {
            "title": f"Precision and recall of {name}.",
            "caption": f"What other thresholds would give; average precision {percent(point['average_precision'])}. "
            + here,
            "chart": precision_recall_chart(point),
            "alt": precision_recall_in_words(point),
        },
        {
            "title": f"Recall of {name} and false alarms (ROC).",
            "caption": f"The area under the curve is {percent(point['auroc'])}; the dotted line is guessing. {here}",
            "chart": roc_chart(point),
            "alt": roc_in_words(point),
        },
    ]


def precision_recall_chart(point: dict[str, Any]) -> Chart:
    """Precision over recall, from few answers of the class to many."""

    def draw(figure: Figure, colours: Palette) -> None:
        axes = share_axes(
            figure, colours, f"{_plural(point)} of the class found (recall)", "right among these answers (precision)"
        )
        _draw_curve(axes, colours, point, point["curve"], ("recall", "precision"))
        promised = axes.axvline if point["figure"] == "recall" else axes.axhline
        promised(point["asked"], linestyle="--", linewidth=1.2, color=colours.muted)

    return chart(draw, 4.6, 3.4)


def roc_chart(point: dict[str, Any]) -> Chart:
    """Recall over false alarms: the receiver operating characteristic."""

    def draw(figure: Figure, colours: Palette) -> None:
        axes = share_axes(
            figure,
            colours,
            f"other {_plural(point)} called so (false alarms)",
            f"{_plural(point)} of the class found (recall)",
        )
        curve = [{"false_alarms": 0.0, "recall": 0.0}, *point["curve"]]
        axes.plot([0, 1], [0, 1], ":", linewidth=1.2, color=colours.muted)
        _draw_curve(axes, colours, point, curve, ("false_alarms", "recall"))
        if point["figure"] == "recall":
            axes.axhline(point["asked"], linestyle="--", linewidth=1.2, color=colours.muted)

    return chart(draw, 4.6, 3.4)


def _plural(point: dict[str, Any]) -> str:
    """What the files are that were judged, several of them."""
    return named(point.get("kind", "image")).plural


def _draw_curve(
    axes: Axes, colours: Palette, point: dict[str, Any], curve: list[dict[str, float]], shares: tuple[str, str]
) -> None:
    """One share over another one, and a diamond where the model answers; both are 0 to 1."""
    across, up = shares
    axes.plot([one[across] for one in curve], [one[up] for one in curve], linewidth=1.8, color=colours.train)
    if point[across] is not None and point[up] is not None:
        axes.plot([point[across]], [point[up]], "D", markersize=8, color=colours.validation, clip_on=False)
    axes.set_xlim(0, 1.02)
    axes.set_ylim(0, 1.02)


def precision_recall_in_words(point: dict[str, Any]) -> str:
    """What the curve of precision and recall shows, and where the model answers."""
    listed = "; ".join(f"{percent(one['recall'])} found at {percent(one['precision'])} right" for one in _some(point))
    here = (
        "none of its answers are of the class"
        if point["precision"] is None
        else f"{percent(point['recall'])} found, {percent(point['precision'])} of these answers right"
    )
    return f"Precision against recall of {point['class_name']!r}: {listed}. The model answers with {here}."


def roc_in_words(point: dict[str, Any]) -> str:
    """What the receiver operating characteristic shows, and where the model answers."""
    listed = "; ".join(
        f"{percent(one['recall'])} found at {percent(one['false_alarms'])} false alarms" for one in _some(point)
    )
    return (
        f"Recall of {point['class_name']!r} against false alarms: {listed}. The model answers with "
        f"{percent(point['recall'])} found at {percent(point['false_alarms'])} false alarms."
    )


def _some(point: dict[str, Any]) -> list[dict[str, Any]]:
    """A few points of the curve, spread over it."""
    curve = point["curve"]
    return [curve[place] for place in sorted({round(share * (len(curve) - 1)) for share in (0.25, 0.5, 0.75, 0.9, 1)})]
