"""The training loop: one, for every network (docs/lab-notebook.md tells what was measured before it was chosen)."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from beholder.data.dataset import Dataset
from beholder.errors import UsageError
from beholder.runs.events import EventLog
from beholder.runs.run_folder import Run
from beholder.training.augmentation import augmentation
from beholder.training.balance import class_weights
from beholder.training.budget.ending import ending_in_words
from beholder.training.budget.fine_tuning import COMPILING_SECONDS
from beholder.training.budget.forecast import MOST_EPOCHS
from beholder.training.budget.pace import Pace
from beholder.training.budget.schedule import Schedule
from beholder.training.budget.stage_costs import SMALL_COST
from beholder.training.checkpoint import Checkpoints, Position, position_from, values_of
from beholder.training.epoch_judge import EpochJudge
from beholder.training.first_answer import FirstAnswer, Part
from beholder.training.network import build_network
from beholder.training.settings import Settings
from beholder.training.stages import Stages
from beholder.training.steps import framework, processes
from beholder.training.steps.ahead import Ahead
from beholder.training.steps.batches import Batches
from beholder.training.steps.optimizer import build_optimizer
from beholder.training.telling import step_event_seconds, step_facts


@dataclass(frozen=True)
class FitResult:
    """What training came to.

    Attributes:
        weights: the values of the model's variables to keep, in its order.
        epochs: that are judged: the complete ones, and the last of the run, which its schedule may cut short.
        best_epoch: the epoch (from 1) with the best validation accuracy; 0 before the first.
        stopped: the person stopped it before its end.
        schedule: the pairs of the `Schedule` that was followed.
        seconds_a_step: over whole images, where a deadline had the clock looked at, often enough to tell.
        closing_since: when the last epoch was judged, on the clock of `time.monotonic`; all that follows is closing.
    """

    weights: list[NDArray[Any]]
    epochs: int
    best_epoch: int
    stopped: bool
    schedule: list[tuple[int, int]]
    seconds_a_step: float | None
    closing_since: float


class Fit:
    """Trains one network on one data set, from the beginning or from a checkpoint.

    In a group of processes each of them does so, step by step together: process 0 decides, judges and writes.

    Args:
        train: the training set.
        validation: the validation set, which tells how good the network is by now and which epoch's to keep; None:
            there is none, and the last one is kept.
        settings: what to do.
        run: where checkpoints go.
        log: where events go.
        stop: asked after each step; True ends training there, with a checkpoint.
        cache: where the features of images are kept; None: nowhere. Learned weights are looked for there too.
        until: when the last step must be done, on the clock of `time.monotonic`; the run is re-planned to meet it.
            None: the settings' epochs decide.
        closing: seconds that packing will take after that.
        most_epochs: of a run that is re-planned, however much time there is.
        schedule: pairs of an earlier run's `Schedule`, to be followed exactly.
        part: which images of which others the training set is, see `FirstAnswer`.
    """

    def __init__(
        self,
        train: Dataset,
        validation: Dataset | None,
        settings: Settings,
        run: Run,
        log: EventLog,
        stop: Callable[[], bool],
        *,
        cache: Path | None = None,
        until: float | None = None,
        closing: float = 0.0,
        most_epochs: float = MOST_EPOCHS,
        schedule: list[tuple[int, int]] | None = None,
        part: Part | None = None,
    ) -> None:
        self.settings, self.log, self.stop = settings, log, stop
        self.group = processes.current()
        recipe, fine_tuning = settings.recipe, settings.fine_tuning
        mirror, balanced = settings.mirrors(train.image_shape[2]), settings.balance == "sampling"
        how = augmentation(recipe.augmentation) if recipe.augment else None
        self.batches = Batches(train, recipe.batch_size, settings.seed, how, mirror, balanced)
        self.ahead = Ahead(self.batches, self.group)
        framework.set_random_seed(settings.seed)
        self.model = build_network(settings, train, run if self.leads else None, cache)
        self.first = FirstAnswer.of(self.model, settings, train, validation, cache, part)
        optimizer = build_optimizer(recipe, fine_tuning=fine_tuning)
        weights = class_weights(train.labels, len(train.class_names)) if settings.balance == "weights" else None
        # What starts from learned weights has learned the coarse things already.
        self.stages = Stages(self.model, optimizer, recipe, whole=fine_tuning, class_weights=weights, group=self.group)
        self.checkpoints = Checkpoints(run, self.model, optimizer)
        self.judge = EpochJudge(
            self.model,
            train,
            validation,
            augmented=recipe.augment,
            hurried=until is not None,
            patience=settings.early_stop,
            keeps_best=self.first is not None,
            run=run,
            log=log,
        )
        self.position = Position(schedule=Schedule([(0, settings.steps(len(train)))]))
        self.followed = list(schedule or [])
        self.pace: Pace | None = None
        if until is not None:
            steps, judged = self.batches.steps, self.judge.judged_images / recipe.batch_size
            self.pace = Pace(until, steps, round(most_epochs * steps), judged, closing)

    @property
    def leads(self) -> bool:
        """Whether this process decides, judges and writes."""
        return self.group is None or self.group.leads

    def run_to_end(self) -> FitResult:
        """Train until the last step, an early stop, or the person's stop.

        Raises:
            UsageError: the loss is no longer a number; the last checkpoint stays as it was.
            StorageError: a checkpoint or an event cannot be written.
        """
        began, stopped = time.monotonic(), False
        if self.leads:
            answered = self._restore()  # the first checkpoint follows on a first answer
            if self.first is not None and not answered:
                stopped = not self._answer_first(self.first)
        self._share_position()
        self._follow()
        while not self._over() and not stopped:
            stopped = self._epoch(began)
        self.stages.step.sync()
        if not stopped and self.pace is not None and self.first is None:
            self._tell_ending(self.pace, began)
        position = self.position
        return FitResult(
            weights=self.judge.best or values_of(self.model.variables),
            epochs=position.epoch,
            best_epoch=position.best_epoch,
            stopped=stopped,
            schedule=position.schedule.pairs if position.done or stopped else [(0, 0)],
            seconds_a_step=self.pace.seconds_a_step if self.pace is not None and self.stages.whole else None,
            closing_since=self.judge.last,
        )

    def _epoch(self, began: float) -> bool:
        """Train to the end of the epoch, or of the run; True when the person stopped it before."""
        position, batches = self.position, self.batches
        order, first_step, started, told = batches.order(position.epoch), position.step, time.monotonic(), 0.0
        while position.step < batches.steps and position.done < position.schedule.steps:
            self._step(order)
            now = time.monotonic()
            if now - told > step_event_seconds(now - began):
                a_step = (now - started) / (position.step - first_step)
                ahead = self.stages.ahead(position.schedule.progress(position.done))
                self.log.append("step", **step_facts(position, batches, self._steps, a_step, ahead))
                told = now
            asked, steps = self._decided()
            if asked:
                self._save()
                return True
            self._replan(steps)
            if self.checkpoints.due():
                self._save()
        if self.leads:
            self._end_epoch(time.monotonic() - started, (position.step - first_step) * batches.batch_size)
        self._share_position()
        over, asked = self._over(), self._decided(look=False)[0]
        if over or asked or self.checkpoints.due(epoch_ended=True):
            self._save()
        return asked and not over

    def _step(self, order: NDArray[Any]) -> None:
        position = self.position
        images, labels = self.ahead.batch(order, position.epoch, position.step)
        rate = position.schedule.learning_rate(self.settings.recipe, position.done)
        if self.stages.at(position.schedule.progress(position.done)) and self.pace is not None:
            self.pace.next_stage(1 / SMALL_COST)
        loss, correct = self.stages.step(images, labels, rate, self.batches.step_seed(position.epoch, position.step))
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

    def _answer_first(self, first: FirstAnswer) -> bool:
        """Give the network its first answer, and keep it, however the run goes on; False where it is stopped."""
        accuracy = first.answer(self.log, self.stop if self.group is None else lambda: False)
        if accuracy is None:
            return False
        self.judge.begin_with(self.position, accuracy)
        self._save()
        return True

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
        self._follow()

    def _follow(self) -> None:
        """Take the pairs of the followed schedule that are due by now; those before a checkpoint are known already."""
        while self.followed and self.followed[0][0] <= self.position.done:
            step, steps = self.followed.pop(0)
            known = self.position.schedule.pairs
            if step == self.position.done and known[-1] != (step, steps):
                self.position.schedule = Schedule([*(pair for pair in known if pair[0] < step), (step, steps)])
                if step > 0:
                    self.log.append("replan", step=step, steps=steps)

    def _end_epoch(self, seconds: float, images: int) -> None:
        position, judging = self.position, time.monotonic()
        self.stages.step.sync()
        self.judge.judge(
            position,
            epochs=math.ceil(self._steps / self.batches.steps),
            seconds=round(seconds, 3),
            learning_rate=position.schedule.learning_rate(self.settings.recipe, position.done - 1),
            images_per_second=round(images / seconds, 1),
        )
        if self.pace is not None:
            self.pace.judged(self.judge.last - judging)
        self.judge.keep_snapshot(position.epoch, last=self._over())

    def _over(self) -> bool:
        # A run that was killed after its last step, and before that epoch was judged, has that still to do.
        ended = self.position.done >= self.position.schedule.steps and self.position.step == 0
        return ended or self.judge.out_of_patience(self.position) or self._has_answered_in_time

    @property
    def _has_answered_in_time(self) -> bool:
        """Whether the first answer took the time: then there is none for a step, which is compiled first."""
        answered = self.first is not None and self.pace is not None and not self.position.done
        return answered and time.monotonic() + COMPILING_SECONDS > (self.pace.until if self.pace else 0.0)

    def _save(self) -> None:
        if self.leads:
            self.stages.step.sync()
            self.checkpoints.write(self.position, self.judge.best)

    def _restore(self) -> bool:
        """Go on from the last checkpoint; whether there is one."""
        checkpoint, advice = self.checkpoints.restore()
        if advice is not None:
            self.log.append("advice", message=advice)
        if checkpoint is not None:
            self.position, self.judge.best = checkpoint.position, checkpoint.best
            position = self.position
            facts = {"step": position.step, "done": position.done, "steps": position.schedule.steps}
            self.log.append("resumed", epoch=position.epoch + 1, **facts)
        return checkpoint is not None

    @property
    def _steps(self) -> int:
        """Steps of the run in all, as far as is known by now: of a followed schedule the last pair is."""
        return (self.followed or self.position.schedule.pairs)[-1][1]

    def _tell_ending(self, pace: Pace, began: float) -> None:
        done, planned = self.position.done, self.position.schedule.pairs[0][1]
        left, seconds = pace.until - time.monotonic(), pace.until - began
        message = ending_in_words(done, planned, pace.most_steps, left=left, seconds=seconds)
        if message is not None:
            self.log.append("advice", message=message)
