"""Judges every image by a network that never saw it: one training a fold, in a folder of the RUN, before the last one.

Each goes through the ordinary training loop as the last one does. What a fold's network answered is kept when
it was trained, so that a run that is resumed goes on with the next fold, or within one from its checkpoint.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from beholder import files
from beholder.data.dataset import Dataset
from beholder.data.folds import Folds
from beholder.data.stored_arrays import Arrays, read_arrays, write_arrays
from beholder.runs.events import Event, EventLog
from beholder.runs.run_folder import FoldRun, Run
from beholder.training.settings import Settings

if TYPE_CHECKING:
    from beholder.training.export.honesty import FoldOutputs, Outputs

_MOST_BYTES = 1 << 34


@dataclass(frozen=True, eq=False)
class FoldTrainings:
    """The trainings of all folds.

    Attributes:
        run: the RUN folder, which keeps one for each fold.
        whole: all images.
        folds: into which they are dealt.
        settings: of the last training; those of each fold differ in what is fitted to the number of images.
        log: hears `fold` while one is trained, and `fold_judged` after it.
        stop: asked after each step; True ends it there, with a checkpoint.
        cache: where the features of images are kept; None: nowhere.
    """

    run: Run
    whole: Dataset
    folds: Folds
    settings: Settings
    log: EventLog
    stop: Callable[[], bool]
    cache: Path | None

    def judge(self, until: float | None) -> FoldOutputs | None:
        """What was said of all images; None where the person stopped it before all folds were judged.

        Args:
            until: when the last training, on all images, must be done, on the clock of `time.monotonic`; it and the
                others get the same time. None: the settings' epochs decide.
        """
        from beholder.training.export.honesty import FoldOutputs, Outputs

        kept = [self._kept(fold) for fold in range(len(self.folds))]
        if None in kept and not self._look_at_all():
            return None
        looking = 0.0
        for fold, outputs in enumerate(kept):
            if outputs is None:
                moment = None if until is None else self._share(until, kept.count(None), looking)
                before = self._trained(fold, moment)
                if before is None:
                    return None
                kept[fold], looking = before
        answered = [outputs for outputs in kept if outputs is not None]
        rows = np.concatenate(self.folds.rows)
        order = np.argsort(rows, kind="stable")
        fold_of = np.repeat(np.arange(len(self.folds)), [len(held_out) for held_out in self.folds.rows])
        measures = [outputs.measures for outputs in answered if outputs.measures is not None]
        outputs = Outputs(
            np.concatenate([outputs.logits for outputs in answered])[order],
            np.concatenate(measures)[order] if len(measures) == len(answered) else None,
        )
        return FoldOutputs(outputs, fold_of[order].astype(np.int64))

    def done(self) -> int:
        """How many folds are judged."""
        return sum(self._kept(fold) is not None for fold in range(len(self.folds)))

    def _share(self, until: float, left: int, looking: float) -> float:
        """When the next of so many folds that are `left` must be trained, if judging each takes `looking` seconds.

        All that are left and the last training, which nobody judges, then train for the same time.
        """
        now = time.monotonic()
        return now + (until - now - left * looking) / (left + 1)

    def _look_at_all(self) -> bool:
        """Compute the features of all images, where a first answer needs them, once for all trainings; False: stopped.

        They are those of a network that has seen none of them.
        """
        from beholder.training.first_answer import FirstAnswer
        from beholder.training.network import build_network

        if not self.settings.head_is_new or self.cache is None:
            return True
        model = build_network(self.settings, self.whole, self.run, self.cache)
        first = FirstAnswer.of(model, self.settings, self.whole, None, self.cache)
        return first is None or first.looked_at(self.log, self.stop)[0] is not None

    def _trained(self, fold: int, until: float | None) -> tuple[Outputs, float] | None:
        """Train and judge number `fold`; what its network said, and the seconds of judging. None: stopped."""
        from beholder.training.export.fold_answers import fold_answers
        from beholder.training.export.honesty import accuracy
        from beholder.training.first_answer import Part
        from beholder.training.fit import Fit

        began, run = time.monotonic(), self.run.fold(fold + 1)
        with files.storage_errors(run.path):
            run.path.mkdir(parents=True, exist_ok=True)
        learned, held_out = self.folds.others(fold), self.folds.rows[fold]
        train = self.whole.select(learned)
        # Fewer images have as many steps, as they would if they were all, unless a person or the clock decides.
        settings = self.settings.fitted(len(train), train.image_shape) if until is None else self.settings
        log = EventLog(run.events_file, self._telling(fold))
        part = Part(self.whole, learned)
        fit = Fit(train, None, settings, run, log, self.stop, cache=self.cache, until=until, part=part)
        result = fit.run_to_end()
        if result.stopped:
            return None
        judging = time.monotonic()
        judged = self.whole.select(held_out)
        outputs = fold_answers(settings, result.weights, train, judged)
        self._keep(run, held_out, outputs)
        self.log.append(
            "fold_judged",
            **self._number(fold),
            images=len(judged.files),
            accuracy=round(accuracy(outputs, judged), 5),
            epochs=result.epochs,
            seconds=round(time.monotonic() - began, 2),
        )
        return outputs, time.monotonic() - judging

    def _telling(self, fold: int) -> Callable[[Event], None]:
        """Tells the run's log how far the training of number `fold` is."""

        def tell(event: Event) -> None:
            if event["event"] == "step":
                done = (event["epoch"] - 1) * event["steps"] + event["step"]
                steps = max(done, event["epochs"] * event["steps"])
                self.log.append("fold", **self._number(fold), done=done, steps=steps, eta_seconds=event["eta_seconds"])

        return tell

    def _number(self, fold: int) -> dict[str, int]:
        return {"fold": fold + 1, "folds": len(self.folds)}

    def _keep(self, run: FoldRun, held_out: NDArray[np.int64], outputs: Outputs) -> None:
        """Keep what was said of the rows `held_out`; its checkpoints are of no more use."""
        arrays: Arrays = {"rows": held_out, "logits": outputs.logits}
        if outputs.measures is not None:
            arrays["measures"] = outputs.measures
        write_arrays(run.answers_file, arrays)
        for path in (run.checkpoint_file, run.earlier_checkpoint_file):
            path.unlink(missing_ok=True)

    def _kept(self, fold: int) -> Outputs | None:
        """What is kept of number `fold`; None where it is to be trained, since it was not, or its file is damaged."""
        from beholder.training.export.honesty import Outputs

        path, rows = self.run.fold(fold + 1).answers_file, self.folds.rows[fold]
        try:
            arrays = read_arrays(path, most_bytes=_MOST_BYTES)
            logits, measures = arrays["logits"], arrays.get("measures")
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (ValueError, KeyError, OSError):
            self.log.append("advice", message=f"{str(path)!r} is damaged; its fold is trained again.")
            return None
        shape = (len(rows), len(self.whole.class_names))
        fits = np.array_equal(arrays.get("rows", ()), rows) and logits.shape == shape and logits.dtype == np.float32
        if not fits or (measures is not None and (measures.shape != (len(rows), 2) or measures.dtype != np.float32)):
            self.log.append("advice", message=f"{str(path)!r} is damaged; its fold is trained again.")
            return None
        return Outputs(logits, measures)
