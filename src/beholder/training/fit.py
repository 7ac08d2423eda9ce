"""The training loop: one, for every network (docs/lab-notebook.md tells what was measured before it was chosen)."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from beholder.data.dataset import Dataset
from beholder.data.image_rows import images_at
from beholder.errors import RunError, UsageError
from beholder.models import build
from beholder.runs.events import EventLog
from beholder.runs.run_folder import Run
from beholder.training.balance import class_weights
from beholder.training.budget.ending import ending_in_words
from beholder.training.budget.forecast import MOST_EPOCHS
from beholder.training.budget.pace import Pace
from beholder.training.budget.schedule import Schedule
from beholder.training.budget.stage_costs import SMALL_COST
from beholder.training.checkpoint import Cadence, Checkpoint, Position, latest_checkpoint, position_from
from beholder.training.epoch_snapshots import Snapshots
from beholder.training.initial import first_weights
from beholder.training.judging import OPENING_GAP, TRAIN_SAMPLE, gap_in_words, judge, sample
from beholder.training.settings import Settings
from beholder.training.stages import Stages
from beholder.training.steps import framework, processes
from beholder.training.steps.batches import Batches
from beholder.training.steps.optimizer import build_optimizer
from beholder.training.steps.step import compile_look

STEP_EVENT_SECONDS = 0.5
STEP_EVENT_SHARE = 1e-4  # of the time trained so far, where that is more


@dataclass(frozen=True)
class Outcome:
    """What training came to.

    Attributes:
        weights: the values of the model's variables to keep, in its order.
        epochs: that are judged: the complete ones, and the last of the run, which its plan may cut short.
        best_epoch: the epoch (from 1) with the best validation accuracy; 0 before the first.
        stopped: the person stopped it before its end.
        plans: of the schedule that was followed.
        seconds_a_step: over whole images, where a deadline had the clock looked at, often enough to tell.
        closing_since: when the last epoch was judged, on the clock of `time.monotonic`; all that follows is closing.
    """

    weights: list[NDArray[Any]]
    epochs: int
    best_epoch: int
    stopped: bool
    plans: list[tuple[int, int]]
    seconds_a_step: float | None
    closing_since: float


class Fit:
    """Trains one network on one data set, from the beginning or from a checkpoint.

    In a group of processes each of them does so, step by step together: process 0 decides, judges and writes.

    Args:
        train: the training set.
        validation: the validation set.
        settings: what to do.
        run: where checkpoints go.
        log: where events go.
        stop: asked after each step; True ends training there, with a checkpoint.
        until: when the last step must be done, on the clock of `time.monotonic`; the run is re-planned to meet it.
            None: the settings' epochs decide.
        closing: seconds that packing will take after that.
        most_epochs: of a run that is re-planned, however much time there is.
        plans: those of an earlier run, to be followed exactly (see `Schedule`).
    """

    def __init__(
        self,
        train: Dataset,
        validation: Dataset,
        settings: Settings,
        run: Run,
        log: EventLog,
        stop: Callable[[], bool],
        *,
        until: float | None = None,
        closing: float = 0.0,
        most_epochs: float = MOST_EPOCHS,
        plans: list[tuple[int, int]] | None = None,
    ) -> None:
        self.train, self.validation = train, validation
        self.settings, self.run, self.log, self.stop = settings, run, log, stop
        self.group = processes.current()
        self.leads = self.group is None or self.group.leads
        recipe = settings.recipe
        mirror = settings.mirrors(train.image_shape[2])
        balanced = settings.balance == "sampling"
        self.batches = Batches(train, recipe.batch_size, settings.seed, recipe.augment, mirror, balanced)
        framework.set_random_seed(settings.seed)
        self.model = self._build()
        self.optimizer = build_optimizer(recipe, fine_tuning=settings.initial is not None)
        # What starts from an earlier network has learned the coarse things already.
        weights = class_weights(train.labels, len(train.class_names)) if settings.balance == "weights" else None
        whole = settings.initial is not None
        self.stages = Stages(self.model, self.optimizer, recipe, whole=whole, class_weights=weights, group=self.group)
        self.look = compile_look(self.model)
        self.position = Position(schedule=Schedule([(0, settings.steps(len(train)))]))
        self.given_plans = plans or []
        steps = self.batches.steps
        judged = sample(len(train), TRAIN_SAMPLE).size + sample(len(validation), TRAIN_SAMPLE).size
        most = round(most_epochs * steps)
        self.pace = None if until is None else Pace(until, steps, most, judged / recipe.batch_size, closing)
        # What early stopping looks at must not depend on the clock: a logged plan is replayed without one.
        hurried = self.pace is not None and settings.early_stop is None
        self.judged = sample(len(validation), TRAIN_SAMPLE if hurried else None)
        self.snapshots = Snapshots(run, log, self.model, validation, self.judged)
        self.best: list[NDArray[Any]] = []
        self.cadence = Cadence()
        self.began = self.closing_since = time.monotonic()

    def run_to_end(self) -> Outcome:
        """Train until the last step, an early stop, or the person's stop.

        Raises:
            UsageError: the loss is no longer a number; the last checkpoint stays as it was.
            StorageError: a checkpoint or an event cannot be written.
        """
        checkpoint, advice = latest_checkpoint(self.run) if self.leads else (None, None)
        if advice is not None:
            self.log.append("advice", message=advice)
        if checkpoint is not None:
            self._restore(checkpoint)
        self._share_position()
        self._follow_given_plans()
        stopped = False
        while not self._over() and not stopped:
            stopped = self._epoch()
        self.stages.step.sync()
        if not stopped:
            self._tell_ending()
        keep_best = self.settings.early_stop is not None and self.best
        weights = self.best if keep_best else _values(self.model.variables)
        position = self.position
        plans = position.schedule.plans
        pace = None if self.pace is None or not self.stages.whole else self.pace.seconds_a_step
        return Outcome(weights, position.epoch, position.best_epoch, stopped, plans, pace, self.closing_since)

    def _tell_ending(self) -> None:
        if self.pace is None:
            return
        done, planned = self.position.done, self.position.schedule.plans[0][1]
        left = self.pace.until - time.monotonic()
        seconds = self.pace.until - self.began
        message = ending_in_words(done, planned, self.pace.most_steps, left=left, seconds=seconds)
        if message is not None:
            self.log.append("advice", message=message)

    def _epoch(self) -> bool:
        """Train to the end of the epoch, or of the run; True when the person stopped it before."""
        position, batches = self.position, self.batches
        order, started, told = batches.order(position.epoch), time.monotonic(), 0.0
        first_step = position.step
        while position.step < batches.steps and position.done < self.position.schedule.steps:
            self._step(order)
            now = time.monotonic()
            if now - told > step_event_seconds(now - self.began):
                self._tell_step((now - started) / (position.step - first_step))
                told = now
            asked, steps = self._decided()
            if asked:
                self._save()
                return True
            self._replan(steps)
            if self.cadence.due():
                self._save()
        self._end_epoch(time.monotonic() - started, (position.step - first_step) * batches.batch_size)
        self._share_position()
        over, asked = self._over(), self._decided(look=False)[0]
        if over or asked or self.cadence.due(epoch_ended=True):
            self._save()
        return asked and not over

    def _step(self, order: NDArray[np.int64]) -> None:
        position, batches = self.position, self.batches
        share = slice(None) if self.group is None else self.group.share(batches.size(position.step))
        images, labels = batches.batch(order, position.epoch, position.step, share)
        rate = position.schedule.learning_rate(self.settings.recipe, position.done)
        if self.stages.at(position.schedule.progress(position.done)) and self.pace is not None:
            self.pace.next_stage(1 / SMALL_COST)
        loss, correct = self.stages.step(images, labels, rate, batches.step_seed(position.epoch, position.step))
        if not math.isfinite(loss):
            raise UsageError(
                f"Training diverged: the loss of step {position.step + 1} in epoch {position.epoch + 1} is {loss}; "
                f"choose a --learning-rate below {self.settings.recipe.learning_rate:g}."
            )
        position.done += 1
        position.step += 1
        position.loss_sum += loss
        position.correct += correct
        position.seen += len(labels)

    def _decided(self, *, look: bool = True) -> tuple[bool, int | None]:
        """Whether to stop here, and how many steps the run is to have where that changes; `look` at the clock."""
        asked, steps = self.stop(), None
        if look and not asked and self.pace is not None:
            done, schedule = self.position.done, self.position.schedule
            steps = self.pace.fitting(done, schedule.steps, self.stages.ahead(schedule.progress(done)))
        if self.group is not None:
            asked, steps = self.group.agree([asked, steps])
        return asked, steps

    def _share_position(self) -> None:
        """Stand where process 0 does, which alone reads checkpoints and judges."""
        if self.group is not None:
            self.position = position_from(self.group.agree(asdict(self.position)))
            self.group.meet()

    def _replan(self, steps: int | None) -> None:
        schedule, done = self.position.schedule, self.position.done
        if steps is not None:
            schedule.replan(done, steps)
            self.log.append("replan", step=done, steps=schedule.steps)
        self._follow_given_plans()

    def _follow_given_plans(self) -> None:
        while self.given_plans and self.given_plans[0][0] <= self.position.done:
            step, steps = self.given_plans.pop(0)
            plans = self.position.schedule.plans
            if step == self.position.done and plans[-1] != (step, steps):
                kept = [plan for plan in plans if plan[0] < step]
                self.position.schedule = Schedule([*kept, (step, steps)])
                if step > 0:
                    self.log.append("replan", step=step, steps=steps)

    def _end_epoch(self, seconds: float, images: int) -> None:
        if not self.leads:
            return
        position, recipe = self.position, self.settings.recipe
        judging = time.monotonic()
        self.stages.step.sync()
        train_accuracy, train_loss = judge(self.look, self.train, sample(len(self.train), TRAIN_SAMPLE))
        validation_accuracy, validation_loss = judge(self.look, self.validation, self.judged, self.snapshots.see)
        self.closing_since = time.monotonic()
        if self.pace is not None:
            self.pace.judged(self.closing_since - judging)
        position.epoch += 1
        gap = train_accuracy - validation_accuracy
        self.log.append(
            "epoch",
            epoch=position.epoch,
            epochs=self._epochs(),
            seconds=round(seconds, 3),
            loss=round(position.loss_sum / position.seen, 5),
            train_loss=round(train_loss, 5),
            train_accuracy=round(train_accuracy, 5),
            validation_loss=round(validation_loss, 5),
            validation_accuracy=round(validation_accuracy, 5),
            gap=round(gap, 5),
            learning_rate=self.position.schedule.learning_rate(recipe, position.done - 1),
            images_per_second=round(images / seconds, 1),
        )
        if gap >= OPENING_GAP and not position.gap_said:
            self.log.append(
                "overfitting", epoch=position.epoch, message=gap_in_words(gap, position.epoch, augmented=recipe.augment)
            )
            position.gap_said = True
        if validation_accuracy > position.best_accuracy:
            position.best_accuracy, position.best_epoch = validation_accuracy, position.epoch
            if self.settings.early_stop is not None:
                self.best = _values(self.model.variables)
        position.step, position.loss_sum, position.correct, position.seen = 0, 0.0, 0, 0
        self.snapshots.end_epoch(position.epoch, last=self._over())

    def _planned_steps(self) -> int:
        """Steps of the run in all, as far as is known by now: of given plans the last is."""
        return (self.given_plans or self.position.schedule.plans)[-1][1]

    def _epochs(self) -> int:
        """Epochs of the run as planned by now, one that is cut short at its end counted."""
        return math.ceil(self._planned_steps() / self.batches.steps)

    def _over(self) -> bool:
        # A run that was killed after its last step, and before that epoch was judged, has that still to do.
        ended = self.position.done >= self.position.schedule.steps and self.position.step == 0
        return ended or self._stale()

    def _stale(self) -> bool:
        patience = self.settings.early_stop
        return patience is not None and self.position.epoch - self.position.best_epoch >= patience

    def _tell_step(self, seconds_a_step: float) -> None:
        position, batches, schedule = self.position, self.batches, self.position.schedule
        seconds_ahead = seconds_a_step * self.stages.ahead(schedule.progress(position.done))
        self.log.append(
            "step",
            epoch=position.epoch + 1,
            epochs=self._epochs(),
            step=position.step,
            steps=batches.steps,
            loss=round(position.loss_sum / position.seen, 5),
            train_accuracy=round(position.correct / position.seen, 5),
            images_per_second=round(batches.batch_size / seconds_a_step, 1),
            eta_seconds=round((self._planned_steps() - position.done) * seconds_ahead, 1),
        )

    def _build(self) -> Any:
        settings = self.settings
        fitted = (
            {"images": images_at(self.train.images, sample(len(self.train), TRAIN_SAMPLE))}
            if settings.recipe.sees_images
            else {}
        )
        names = self.train.class_names
        model = build(
            settings.model, self.train.image_shape, len(names), dtype=settings.dtype, **settings.options, **fitted
        )
        if self.leads and settings.initial is not None and settings.initial.class_names:
            first_weights(model, self.run.initial_file, settings.initial.class_names, names)
        return model

    def _save(self) -> None:
        if not self.leads:
            return
        began = time.monotonic()
        self.stages.step.sync()
        Checkpoint(self.position, _values(self.model.variables), _values(self.optimizer.variables), self.best).write(
            self.run.checkpoint_file, self.run.earlier_checkpoint_file
        )
        self.cadence.wrote(time.monotonic() - began)

    def _restore(self, checkpoint: Checkpoint) -> None:
        for variables, values in (
            (self.model.variables, checkpoint.model),
            (self.optimizer.variables, checkpoint.optimizer),
        ):
            if [tuple(variable.shape) for variable in variables] != [value.shape for value in values]:
                raise RunError(
                    f"The checkpoint {str(self.run.checkpoint_file)!r} is of another network than its config says; "
                    "train again into a new folder."
                )
            for variable, value in zip(variables, values, strict=True):
                variable.assign(value)
        self.position, self.best = checkpoint.position, checkpoint.best
        position = self.position
        facts = {"step": position.step, "done": position.done, "steps": position.schedule.steps}
        self.log.append("resumed", epoch=position.epoch + 1, **facts)


def step_event_seconds(trained: float) -> float:
    """How far apart the events of steps are after so many seconds: the log of a run of days is read at once too."""
    return max(STEP_EVENT_SECONDS, STEP_EVENT_SHARE * trained)


def _values(variables: list[Any]) -> list[NDArray[Any]]:
    return [np.array(keras.ops.convert_to_numpy(variable)) for variable in variables]
