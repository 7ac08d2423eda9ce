"""Train: from a data set to a RUN folder with a model and a report in it."""

from __future__ import annotations

import datetime
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Literal

from beholder import __version__, files
from beholder.data.dataset import Dataset
from beholder.data.opening import Data, open_source
from beholder.data.progress import Progress, silent
from beholder.data.source import Source
from beholder.data.split import Parts
from beholder.data.subset import first_pictures
from beholder.errors import DataError, RunError, UsageError
from beholder.runs.environment import describe_environment, has_bfloat16
from beholder.runs.events import EventLog, Listener, read_events
from beholder.runs.folder import Run, create_run, open_run, read_document
from beholder.training.settings import Settings, choose


@dataclass(frozen=True)
class Trained:
    """What `train` came to.

    Attributes:
        run: the RUN folder.
        seconds: from the call to the written report; all sittings together where it was resumed.
        plan: model, epochs, batch size, steps and precision.
        validation_accuracy: of the model as it will answer, 0 to 1.
        epochs: complete epochs.
        stopped: whether the person stopped it before its end; `resume` goes on.
        finished_before: `resume` found nothing to do.
    """

    run: Path
    seconds: float
    plan: dict[str, Any]
    validation_accuracy: float
    epochs: int
    stopped: bool
    finished_before: bool = False

    def to_json(self) -> dict[str, Any]:
        """As in `train --json`."""
        return {"schema": 1, **self.__dict__, "run": str(self.run)}


def train(
    data: Data | Source,
    *,
    out: str | Path | None = None,
    model: str = "fast",
    epochs: int | None = None,
    seed: int = 0,
    batch_size: int | None = None,
    learning_rate: float | None = None,
    weight_decay: float | None = None,
    augment: bool | None = None,
    mirror: bool | None = None,
    early_stop: int | None = None,
    pictures: int | None = None,
    precision: Literal["auto", "float32", "bfloat16"] = "auto",
    labels: Literal["fine", "coarse"] = "fine",
    cache: Path | None = None,
    command: str | None = None,
    listener: Listener | None = None,
    progress: Progress = silent,
    **options: Any,
) -> Trained:
    """Train a classifier on the train part of `data`, judge it on the validation part, and leave the test part alone.

    Args:
        data: a name, a path, a `Dataset`, a pair of arrays (pictures, labels), or a `Source` opened before.
        out: the RUN folder to make; `runs/DATA-MODEL-TIME` by default.
        model: `linear`, `dense`, `book` or `fast`.
        epochs: times that each picture is seen; the model's own by default, like the next four.
        seed: fixes every random choice.
        batch_size: pictures a step.
        learning_rate: its peak.
        weight_decay: in units of the learning rate.
        augment: shift training pictures, and mirror them where `mirror` allows.
        mirror: whether a mirrored picture means the same; by default where pictures are colour.
        early_stop: epochs without a better validation accuracy after which to stop and keep the best.
        pictures: learn from so many pictures of the train part, a stratified choice; from all by default.
        precision: of multiplications in training; `auto` is bfloat16 where the processor has it.
        labels: which of CIFAR-100's two sets of labels.
        cache: where downloads and decoded pictures are kept.
        command: how to reproduce the run, for the report.
        listener: told each event as it happens.
        progress: told how far reading is.
        **options: the model's own (window, stride, padding, dropout).

    Raises:
        UsageError, DataError, RunError, StorageError: what the person must change, in one sentence.
    """
    started = time.monotonic()
    chosen_precision = ("bfloat16" if has_bfloat16() else "float32") if precision == "auto" else precision
    settings = choose(
        model,
        seed=seed,
        precision=chosen_precision,
        early_stop=early_stop,
        changes={
            "epochs": epochs,
            "batch_size": batch_size,
            "learning_rate": learning_rate,
            "weight_decay": weight_decay,
            "augment": augment,
            "mirror": mirror,
        },
        options=options,
    )
    run = create_run(Path(out) if out is not None else _default_folder(data, model))
    try:
        run.write_config(_config(data, settings, pictures, labels, cache, command))
        files.write_json(run.environment_file, describe_environment())
        source = _open(data, labels, cache, progress)
        parts = _read(source, settings, pictures, progress)
        settings = settings.fitted(len(parts["train"]))
        run.write_config(_config(data, settings, pictures, labels, cache, command))
        files.write_json(run.data_file, _describe(source, parts))
        return _fit(run, settings, source.name, parts, listener, started)
    except BaseException:
        if not run.checkpoint_file.exists():
            run.remove()
        raise


def resume(
    run_path: str | Path,
    *,
    data: Data | Source | None = None,
    listener: Listener | None = None,
    progress: Progress = silent,
) -> Trained:
    """Go on with a run from its last checkpoint; one that is finished is left as it is.

    Args:
        run_path: the RUN folder.
        data: needed only where the run was trained on arrays; or its `Source`, opened before.
        listener: told each event as it happens.
        progress: told how far reading is.

    Raises:
        RunError: not a RUN folder, or the data is no longer what it was.
    """
    started = time.monotonic()
    run, config = open_run(Path(run_path))
    finished = _finished(run)
    if finished is not None:
        return finished
    settings = Settings.from_json(config["settings"])
    if data is None and config["data"] == "arrays":
        raise UsageError(f"{str(run.path)!r} was trained on arrays; give them again as `data`.")
    cache = Path(config["cache"]) if config["cache"] else None
    source = _open(config["data"] if data is None else data, config["labels"], cache, progress)
    parts = _read(source, settings, config.get("pictures"), progress)
    described = _describe(source, parts)
    if run.data_file.exists():
        before = read_document(run.data_file, missing="")
        if before.get("fingerprint") != described["fingerprint"]:
            raise RunError(f"The data {source.name!r} changed since {str(run.path)!r} began; train a new run instead.")
    else:
        files.write_json(run.data_file, described)
    return _fit(run, settings, source.name, parts, listener, started)


def _fit(
    run: Run,
    settings: Settings,
    name: str,
    parts: dict[str, Dataset],
    listener: Listener | None,
    started: float,
) -> Trained:
    log = EventLog(run.events_file, listener)
    earlier = next(
        (event["seconds"] for event in reversed(read_events(run.events_file)) if event["event"] == "stopped"), 0
    )
    plan = _plan(settings, parts)
    log.append("start", plan=plan)
    with _stop_on_interrupt() as stop:
        # Imported here, not above: the framework takes seconds, and a run should exist (and bad input be told) before.
        from beholder.training import framework

        framework.start()
        from beholder.report.page import write_report
        from beholder.training.export import export_artifact
        from beholder.training.fit import Fit

        outcome = Fit(parts["train"], parts["validation"], settings, run, log, stop).run_to_end()
        log.append("export")
        fingerprints = read_document(run.data_file, missing="")["fingerprint"]
        manifest = export_artifact(
            run.model_folder,
            settings,
            outcome.weights,
            parts["validation"],
            {"name": name, "fingerprint": fingerprints},
        )
        trained = Trained(
            run=run.path,
            seconds=round(earlier + time.monotonic() - started, 2),
            plan=plan,
            validation_accuracy=manifest.validation["accuracy"],
            epochs=outcome.epochs,
            stopped=outcome.stopped,
        )
        figures = {**trained.to_json(), "best_epoch": outcome.best_epoch}
        if outcome.stopped:
            log.append("stopped", reason="the person asked for it", **figures)
        else:
            log.append("end", **figures)
        write_report(run.path)
    return trained


def _open(data: Data | Source, labels: Literal["fine", "coarse"], cache: Path | None, progress: Progress) -> Source:
    if isinstance(data, Source):
        return data
    return open_source(data, labels=labels, cache=cache, progress=progress)


def _read(source: Source, settings: Settings, pictures: int | None, progress: Progress) -> dict[str, Dataset]:
    if len(source.class_names) < 2:
        raise DataError(f"{source.name!r} has {len(source.class_names)} class; bring pictures of at least two.")
    parts = Parts(source, seed=settings.seed, progress=progress)
    read = {"train": first_pictures(parts.train(), pictures, seed=settings.seed), "validation": parts.validation()}
    for part, dataset in read.items():
        if not len(dataset):
            raise DataError(f"The {part} part of {source.name!r} is empty; add pictures.")
    return read


def _config(
    data: Data | Source,
    settings: Settings,
    pictures: int | None,
    labels: str,
    cache: Path | None,
    command: str | None,
) -> dict[str, Any]:
    return {
        "beholder": __version__,
        "command": command,
        "data": data_name(data),
        "pictures": pictures,
        "labels": labels,
        "cache": None if cache is None else str(cache.resolve()),
        "model": settings.model,
        "epochs": settings.recipe.epochs,
        "batch_size": settings.recipe.batch_size,
        "seed": settings.seed,
        "options": settings.options,
        "settings": settings.to_json(),
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def _describe(source: Source, parts: dict[str, Dataset]) -> dict[str, Any]:
    classes = len(source.class_names)
    return {
        "schema": 1,
        "name": source.name,
        "class_names": list(source.class_names),
        "picture_shape": list(parts["train"].picture_shape),
        "counts": {part: _counts(dataset, classes) for part, dataset in parts.items()},
        "fingerprint": {part: dataset.fingerprint() for part, dataset in parts.items()},
        "notes": list(source.notes),
        "skipped": source.skipped,
    }


def _counts(dataset: Dataset, classes: int) -> list[int]:
    return [int((dataset.labels == label).sum()) for label in range(classes)]


def _plan(settings: Settings, parts: dict[str, Dataset]) -> dict[str, Any]:
    recipe = settings.recipe
    steps = -(-len(parts["train"]) // recipe.batch_size)
    return {
        "model": settings.model,
        "epochs": recipe.epochs,
        "batch_size": recipe.batch_size,
        "steps": steps * recipe.epochs,
        "precision": settings.precision,
        "train_pictures": len(parts["train"]),
        "validation_pictures": len(parts["validation"]),
    }


def _finished(run: Run) -> Trained | None:
    last = next((event for event in reversed(read_events(run.events_file)) if event["event"] == "end"), None)
    if last is None or not run.model_folder.is_dir():
        return None
    names = ("seconds", "plan", "validation_accuracy", "epochs", "stopped")
    return Trained(run.path, **{name: last[name] for name in names}, finished_before=True)


def data_name(data: Data | Source) -> str:
    """A name that means the same from any folder, or `arrays`."""
    if isinstance(data, Source):
        data = data.name
    if isinstance(data, Dataset | tuple) or data == "arrays":
        return "arrays"
    path = Path(data)
    try:
        return str(path.resolve()) if path.exists() else str(data)
    except OSError:  # too long for a name; opening it will say so
        return str(data)


def _default_folder(data: Data | Source, model: str) -> Path:
    name = Path(data_name(data)).name.split(".")[0] or "data"
    return Path("runs") / f"{name}-{model}-{datetime.datetime.now():%Y%m%d-%H%M%S}"


@contextmanager
def _stop_on_interrupt() -> Iterator[Callable[[], bool]]:
    """While inside, a first Ctrl-C or SIGTERM asks training to stop after the running step; a second ends it."""
    asked: list[int] = []

    def ask(number: int, _frame: FrameType | None) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(number)

    try:
        before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    except ValueError:  # not the main thread: whoever owns that decides
        yield lambda: False
        return
    try:
        yield lambda: bool(asked)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


__all__ = ["Trained", "data_name", "resume", "train"]
