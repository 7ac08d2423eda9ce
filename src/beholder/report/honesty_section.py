"""The part of the report about honest answers: are probabilities true, and what is it worth to be unsure at times."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from beholder.evaluation.abstention import risk_in_words
from beholder.report.drawing import Chart, Palette, chart, plain_axes
from beholder.report.reading import RunFiles
from beholder.report.words import coverage_in_words, reliability_in_words


def honesty(run: RunFiles) -> dict[str, Any] | None:
    """What is drawn and said of a run's calibration and abstention; None where nothing of it is known.

    Returns:
        `promise`, a sentence; and once the test set was opened `ece`, `selective`, and `charts`, each with `title`,
        `chart` and `alt`.
    """
    manifest, evaluation = run.manifest or {}, run.evaluation or {}
    int8 = manifest.get("int8") if evaluation.get("precision", "int8") == "int8" else None
    risk = (manifest if int8 is None else int8).get("risk")
    bins, selective = evaluation.get("reliability"), evaluation.get("selective")
    if risk is None and (bins is None or selective is None):
        return None
    told: dict[str, Any] = {"promise": None if risk is None else risk_in_words(risk)}
    if bins is None or selective is None:
        return {**told, "charts": []}
    reliability = {
        "title": "Reliability.",
        "caption": "The dashed line is perfect calibration; answers below it are more confident than they should be.",
        "chart": reliability_chart(bins),
        "alt": reliability_in_words(bins, evaluation["ece"]),
    }
    promised = ", the dashed line the share of wrong answers that it promises" if selective["promised"] else ""
    coverage = {
        "title": "Coverage and risk.",
        "caption": "The fewer images are answered, the most confident first, the fewer answers are wrong. "
        f"The diamond is where this model answers{promised}.",
        "chart": coverage_chart(selective),
        "alt": coverage_in_words(selective),
    }
    charts = [reliability, coverage]
    return {**told, "ece": evaluation["ece"], "selective": selective, "charts": charts}


def reliability_chart(bins: list[dict[str, Any]]) -> Chart:
    """The reliability diagram of `bins`: accuracy over confidence, a dot as large as its bin has answers."""
    known = [one for one in bins if one["count"]]
    total = sum(one["count"] for one in known)

    def draw(figure: Figure, colours: Palette) -> None:
        axes = _share_axes(figure, colours, "probability of the answer", "share of these answers that are right")
        axes.plot([0, 1], [0, 1], "--", linewidth=1.2, color=colours.muted)
        sure, right = [one["confidence"] for one in known], [one["accuracy"] for one in known]
        axes.plot(sure, right, linewidth=1.8, color=colours.train)
        axes.scatter(sure, right, s=[14 + 160 * one["count"] / total for one in known], color=colours.train)
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1.02)

    return chart(draw, 4.6, 3.4)


def coverage_chart(selective: dict[str, Any]) -> Chart:
    """Risk over coverage where the surest images are answered first, and the place where this model answers."""

    def draw(figure: Figure, colours: Palette) -> None:
        axes = _share_axes(figure, colours, "images that are answered (coverage)", "wrong answers among these (risk)")
        curve = selective["curve"]
        axes.plot(
            [point["coverage"] for point in curve],
            [point["risk"] for point in curve],
            linewidth=1.8,
            color=colours.train,
        )
        if selective["promised"]:
            axes.axhline(selective["asked"], linestyle="--", linewidth=1.2, color=colours.muted)
        if selective["unsure_below"] is not None and selective["risk"] is not None:
            axes.plot([selective["coverage"]], [selective["risk"]], "D", markersize=8, color=colours.validation)
        axes.set_xlim(0, 1.02)
        axes.set_ylim(0, None)

    return chart(draw, 4.6, 3.4)


def _share_axes(figure: Figure, colours: Palette, across: str, up: str) -> Axes:
    axes = plain_axes(figure, colours)
    axes.set_xlabel(across, color=colours.muted)
    axes.set_ylabel(up, color=colours.muted)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1.0, decimals=None, symbol=" %"))
    return axes
