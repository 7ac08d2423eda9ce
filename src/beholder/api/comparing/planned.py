"""Which runs a comparison needs, and whether those that are there already count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from beholder.data.dataset import Dataset
from beholder.data.images.fitting import DEFAULT_FIT
from beholder.data.progress import Progress
from beholder.data.source import Source
from beholder.data.split import Split, first_images
from beholder.errors import RunError, UsageError
from beholder.models import recipe
from beholder.runs.run_folder import Run, open_run, read_document
from beholder.sessions.training_data import data_name
from beholder.training.mirror_choice import decide_mirroring
from beholder.training.settings import Settings, choose, precision_of


@dataclass(frozen=True)
class Planned:
    """One row of the table before it is trained."""

    model: str
    images: int | None  # None: the whole training set
    settings: Settings
    folder: Path
    budget: float | None  # seconds; None: by epochs


def plan(
    models: Sequence[str],
    images: Sequence[int] | None,
    folder: Path,
    seed: int,
    precision: Literal["auto", "float32", "bfloat16"],
    early_stop: int | None,
    changes: dict[str, Any],
    dropout: float | None,
    budget: float | None,
) -> list[Planned]:
    """Every run that is wanted: the small training sets first, so that there is soon something to see."""
    if not models or (images is not None and not images):
        raise UsageError("Nothing to compare: name at least one model and, where --images is given, one number.")
    if Run(folder).config_file.exists():
        raise RunError(f"{str(folder)!r} is a RUN, not a folder of runs; choose another --out.")
    settings = {}
    for model in models:
        base = recipe(model)
        own = {"dropout": dropout} if "dropout" in base.options else {}
        settings[model] = choose(
            model,
            seed=seed,
            precision=precision_of(model, precision),
            early_stop=early_stop,
            changes=changes,
            options=own,
        )
    sizes: Sequence[int | None] = [None] if images is None else sorted(set(images))
    return [
        Planned(model, count, one, folder / (model if count is None else f"{model}-{count}"), budget)
        for count in sizes
        for model, one in settings.items()
    ]


def check(planned: list[Planned], source: Source, labels: str, seed: int, progress: Progress) -> None:
    """Refuse before the first training what could not be compared at the last."""
    sets = Split(source, seed=seed, progress=progress)
    training_set, validation = sets.train(), sets.validation()
    for one in planned:
        subset = first_images(training_set, one.images, seed=seed)
        if one.folder.exists():
            _check_same(one, source, labels, subset, validation)


def _check_same(one: Planned, source: Source, labels: str, subset: Dataset, validation: Dataset) -> None:
    """An earlier run counts only where it did what is asked now, on the same images."""
    run, config = open_run(one.folder)
    # A run that was cut off very early had not fitted its settings to the data yet.
    fitted = one.settings.fitted(len(subset), subset.image_shape)
    asked = [one.settings, fitted, decide_mirroring(fitted, subset)[0]]
    known = Settings.from_json(config["settings"])
    if one.budget is not None:  # it decided the epochs
        known, *asked = (replace(each, recipe=replace(each.recipe, epochs=0)) for each in (known, *asked))
    same = known in asked and config.get("budget") == one.budget
    same = same and config["data"] == data_name(source) and config["labels"] == labels
    same = same and (config["fit"] or DEFAULT_FIT) == source.fit
    if run.data_file.exists():
        prints = {"train": subset.fingerprint(), "validation": validation.fingerprint()}
        same = same and read_document(run.data_file, missing="").get("fingerprint") == prints
    if not same:
        raise UsageError(
            f"{str(one.folder)!r} was trained with other settings or {source.file_kind.plural} than those asked for "
            "now; choose another --out."
        )
