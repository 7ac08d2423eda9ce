"""From what a RUN's config keeps to what training needs, the same way for a new run, a resumed one and a follower."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from beholder.data.corrections import corrected
from beholder.data.dataset import Dataset
from beholder.data.opening import Data
from beholder.data.progress import Progress
from beholder.data.source import Source
from beholder.data.split import Split
from beholder.sessions.request import TrainRequest
from beholder.sessions.training_data import correction_notes, open_data, read_training_sets
from beholder.training.initial import check_start
from beholder.training.settings import Settings
from beholder.training.steps.processes import current


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

    def correction_notes(self) -> tuple[str, ...]:
        """What a person should know of their corrections.

        Raises:
            DataError: none of them is of an image of the data.
        """
        return correction_notes(self.request.corrections, self.corrected, self.split.source, self.sets)


def prepare(
    config: dict[str, Any],
    initial_file: Path,
    data: Data | Source | None,
    progress: Progress,
    shape: tuple[int, int, int] | None,
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
    # A folder that changed may suggest another shape than it had at first.
    colour = request.colour if shape is None else "grey" if shape[2] == 1 else "rgb"
    canvas = None if shape is None else shape[:2]
    data = request.data if data is None else data
    opened = open_data(data, request.labels, request.cache, progress, settings.initial, colour, canvas)
    found: set[str] = set()
    split = Split(corrected(opened, request.corrections, found), settings.seed, progress)
    sets = read_training_sets(split, request.images)
    schedule = None if config["schedule"] is None else [(step, steps) for step, steps in config["schedule"]]
    return Prepared(request, settings, schedule, split, sets, found)
