"""From what a RUN's config keeps to what training needs, the same way for a new run, a resumed one and a follower."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from beholder import files
from beholder.data.correction_names import validation_note
from beholder.data.corrections import corrected
from beholder.data.dataset import Dataset
from beholder.data.images.refit import fitted_by, recoloured, refitted
from beholder.data.opening import Data, open_source
from beholder.data.progress import Progress
from beholder.data.source import Source
from beholder.data.split import Split
from beholder.errors import RunError
from beholder.runs.run_folder import Run, read_document
from beholder.runs.sets import changes_in_words, read_sets, write_sets
from beholder.schema import SCHEMA
from beholder.sessions.request import TrainRequest
from beholder.sessions.training_data import fingerprints, known_sets, read_training_sets
from beholder.training.initial import check_start
from beholder.training.settings import Initial, Settings
from beholder.training.steps.processes import current

Shape = tuple[int, int, int]


@dataclass(frozen=True)
class Prepared:
    """What a run trains by and on.

    Attributes:
        request: what the person asked for.
        settings: what that came to, as far as it is decided by now.
        schedule: pairs of an earlier run's `Schedule`, to be followed exactly; None: the settings decide.
        split: where the sets are from.
        sets: `train` and `validation`.
        corrected: names of the images that a correction was for.
    """

    request: TrainRequest
    settings: Settings
    schedule: list[tuple[int, int]] | None
    split: Split
    sets: dict[str, Dataset]
    corrected: set[str]

    @property
    def source(self) -> Source:
        """The opened data."""
        return self.split.source

    def correction_notes(self) -> tuple[str, ...]:
        """What a person should know of their corrections.

        Raises:
            DataError: none of them is of an image of the data.
        """
        corrections, source = self.request.corrections, self.source
        told = corrections.notes(self.corrected, source.name, {"test"} & source.readers.keys())
        return (*told, *validation_note(corrections.lines, self.sets["validation"].names))


def prepare(
    config: dict[str, Any], initial_file: Path, data: Data | Source | None, progress: Progress, shape: Shape | None
) -> Prepared:
    """Read the data as the config says, and divide them.

    Args:
        config: of the run.
        initial_file: where the run keeps the network that it starts from, if it does.
        data: where they lie now, or the data themselves; None: where the config says.
        progress: told how far reading is.
        shape: height, width and channels of the images that the run began with; None: it begins now.

    Raises:
        DataError: they are not there, or cannot be read.
        RunError: the network that training starts from is another by now.
    """
    request = TrainRequest.from_json(config)
    settings = Settings.from_json(config["settings"]).starting_from(initial_file)
    group = current()
    # Weights that come from an earlier run are read by process 0 alone; a network in a file is built from it by all.
    if settings.initial is not None and (group is None or group.leads or "file" in settings.options):
        check_start(initial_file, settings.initial)
    found: set[str] = set()
    opened = _open(request, request.data if data is None else data, settings.initial, progress, shape)
    split = Split(corrected(opened, request.corrections, found), settings.seed, progress, cache=request.kept_in)
    sets = read_training_sets(split, request.images)
    schedule = None if config["schedule"] is None else [(step, steps) for step, steps in config["schedule"]]
    return Prepared(request, settings, schedule, split, sets, found)


def _open(
    request: TrainRequest, data: Data | Source, initial: Initial | None, progress: Progress, shape: Shape | None
) -> Source:
    """Open `data`, unless it is open already; its images become what the network that training starts from takes.

    They are fitted as the person said, else as for an earlier run that training starts from.
    """
    canvas, colour, fit = None, request.colour, request.fit
    if shape is not None:  # a folder that changed may suggest another one than it had at first
        canvas, colour = shape[:2], "grey" if shape[2] == 1 else "rgb"
    if initial is not None:
        # Decoded to that size and colour at once: nothing is lost on the way to another.
        colour = "grey" if initial.channels == 1 else "rgb"
        if initial.height is not None and initial.width is not None:
            canvas = initial.height, initial.width
        fit = fit or initial.fit
    if not isinstance(data, Source):
        data = open_source(
            data, labels=request.labels, cache=request.cache, canvas=canvas, colour=colour, fit=fit, progress=progress
        )
    else:
        data = fitted_by(data, request.fit)
        data = recoloured(data, colour) if initial is None else data
    return data if initial is None else refitted(data, initial.height, initial.width, initial.channels)


def keep_data(run: Run, prepared: Prepared, checks: dict[str, Any]) -> None:
    """Keep in the run which images each set has, and in `data.json` what the data are and what `checks` found."""
    sets, source = prepared.sets, prepared.source
    write_sets(run.path, known_sets(prepared.split, sets, prepared.request.images))
    classes = range(len(source.class_names))
    counts = {name: [int((one.labels == label).sum()) for label in classes] for name, one in sets.items()}
    document = {
        "schema": SCHEMA,
        "name": source.name,
        "class_names": list(source.class_names),
        "image_shape": list(sets["train"].image_shape),
        "counts": counts,
        "fingerprint": fingerprints(sets),
        "notes": [*source.told(), *checks["sentences"]],
        "checks": checks,
        "skipped": source.skipped,
    }
    files.write_json(run.data_file, document)


def check_same(run: Run, prepared: Prepared) -> None:
    """Refuse data that are not what the run began with.

    Raises:
        RunError: they are not, or the run's own documents are damaged.
    """
    if read_document(run.data_file, missing="").get("fingerprint") != fingerprints(prepared.sets):
        before, now = read_sets(run.path), known_sets(prepared.split, prepared.sets, prepared.request.images)
        raise RunError(
            f"The data {prepared.source.name!r} are not those that {str(run.path)!r} began with "
            f"({changes_in_words(before, now)}); give those by --data PATH, or train a new run instead."
        )
