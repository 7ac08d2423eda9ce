"""The part of the report about honest answers: are probabilities true, and what is it worth to be unsure at times."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure

from beholder.evaluation.point_words import point_test_in_words, promises_in_words
from beholder.report.drawing import Chart, Palette, chart, share_axes
from beholder.report.point_charts import point_charts
from beholder.report.reading import RunFiles
from beholder.report.words import coverage_in_words, reliability_in_words


def honesty(run: RunFiles) -> dict[str, Any] | None:
    """What is drawn and said of a run's calibration and abstention; None where nothing of it is known.

    Returns:
        `promises`, what is promised of one class and of the others, a sentence each; and once the test set was opened
        `held`, what came of the former or None, `ece`, `selective`, and `charts`, each with `title`, `caption`, `chart`
        and `alt`.
    """
    manifest, evaluation = run.manifest or {}, run.evaluation or {}
    int8 = manifest.get("int8") if evaluation.get("precision", "int8") == "int8" else None
    risk, point = ((manifest if int8 is None else int8).get(name) for name in ("risk", "point"))
    bins, selective = evaluation.get("reliability"), evaluation.get("selective")
    if risk is None and (bins is None or selective is None):
        return None
    promises = promises_in_words(point, risk)
    if bins is None or selective is None:
        return {"promises": promises, "charts": []}
    reliability = {
        "title": "Reliability.",
        "caption": "The dashed line is perfect calibration; answers below it are more confident than they should be.",
        "chart": reliability_chart(bins),
        "alt": reliability_in_words(bins, evaluation["ece"]),
    }
    does = "it promises" if selective.get("folds") is None else "was estimated for it"
    promised = f", the dashed line the share of wrong answers that {does}" if selective["promised"] else ""
    coverage = {
        "title": "Coverage and risk.",
        "caption": f"The fewer {run.kind.plural} are answered, the most confident first, the fewer answers are wrong. "
        f"The diamond is where this model answers{promised}.",
        "chart": coverage_chart(selective, run.kind.plural),
        "alt": coverage_in_words(selective),
    }
    judged = evaluation.get("point")
    return {
        "promises": promises,
        "held": None if judged is None else point_test_in_words(judged),
        "ece": evaluation["ece"],
        "selective": selective,
        "charts": [reliability, coverage, *([] if judged is None else point_charts(judged))],
    }


def reliability_chart(bins: list[dict[str, Any]]) -> Chart:
    """The reliability diagram of `bins`: accuracy over confidence, a dot as large as its bin has answers."""
    known = [one for one in bins if one["count"]]
    total = sum(one["count"] for one in known)

    def draw(figure: Figure, colours: Palette) -> None:
        axes = share_axes(figure, colours, "probability of the answer", "share of these answers that are right")
        axes.plot([0, 1], [0, 1], "--", linewidth=1.2, color=colours.muted)
        sure, right = [one["confidence"] for one in known], [one["accuracy"] for one in known]
        axes.plot(sure, right, linewidth=1.8, color=colours.train)
        axes.scatter(sure, right, s=[14 + 160 * one["count"] / total for one in known], color=colours.train)
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1.02)

    return chart(draw, 4.6, 3.4)


def coverage_chart(selective: dict[str, Any], plural: str) -> Chart:
    """Risk over coverage where the surest `plural` are answered first, and the place where this model answers."""

    def draw(figure: Figure, colours: Palette) -> None:
        axes = share_axes(figure, colours, f"{plural} that are answered (coverage)", "wrong answers among these (risk)")
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
