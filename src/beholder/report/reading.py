"""Reads what a RUN folder holds about itself; parts that are not there yet are None or empty."""

from __future__ import annotations

import shlex
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beholder.artifact.inside import FILTERS_FILE, read_weights
from beholder.artifact.manifest import MANIFEST_FILE
from beholder.artifact.store import model_checksum
from beholder.data.kinds import FileKind, named
from beholder.errors import ArtifactError
from beholder.runs.events import Event, lasting, read_events
from beholder.runs.kept_evaluation import read_evaluation
from beholder.runs.run_folder import Run, decided, keeps_test_set, read_document


@dataclass(frozen=True)
class RunFiles:
    """A RUN folder's own words.

    Attributes:
        path: the RUN folder.
        config: what was asked for and decided (`config.json`).
        environment: on what machine, with which versions; empty when unknown.
        data: classes, counts and fingerprints; None until the data were read.
        manifest: of the artifact; None until there is one.
        filters: (K, h, w, C) float32, the windows of the first layer; None where it has none.
        evaluation: figures of the test set; None until `beholder evaluate` opened it for this model.
        outdated: whether there are figures of the test set, of an earlier model.
        epochs: the event of each epoch, in order; of an epoch trained again after a resume, the later.
        events: every other event but steps, in order; without what was said of training that a kill lost.
    """

    path: Path
    config: dict[str, Any]
    environment: dict[str, Any]
    data: dict[str, Any] | None
    manifest: dict[str, Any] | None
    filters: NDArray[np.float32] | None
    evaluation: dict[str, Any] | None
    outdated: bool
    epochs: list[dict[str, Any]]
    events: list[dict[str, Any]]

    @property
    def argument(self) -> str:
        """The RUN folder's name as one types it in a shell, in the folder that it is in."""
        return shlex.quote(self.path.name)

    @property
    def kind(self) -> FileKind:
        """What it learned from, images or sounds."""
        return named((self.data or {}).get("rules", {}).get("kind", "image"))

    @property
    def has_test_set(self) -> bool:
        """Whether a test set stays out of training."""
        return keeps_test_set(self.data)

    @property
    def planned_epochs(self) -> Any:
        """How many epochs the run has by its latest plan, as far as the log tells it."""
        asked = self.config.get("epochs")
        return self.epochs[-1].get("epochs", asked) if self.epochs else asked


def read_run(path: Path, ending: Event | None = None) -> RunFiles:
    """Read the RUN folder `path`, its log as if the event `ending` were its last.

    Raises:
        RunError: it is not a RUN folder, one of its files is damaged, or a newer version wrote it.
    """
    run = Run(path)
    config = read_document(
        run.config_file,
        missing=f"{str(path)!r} is not a RUN folder (it has no config.json): give the --out of `beholder train`.",
    )
    events = lasting([*read_events(run.events_file), *([] if ending is None else [ending])])
    evaluation = read_evaluation(run.evaluation_file)
    # A resumed training replaced the model, and the figures of the earlier one are not its own.
    outdated = evaluation is not None and evaluation.get("model") != model_checksum(run.model_folder)
    epochs = {event["epoch"]: event for event in events if event["event"] == "epoch" and "epoch" in event}
    return RunFiles(
        path=path.resolve(),  # "." has no name
        config=decided(config),
        environment=_document(run.environment_file) or {},
        data=_document(run.data_file),
        manifest=_document(run.model_folder / MANIFEST_FILE),
        filters=_filters(run.model_folder / FILTERS_FILE),
        evaluation=None if outdated else evaluation,
        outdated=outdated,
        epochs=[epochs[number] for number in sorted(epochs)],
        events=[event for event in events if event["event"] not in ("epoch", "step", "fold")],
    )


def _document(path: Path) -> dict[str, Any] | None:
    """The JSON object in `path`, None where there is no such file."""
    damaged = "restore it from a copy or train again"
    return read_document(path, missing="", damaged=damaged) if path.exists() else None


def _filters(path: Path) -> NDArray[np.float32] | None:
    """The first layer's windows where there are some that can be drawn; a report does without rather than fail."""
    with suppress(ArtifactError):
        return read_weights(path, 4)
    return None
