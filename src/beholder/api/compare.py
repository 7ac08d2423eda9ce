"""Compare: several models on the same data, one RUN each, one table."""

from __future__ import annotations

import datetime
import functools
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from beholder import files
from beholder.api.evaluate import evaluate
from beholder.api.results import ComparedModel, ComparisonResult
from beholder.api.resume import resume
from beholder.api.train import Trained, train
from beholder.artifact.manifest import read_manifest
from beholder.data.dataset import Dataset
from beholder.data.images.colour import Colour
from beholder.data.images.fitting import DEFAULT_FIT, ImageFit
from beholder.data.opening import Data, open_source
from beholder.data.progress import Progress, silent
from beholder.data.source import Source
from beholder.data.split import Split, first_images
from beholder.errors import RunError, UsageError
from beholder.models import FROM_SCRATCH, recipe
from beholder.models.weights.installed import check_weights
from beholder.runs.events import Listener, lasting, read_events
from beholder.runs.run_folder import open_run, read_document
from beholder.sessions.training_data import data_name, default_folder
from beholder.training import limits
from beholder.training.mirror_choice import decide_mirroring
from beholder.training.settings import Settings, choose, precision_of


@dataclass(frozen=True)
class _Planned:
    """One row of the table before it is trained."""

    model: str
    images: int | None  # None: the whole training set
    settings: Settings
    folder: Path
    budget: float | None  # seconds; None: by epochs


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
    command: str | None = None,
    listener: Listener | None = None,
    progress: Progress = silent,
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
        command: how to reproduce it, for the reports.
        listener: told each event of each training.
        progress: told how far reading is.

    Raises:
        UsageError, DataError, RunError, StorageError: what the person must change, in one sentence.
    """
    budget = limits.checked("budget", budget)
    limits.check_one_length(budget, epochs)
    folder = Path(out) if out is not None else default_folder(data, "compare")
    changes = {"epochs": epochs, "weight_decay": weight_decay, "augment": augment, "mirror": mirror}
    planned = _plan(models, images, folder, seed, precision, early_stop, changes, dropout, budget)
    opened = open_source(data, labels=labels, cache=cache, colour=colour, fit=fit, progress=progress)
    source = _divided_once(opened, seed, progress)
    _check(planned, source, labels, seed, progress)
    # TensorFlow takes it for a mistake when several networks are compiled in one process, and says so.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    done: list[_Planned] = []
    for one in planned:
        try:
            reading = {"labels": labels, "cache": cache, "colour": colour}
            trained = _train(one, source, listener, progress, command=command, **reading, **changes)
        except KeyboardInterrupt:
            break
        if not trained.stopped:
            done.append(one)
        if trained.asked_to_stop:
            break
    rows = [_row(one) for one in done]
    result = ComparisonResult(
        data=data_name(source),
        seed=seed,
        models=tuple(sorted(rows, key=lambda row: (-row.validation_accuracy, row.parameters))),
        missing=tuple(one.folder.name for one in planned[len(done) :]),
        out=folder,
        notes=source.told(),
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    )
    if rows:
        _write(result)
    if test and not result.missing:
        result = replace(result, models=tuple(_tested(row, source, progress) for row in result.models))
        _write(result)
    return result


def _plan(
    models: Sequence[str],
    images: Sequence[int] | None,
    folder: Path,
    seed: int,
    precision: Literal["auto", "float32", "bfloat16"],
    early_stop: int | None,
    changes: dict[str, Any],
    dropout: float | None,
    budget: float | None,
) -> list[_Planned]:
    """Every run that is wanted: the small training sets first, so that there is soon something to see."""
    if not models or (images is not None and not images):
        raise UsageError("Nothing to compare: name at least one model and, where --images is given, one number.")
    if (folder / "config.json").exists():
        raise RunError(f"{str(folder)!r} is a RUN, not a folder of runs; choose another --out.")
    settings = {}
    for model in models:
        base = recipe(model)
        if base.weights is not None:
            check_weights(base.weights)
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
        _Planned(model, count, one, folder / (model if count is None else f"{model}-{count}"), budget)
        for count in sizes
        for model, one in settings.items()
    ]


def _check(planned: list[_Planned], source: Source, labels: str, seed: int, progress: Progress) -> None:
    """Refuse before the first training what could not be compared at the last."""
    sets = Split(source, seed=seed, progress=progress)
    training_set, validation = sets.train(), sets.validation()
    for one in planned:
        subset = first_images(training_set, one.images, seed=seed)
        if one.folder.exists():
            _check_same(one, source, labels, subset, validation)


def _check_same(one: _Planned, source: Source, labels: str, subset: Dataset, validation: Dataset) -> None:
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
            f"{str(one.folder)!r} was trained with other settings or on other images than asked for now; choose "
            "another --out."
        )


def _train(one: _Planned, source: Source, listener: Listener | None, progress: Progress, **given: Any) -> Trained:
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


def _row(one: _Planned) -> ComparedModel:
    """The figures of a finished run, from its own files."""
    run, _ = open_run(one.folder)
    events = lasting(read_events(run.events_file))
    epochs = {event["epoch"]: event for event in events if event["event"] == "epoch"}
    end = next(event for event in reversed(events) if event["event"] == "end")
    # The weights that were kept: with an early stop those of the best epoch, otherwise of the last.
    kept = epochs[end["best_epoch"] if one.settings.early_stop else max(epochs)]
    layers = read_manifest(run.model_folder / "manifest.json").layers
    return ComparedModel(
        model=one.model,
        images=end["summary"]["train_images"],
        parameters=sum(layer["parameters"] for layer in layers),
        multiply_adds=sum(layer["multiply_adds"] for layer in layers),
        seconds=end["seconds"],
        train_accuracy=kept["train_accuracy"],
        validation_accuracy=end["validation_accuracy"],
        gap=kept["gap"],
        best_epoch=end["best_epoch"],
        run=run.path,
    )


def _tested(row: ComparedModel, source: Source, progress: Progress) -> ComparedModel:
    figures = evaluate(row.run, source, progress=progress)
    return replace(row, test_accuracy=figures.accuracy, interval=figures.interval)


def _write(result: ComparisonResult) -> None:
    """The table and its page, and the link to it in the report of each run."""
    files.write_json(result.out / "comparison.json", result.to_dict())
    from beholder.report.comparison import write_comparison
    from beholder.report.page import write_report

    write_comparison(result.out)
    for row in result.models:
        report = open_run(row.run)[0].report_file
        if not report.exists() or b'href="../comparison.html"' not in report.read_bytes():
            write_report(report.parent)


def _divided_once(source: Source, seed: int, progress: Progress) -> Source:
    """`source` in its three sets, each of which is made when it is first asked for and then kept for every run."""
    sets = Split(source, seed=seed, progress=progress)

    def test() -> Dataset:  # one that was split off may be empty, which is for `evaluate` to say
        made = sets.made_test()
        return sets.test() if made is None else made

    readers = {"train": _once(sets.train), "validation": _once(sets.validation), "test": _once(test)}
    made = frozenset({"test"} - source.readers.keys())
    return replace(source, readers=readers, made=source.made | made)


def _once(read: Callable[[], Dataset]) -> Callable[[Progress], Dataset]:
    kept = functools.cache(read)
    return lambda _progress: kept()
