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
    """What `train` came to.

    Attributes:
        run: the RUN folder.
        seconds: from the call to the written report; all sessions together where it was resumed.
        summary: model, epochs, batch size, steps, precision and whether images are `mirrored`; the network's `widths`,
            `side` and `first_side`, pixels, where they were chosen; under a budget also what it is expected to buy.
        validation_accuracy: of the float32 network as it will answer, 0 to 1; its int8 model's is in the manifest.
        epochs: that are judged: the complete ones, and the last of the run, which its schedule may cut short.
        stopped: whether the person stopped it before its end; `resume` goes on.
        finished_before: `resume` found nothing to do.
        asked_to_stop: the person asked, if only while the finished model was packed.
        notes: sentences about the data that a person should see.
        risk: what the model as it answers here promises of the answers that are not unsure: `asked` and `confidence`,
            0 to 1, whether it is `promised`, and on the `count` validation images `coverage` and `observed` risk.
    """

    run: Path
    seconds: float
    summary: dict[str, Any]
    validation_accuracy: float
    epochs: int
    stopped: bool
    finished_before: bool = False
    asked_to_stop: bool = False
    risk: dict[str, Any] | None = None
    notes: Sequence[str] = ()

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
    return Trained(run.path, **{name: last[name] for name in names}, finished_before=True)


def run_summary(settings: Settings, sets: dict[str, Dataset], schedule: list[tuple[int, int]] | None) -> dict[str, Any]:
    """What will be done, JSON-ready; the last pair of a `schedule` that is followed tells the steps, else epochs do."""
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
        "mirrored": settings.mirrors(train.image_shape[2]),
        "train_images": len(train),
        "image_shape": list(train.image_shape),
        "validation_images": len(sets["validation"]),
        **({} if settings.initial is None else {"started_from": settings.initial.source}),
        **({} if settings.balance == "none" else {"balance": settings.balance}),
    }
