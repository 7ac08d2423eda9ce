"""One sitting of a run: from read data to a written report."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from beholder.data.dataset import Dataset
from beholder.data.download import default_cache
from beholder.errors import UsageError
from beholder.runs.events import EventLog, Listener, read_events
from beholder.runs.folder import Run, read_document
from beholder.training.settings import Settings
from beholder.verbs.interruption import stop_on_interrupt


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


@dataclass(frozen=True)
class Asked:
    """What the person asked for beside the settings, as the config keeps it."""

    data: str
    labels: str
    cache: str | None
    pictures: int | None
    budget: float | None
    automatic: bool

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Asked:
        """From a run's config."""
        return cls(**{name: config.get(name) for name in cls.__dataclass_fields__})  # type: ignore[arg-type]  # checked


@dataclass
class Sitting:
    """One sitting of a run, from read data to a written report; a resumed run has several."""

    run: Run
    settings: Settings
    asked: Asked
    name: str
    parts: dict[str, Dataset]
    listener: Listener | None
    started: float

    def train(self) -> Trained:
        """Train, pack the model, write the report."""
        self.log = EventLog(self.run.events_file, self.listener)
        earlier = _earlier_seconds(self.run)
        with stop_on_interrupt() as stop:
            # Imported here, not above: the framework takes seconds; a run should exist, and bad input be told, before.
            from beholder.training import framework

            self.log.append("framework")
            framework.start()
            from beholder.report.page import write_report
            from beholder.training.export import export_artifact

            plan, outcome, close = self._fit(stop, earlier)
            closing = time.monotonic()
            self.log.append("export")
            fingerprint = read_document(self.run.data_file, missing="")["fingerprint"]
            data = {"name": self.name, "fingerprint": fingerprint}
            weights = outcome.weights
            manifest = export_artifact(self.run.model_folder, self.settings, weights, self.parts["validation"], data)
            trained = Trained(
                run=self.run.path,
                seconds=round(earlier + time.monotonic() - self.started, 2),
                plan=plan,
                validation_accuracy=manifest.validation["accuracy"],
                epochs=outcome.epochs,
                stopped=outcome.stopped,
            )
            figures = {**trained.to_json(), "best_epoch": outcome.best_epoch}
            if outcome.stopped:
                self.log.append("stopped", reason="the person asked for it", **figures)
            else:
                self.log.append("end", **figures)
            write_report(self.run.path)
            close(time.monotonic() - closing)
        return trained

    def _fit(self, stop: Callable[[], bool], earlier: float) -> tuple[dict[str, Any], Any, Callable[[float], None]]:
        """Plan and train: the plan, the outcome, and what to tell how many seconds the rest took."""
        from beholder.training.fit import Fit

        until, summary, close = None, {}, lambda _seconds: None
        if self.asked.budget is not None:
            from beholder.training.budget import plan_budget
            from beholder.training.calibration import keep

            cache = Path(self.asked.cache) if self.asked.cache else default_cache()
            budgeted = plan_budget(
                self.settings,
                self.parts["train"],
                cache,
                automatic=self.asked.automatic,
                budget=self.asked.budget - earlier,
                started=self.started,
            )
            until, summary = budgeted.until, budgeted.summary
            if not self.run.checkpoint_file.exists():
                self.settings = budgeted.settings
                config = read_document(self.run.config_file, missing="")
                self.run.write_config({**config, **recipe_facts(self.settings), "settings": self.settings.to_json()})
            shape, dtype = self.parts["train"].picture_shape, self.settings.dtype

            def close(seconds: float) -> None:
                budgeted.calibration.closing_seconds = round(seconds, 2)
                keep(cache, shape, dtype, budgeted.calibration)

        plan = {**_plan(self.settings, self.parts), **summary}
        self.log.append("start", plan=plan)
        plans = read_document(self.run.config_file, missing="").get("plans")
        fit = Fit(
            self.parts["train"],
            self.parts["validation"],
            self.settings,
            self.run,
            self.log,
            stop,
            until=until,
            plans=None if plans is None else [(step, steps) for step, steps in plans],
        )
        return plan, fit.run_to_end(), close


def logged_plan(path: Path) -> dict[str, Any]:
    """The plan that the event log at `path` tells, with the pairs of its `Schedule` under `plans`.

    Raises:
        UsageError: it tells none.
    """
    events = read_events(path)
    starts = [event["plan"] for event in events if event["event"] == "start"]
    if not starts:
        raise UsageError(f"{str(path)!r} tells no plan; give the events.jsonl of a run.")
    replans = [(event["step"], event["steps"]) for event in events if event["event"] == "replan"]
    return {**starts[-1], "plans": [(0, starts[-1]["steps"]), *replans]}


def _earlier_seconds(run: Run) -> float:
    """Seconds that earlier sittings took: what a stop told, or what a killed one's last event shows."""
    events = read_events(run.events_file)
    stops = [event for event in events if event["event"] == "stopped"]
    earlier = float(stops[-1]["seconds"]) if stops else 0.0
    since = [event["time"] for event in events[events.index(stops[-1]) + 1 if stops else 0 :]]
    return earlier + (max(since) - min(since) if since else 0.0)


def recipe_facts(settings: Settings) -> dict[str, Any]:
    """What of the settings stands at the top of a config, for people."""
    return {"epochs": settings.recipe.epochs, "batch_size": settings.recipe.batch_size, "options": settings.options}


def _plan(settings: Settings, parts: dict[str, Dataset]) -> dict[str, Any]:
    recipe = settings.recipe
    steps = -(-len(parts["train"]) // recipe.batch_size)  # an epoch
    return {
        "model": settings.model,
        "epochs": recipe.epochs,
        "batch_size": recipe.batch_size,
        "options": settings.options,
        "steps": round(steps * recipe.epochs),
        "precision": settings.precision,
        "train_pictures": len(parts["train"]),
        "validation_pictures": len(parts["validation"]),
    }
