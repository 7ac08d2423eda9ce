"""The table of a comparison: the figures of each run, from its own files, and the page that shows them."""

from __future__ import annotations

from collections.abc import Sequence

from beholder import files
from beholder.api.comparing.planned import Planned
from beholder.api.results import ComparedModel, ComparisonResult
from beholder.artifact.manifest import MANIFEST_FILE, read_manifest
from beholder.runs.events import Event, lasting, read_events
from beholder.runs.run_folder import COMPARISON_FILE, COMPARISON_PAGE, open_run


def figures_of(one: Planned) -> ComparedModel:
    """The figures of a finished run, from its own files."""
    run, _ = open_run(one.folder)
    events = lasting(read_events(run.events_file))
    end = next(event for event in reversed(events) if event["event"] == "end")
    kept = kept_epoch(events, end["best_epoch"], one.settings.early_stop is not None)
    layers = read_manifest(run.model_folder / MANIFEST_FILE).layers
    return ComparedModel(
        model=one.model,
        images=end["summary"]["train_images"],
        parameters=sum(layer["parameters"] for layer in layers),
        multiply_adds=sum(layer["multiply_adds"] for layer in layers),
        seconds=end["seconds"],
        train_accuracy=kept["train_accuracy"],
        validation_accuracy=end["validation_accuracy"],
        gap=round(kept["train_accuracy"] - kept["validation_accuracy"], 5),
        best_epoch=end["best_epoch"],
        run=run.path,
    )


def kept_epoch(events: Sequence[Event], best: int, early_stop: bool) -> Event:
    """What was told of the weights that were kept: of the `best` epoch after an early stop, otherwise of the last.

    A network that gave a first answer keeps the best too, which is that answer where no epoch was better.
    """
    epochs = {event["epoch"]: event for event in events if event["event"] == "epoch"}
    first = next((event for event in events if event["event"] == "first_answer"), None)
    if first is None:
        return epochs[best if early_stop else max(epochs)]
    return epochs.get(best, first)


def write_comparison_files(result: ComparisonResult) -> None:
    """The table and its page, and the link to it in the report of each run."""
    files.write_json(result.out / COMPARISON_FILE, result.to_dict())
    from beholder.report.comparison import write_comparison
    from beholder.report.page import write_report

    write_comparison(result.out)
    for row in result.models:
        report = open_run(row.run)[0].report_file
        if not report.exists() or f'href="../{COMPARISON_PAGE}"'.encode() not in report.read_bytes():
            write_report(report.parent)
