"""Judges the network at the end of each epoch, tells of it, and keeps the best weights where that is wanted."""

from __future__ import annotations

import time
from typing import Any

from numpy.typing import NDArray

from beholder.data.dataset import Dataset
from beholder.models.entrance import seen_size
from beholder.runs.events import EventLog
from beholder.runs.run_folder import Run
from beholder.training.checkpoint import Position, values_of
from beholder.training.epoch_snapshots import Snapshots
from beholder.training.judging import LEAST_SAMPLE, OPENING_GAP, TRAIN_SAMPLE, gap_in_words, judge, sample
from beholder.training.steps.step import compile_look


class EpochJudge:
    """Looks at training and validation images without augmentation.

    Args:
        model: the network.
        train: the training set, of which a sample is looked at.
        validation: the validation set; None: nothing is judged by images that were not learned from.
        augmented: the network learns from varied images, so that nobody need be advised to vary them.
        hurried: smaller samples are enough, of the validation set too where no best weights are kept.
        patience: epochs without a better validation accuracy after which to stop, with the best weights; None: never.
        keeps_best: keep the best weights without that too, where there is a validation set.
        run: keeps snapshots.
        log: hears of each epoch.

    Attributes:
        best: the weights of the best epoch so far, in the model's order; empty where they are not kept.
        last: when the last epoch, or what was before the first, was judged, on the clock of `time.monotonic`.
    """

    def __init__(
        self,
        model: Any,
        train: Dataset,
        validation: Dataset | None,
        *,
        augmented: bool,
        hurried: bool,
        patience: int | None,
        keeps_best: bool,
        run: Run,
        log: EventLog,
    ) -> None:
        self._model, self.look, self._seen = model, compile_look(model), seen_size(model)
        # Where time is short, no more than an eighth of an epoch's images: a look costs a third of a step.
        most = min(TRAIN_SAMPLE, max(LEAST_SAMPLE, len(train) // 8)) if hurried else TRAIN_SAMPLE
        self._train, self._train_rows = train, sample(len(train), most)
        self._keeps_best = validation is not None and (keeps_best or patience is not None)
        # What is best must not depend on the clock: a logged plan is replayed without one.
        hurried_rows = TRAIN_SAMPLE if hurried and not self._keeps_best else None
        self._validation = validation
        self._rows = sample(0 if validation is None else len(validation), hurried_rows)
        self._patience, self._log, self._augmented = patience, log, augmented
        self._snapshots = None if validation is None else Snapshots(run, log, model, validation, self._rows)
        self.best: list[NDArray[Any]] = []
        self.last = time.monotonic()

    @property
    def judged_images(self) -> int:
        """Training and validation images that each judgement looks at."""
        return len(self._train_rows) + len(self._rows)

    def judge(self, position: Position, **told: Any) -> None:
        """Judge the epoch that `position` stands at the end of, and go on to the next; its event also says `told`."""
        train_accuracy, train_loss = judge(self.look, self._train, self._train_rows, seen=self._seen)
        validation = self._on_validation()
        self.last = time.monotonic()
        position.epoch += 1
        judged = {}
        if validation is not None:
            accuracy, loss = validation
            gap = train_accuracy - accuracy
            judged = {"validation_loss": loss, "validation_accuracy": accuracy, "gap": gap}
        self._log.append(
            "epoch",
            epoch=position.epoch,
            loss=round(position.loss_sum / position.seen, 5),
            train_loss=round(train_loss, 5),
            train_accuracy=round(train_accuracy, 5),
            **{name: round(value, 5) for name, value in judged.items()},
            **told,
        )
        if judged.get("gap", 0.0) >= OPENING_GAP and not position.gap_said:
            message = gap_in_words(judged["gap"], position.epoch, augmented=self._augmented)
            self._log.append("overfitting", epoch=position.epoch, message=message)
            position.gap_said = True
        if validation is None:
            position.best_epoch = position.epoch  # the last one is kept
        elif validation[0] > position.best_accuracy:
            position.best_accuracy, position.best_epoch = validation[0], position.epoch
            if self._keeps_best:
                self.best = values_of(self._model.variables)
        position.step, position.loss_sum, position.correct, position.seen = 0, 0.0, 0, 0

    def _on_validation(self) -> tuple[float, float] | None:
        """Accuracy and mean loss there; None without a validation set."""
        if self._validation is None or self._snapshots is None:
            return None
        return judge(self.look, self._validation, self._rows, self._snapshots.see, seen=self._seen)

    def begin_with(self, position: Position, accuracy: float) -> None:
        """Keep the network as it is before the first step: an epoch has to be better than its `accuracy` to be kept.

        Without a validation set nothing tells which is better, and the last one is kept.
        """
        if self._validation is not None:
            position.best_accuracy = accuracy
            self.best = values_of(self._model.variables)
        self.last = time.monotonic()

    def out_of_patience(self, position: Position) -> bool:
        """Whether to stop early."""
        return self._patience is not None and position.epoch - position.best_epoch >= self._patience

    def keep_snapshot(self, epoch: int, *, last: bool) -> None:
        """Keep what was answered at the end of `epoch`, if that is due."""
        if self._snapshots is not None:
            self._snapshots.end_epoch(epoch, last=last)
