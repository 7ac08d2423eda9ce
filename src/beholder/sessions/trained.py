"""What is told of a training: before its first step a summary, and in the end what it came to."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from beholder.data.dataset import Dataset
from beholder.runs.events import read_events
from beholder.runs.run_folder import Run
from beholder.schema import SCHEMA
from beholder.training.settings import Settings


@dataclass(frozen=True)
class Trained:
    """What `train` came to; wherever a RUN is asked for by its path, this will do.

    Attributes:
        run: the RUN folder.
        seconds: from the call to the written report; all sessions together where it was resumed.
        summary: model, epochs, batch size, steps, precision and whether images are `mirrored`; the network's `widths`,
            `side` and `first_side`, pixels, where they were chosen; under a budget also what it is expected to buy.
        validation_accuracy: of the float32 network as it will answer, 0 to 1; its int8 model's is in the manifest. With
            folds it is the accuracy out of fold, or None where they were not all judged yet.
        epochs: that are judged: the complete ones, and the last of the run, which its schedule may cut short.
        stopped: whether the person stopped it before its end; `resume` goes on.
        finished_before: `resume` found nothing to do.
        asked_to_stop: the person asked, if only while the finished model was packed.
        notes: sentences about the data that a person should see.
        risk: what the model as it answers here promises of the answers that are not unsure: `asked` and `confidence`,
            0 to 1, whether it is `promised`, and on the `count` validation images `coverage` and `observed` risk.
        point: what it promises of one class, see `beholder.threshold`; None where nothing was asked for.
        folds: with folds how many there are (`folds`) and were `judged`, and of all of them the out-of-fold `accuracy`
            with its `interval` and `count`; None without.
    """

    run: Path
    seconds: float
    summary: dict[str, Any]
    validation_accuracy: float | None
    epochs: int
    stopped: bool
    finished_before: bool = False
    asked_to_stop: bool = False
    risk: dict[str, Any] | None = None
    point: dict[str, Any] | None = None
    notes: Sequence[str] = ()
    folds: dict[str, Any] | None = None

    def __fspath__(self) -> str:
        return str(self.run)

    def _repr_html_(self) -> str:
        """As the cell of a notebook shows it."""
        from beholder.evaluation.fold_words import folds_in_words
        from beholder.evaluation.point_words import promises_in_words
        from beholder.report.cells.results import training_cell

        took = f"{self.summary['model']}, {self.epochs:g} epochs, {self.seconds:.0f} s"
        facts = [f"{took}. Report: {Run(self.run).report_file}"]
        facts += ["Stopped before its end; go on with beholder.resume."] if self.stopped else []
        facts = [*([] if self.folds is None else [folds_in_words(self.folds)]), *facts]
        facts = [*self.notes, *promises_in_words(self.point, self.risk), *facts]
        return training_cell(self.run, self.summary, self.validation_accuracy, facts)

    def to_dict(self) -> dict[str, Any]:
        """As in `train --json`."""
        public = {name: value for name, value in self.__dict__.items() if name != "asked_to_stop"}
        return {"schema": SCHEMA, **public, "run": str(self.run), "notes": list(self.notes)}

    @classmethod
    def from_fields(cls, document: dict[str, Any]) -> Trained:
        """From all its fields as another process tells them."""
        return cls(**{**document, "run": Path(document["run"])})


def finished(run: Run) -> Trained | None:
    """What `run` came to, where it ended and its model is there; None where there is something left to do."""
    last = next((event for event in reversed(read_events(run.events_file)) if event["event"] == "end"), None)
    if last is None or not run.model_folder.is_dir():
        return None
    names = ("seconds", "summary", "validation_accuracy", "epochs", "stopped", "risk", "notes")
    told = {name: last[name] for name in names}
    return Trained(run.path, **told, point=last.get("point"), folds=last.get("folds"), finished_before=True)


def folds_facts(validation: dict[str, Any]) -> dict[str, Any] | None:
    """`Trained.folds` of what the manifest says of the images that were judged; None of a validation set."""
    if "folds" not in validation:
        return None
    names = ("count", "accuracy", "interval", "fold_accuracies", "groups", "kind")
    told = {name: validation[name] for name in names if name in validation}
    return {"folds": validation["folds"], "judged": validation["folds"], **told}


def run_summary(
    settings: Settings, sets: dict[str, Dataset], schedule: list[tuple[int, int]] | None, folds: int | None = None
) -> dict[str, Any]:
    """What will be done, JSON-ready; the last pair of a `schedule` that is followed tells the steps, else epochs do.

    Args:
        settings: of the training.
        sets: `train` and `validation`; with folds `train` alone, which is judged too.
        schedule: of an earlier run.
        folds: in how many these are judged; None: the validation set is.
    """
    recipe, train = settings.recipe, sets["train"]
    epochs, steps = recipe.epochs, settings.steps(len(train))
    if schedule is not None:
        steps = schedule[-1][1]
        epochs = round(steps / math.ceil(len(train) / recipe.batch_size), 2)
    side, first_side = settings.sides(train.image_shape)
    sides: dict[str, Any] = {}
    if "widths" in settings.options:
        sides = {"widths": settings.options["widths"], "side": side, "first_side": first_side}
    elif recipe.side is not None:
        sides = {"side": side}
    return {
        "model": settings.model,
        **sides,
        "epochs": epochs,
        "batch_size": recipe.batch_size,
        "steps": steps,
        "precision": settings.precision,
        **({"augmentation": recipe.augmentation} if recipe.augment else {}),
        "mirrored": settings.mirrors(train.image_shape[2]),
        **({} if train.sound is None else {"kind": "sound"}),
        "train_images": len(train.files),
        "image_shape": list(train.image_shape),
        "validation_images": len((sets["validation"] if folds is None else train).files),
        **({} if folds is None else {"folds": folds}),
        **({} if settings.initial is None else {"started_from": settings.initial.source}),
        **({} if settings.balance == "none" else {"balance": settings.balance}),
    }
