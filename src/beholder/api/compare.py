"""Compare: several models on the same data, one RUN each, one table."""

from __future__ import annotations

import datetime
import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from beholder.api.comparing.planned import Planned, check, plan
from beholder.api.comparing.table import figures_of, write_comparison_files
from beholder.api.evaluate import evaluate
from beholder.api.results import ComparedModel, ComparisonResult
from beholder.api.resume import resume
from beholder.api.showing import shown
from beholder.api.train import Trained, train
from beholder.arguments import checked_arguments, several, shown_progress, whole
from beholder.data.dataset import Dataset
from beholder.data.images.colour import Colour
from beholder.data.images.fitting import ImageFit
from beholder.data.opening import Data, open_source
from beholder.data.progress import Progress
from beholder.data.source import Source, once
from beholder.data.split import Split
from beholder.data.tables.columns import TableOptions
from beholder.models import FROM_SCRATCH, recipe
from beholder.models.weights.finding import fetch_weights
from beholder.runs.events import Listener
from beholder.sessions.training_data import data_name, default_folder
from beholder.training import limits


@checked_arguments(images=several(whole(1)), progress=shown_progress)
def compare(
    data: Data,
    *,
    models: Sequence[str] = FROM_SCRATCH,
    out: str | Path | None = None,
    epochs: int | None = None,
    budget: float | None = None,
    images: Sequence[int] | None = None,
    test: bool = False,
    seed: int = 0,
    weight_decay: float | None = None,
    augment: bool | None = None,
    mirror: bool | None = None,
    dropout: float | None = None,
    early_stop: int | None = None,
    precision: Literal["auto", "float32", "bfloat16"] = "auto",
    labels: Literal["fine", "coarse"] = "fine",
    cache: Path | None = None,
    colour: Colour = "auto",
    fit: ImageFit | None = None,
    seconds: float | None = None,
    path_column: str | None = None,
    label_column: str | None = None,
    split_column: str | None = None,
    group_column: str | None = None,
    image_root: str | Path | None = None,
    group_pattern: str | None = None,
    command: str | None = None,
    listener: Listener | None = None,
    progress: Progress | bool | None = None,
) -> ComparisonResult:
    """Train each of `models` on `data`, each into a RUN of its own, and set their figures side by side.

    Called again with the same `out` it goes on with what is missing. All are judged on the same validation set; the
    test set stays closed unless `test` opens it, after all training.

    Args:
        data: a name, a path, a `Dataset`, or a pair of arrays (images, labels).
        models: names of networks; by default all whose weights are drawn.
        out: the folder of the runs, the table (`comparison.json`) and its page (`comparison.html`);
            `runs/DATA-compare-TIME` by default.
        epochs: times that each image is seen; each model's own by default, like the next ones.
        budget: seconds for each model, instead of epochs.
        images: sizes of the training set to compare at, each a stratified choice that holds the smaller ones.
        test: also judge every run on the test set.
        seed: fixes every random choice.
        weight_decay: in units of the learning rate.
        augment: shift training images, and mirror them where `mirror` allows.
        mirror: whether a mirrored image means the same; by default told from the images.
        dropout: of the models that have it.
        early_stop: epochs without a better validation accuracy after which to stop and keep the best.
        precision: of multiplications in training; `auto` is bfloat16 where the processor has it, and on an accelerator.
        labels: which of CIFAR-100's two sets of labels.
        cache: where downloads and decoded images are kept.
        colour: `rgb` or `grey`; by default a folder's images are grey where all of a sample are.
        fit: `crop` (the default), `pad` or `stretch` images of other proportions, see `train`.
        seconds: of sounds, the length of a clip, see `train`.
        path_column: of a table, the column that names the files; like the next two told from its name by default.
        label_column: of a table, the column of labels.
        split_column: of a table, the column that says which set an image is of.
        group_column: of a table, the column that says which images belong together, see `train`.
        image_root: of a table, the folder that paths are relative to; by default that of the table.
        group_pattern: of images in files, what names the group in their paths, see `train`.
        command: how to reproduce it, for the reports.
        listener: told each event of each training.
        progress: as for `train`.

    Raises:
        UsageError, DataError, RunError, StorageError: what the person must change, in one sentence.
    """
    progress, listener = shown(progress, listener)
    budget = limits.checked("budget", budget)
    limits.check_one_length(budget, epochs)
    folder = Path(out) if out is not None else default_folder(data, "compare")
    changes = {"epochs": epochs, "weight_decay": weight_decay, "augment": augment, "mirror": mirror}
    planned = plan(models, images, folder, seed, precision, early_stop, changes, dropout, budget)
    for model in (one for one in models if recipe(one).weights is not None):
        fetch_weights(model, None if cache is None else Path(cache), progress)
    table = TableOptions(path_column, label_column, split_column, group_column, image_root)
    how: dict[str, Any] = {"labels": labels, "cache": cache, "colour": colour, "fit": fit, "seconds": seconds}
    how |= vars(table)
    opened = open_source(data, **how, group_pattern=group_pattern, progress=progress)
    source = _divided_once(opened, seed, progress)
    check(planned, source, labels, seed, progress)
    # TensorFlow takes it for a mistake when several networks are compiled in one process, and says so.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    done: list[Planned] = []
    for one in planned:
        try:
            trained = _train(one, source, listener, progress, command=command, cache=cache, **changes)
        except KeyboardInterrupt:
            break
        if not trained.stopped:
            done.append(one)
        if trained.asked_to_stop:
            break
    rows = [figures_of(one) for one in done]
    result = ComparisonResult(
        data=data_name(source),
        seed=seed,
        models=tuple(sorted(rows, key=lambda row: (-row.validation_accuracy, row.parameters))),
        missing=tuple(one.folder.name for one in planned[len(done) :]),
        out=folder,
        notes=source.told(),
        kind=source.kind,
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    )
    if rows:
        write_comparison_files(result)
    if test and not result.missing:
        result = replace(result, models=tuple(_tested(row, source, progress) for row in result.models))
        write_comparison_files(result)
    return result


def _train(one: Planned, source: Source, listener: Listener | None, progress: Progress, **given: Any) -> Trained:
    """Train one run from the beginning, or go on with what is there; a finished one is left as it is."""
    if one.folder.exists():
        return resume(one.folder, data=source, listener=listener, progress=progress)
    return train(
        source,
        out=one.folder,
        model=one.model,
        seed=one.settings.seed,
        precision=one.settings.precision,
        early_stop=one.settings.early_stop,
        budget=one.budget,
        images=one.images,
        listener=listener,
        progress=progress,
        **given,
        **one.settings.options,
    )


def _tested(row: ComparedModel, source: Source, progress: Progress) -> ComparedModel:
    figures = evaluate(row.run, source, progress=progress)
    return replace(row, test_accuracy=figures.accuracy, interval=figures.interval)


def _divided_once(source: Source, seed: int, progress: Progress) -> Source:
    """`source` in its three sets, each of which is made when it is first asked for and then kept for every run."""
    sets = Split(source, seed=seed, progress=progress)

    def test() -> Dataset:  # one that was split off may be empty, which is for `evaluate` to say
        made = sets.made_test()
        return sets.test() if made is None else made

    readers = {
        "train": once(lambda _progress: sets.train()),
        "validation": once(lambda _progress: sets.validation()),
        "test": once(lambda _progress: test()),
    }
    made = frozenset({"test"} - source.readers.keys())
    return replace(source, readers=readers, made=source.made | made)
