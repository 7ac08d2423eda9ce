"""One session of a run: from read data to a written report."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from beholder.artifact.validation_answers import write_validation
from beholder.data.corrections import Corrections
from beholder.data.dataset import Dataset
from beholder.data.download import default_cache
from beholder.data.images.colour import Colour
from beholder.data.split import Together
from beholder.runs.events import EventLog, Listener, Stopwatch, read_events
from beholder.runs.run_folder import Run, read_document
from beholder.schema import SCHEMA
from beholder.sessions.interruption import stop_on_interrupt
from beholder.sessions.plan_document import plan_document
from beholder.training.budget.pace import ends_in
from beholder.training.mirror_choice import decide_mirroring
from beholder.training.settings import Settings
from beholder.training.steps.processes import current


@dataclass(frozen=True)
class Trained:
    """What `train` came to.

    Attributes:
        run: the RUN folder.
        seconds: from the call to the written report; all sessions together where it was resumed.
        plan: model, epochs, batch size, steps, precision and whether images are `mirrored`; the network's `widths`,
            `side` and `first_side`, pixels, where they were chosen; under a budget also what it is expected to come to.
        validation_accuracy: of the float32 network as it will answer, 0 to 1; its int8 model's is in the manifest.
        epochs: that are judged: the complete ones, and the last of the run, which its plan may cut short.
        stopped: whether the person stopped it before its end; `resume` goes on.
        finished_before: `resume` found nothing to do.
        asked_to_stop: the person asked, if only while the finished model was packed.
        notes: sentences about the data that a person should see.
        risk: what the model as it answers here promises of the answers that are not unsure: `asked` and `confidence`,
            0 to 1, whether it is `promised`, and on the `count` validation images `coverage` and `observed` risk.
    """

    run: Path
    seconds: float
    plan: dict[str, Any]
    validation_accuracy: float
    epochs: int
    stopped: bool
    finished_before: bool = False
    asked_to_stop: bool = False
    risk: dict[str, Any] | None = None
    notes: Sequence[str] = ()

    def to_json(self) -> dict[str, Any]:
        """As in `train --json`."""
        public = {name: value for name, value in self.__dict__.items() if name != "asked_to_stop"}
        return {"schema": SCHEMA, **public, "run": str(self.run), "notes": list(self.notes)}


@dataclass(frozen=True)
class Asked:
    """What the person asked for beside the settings, as the config keeps it."""

    data: str
    labels: str
    cache: str | None
    images: int | None
    budget: float | None
    automatic: bool
    corrections: Corrections = field(default_factory=Corrections)
    neighbours: bool = True
    risk: float | None = None
    together: Together = "copies"  # what a split keeps in one set
    colour: Colour = "auto"

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Asked:
        """From a run's config."""
        return cls(
            data=config["data"],
            labels=config["labels"],
            cache=config["cache"],
            images=config.get("images"),
            budget=config.get("budget"),
            automatic=config.get("automatic", False),
            corrections=Corrections.from_json(config.get("corrections", {}).get("lines", [])),
            neighbours=config.get("neighbours", True),
            risk=config.get("risk"),
            colour=config.get("colour", "auto"),
            together=config.get("together", "equal"),  # runs that lack it were split before near copies were looked for
        )


@dataclass
class Session:
    """One session of a run, from read data to a written report; a resumed run has several."""

    run: Run
    settings: Settings
    asked: Asked
    name: str
    sets: dict[str, Dataset]
    listener: Listener | None
    started: float
    plans: list[tuple[int, int]] | None = None  # of an earlier run's schedule, to be followed exactly

    def train(self) -> Trained:
        """Train, pack the model, write the report."""
        log = EventLog(self.run.events_file, self.listener)
        earlier = _earlier_seconds(self.run)
        with stop_on_interrupt(self.run.stop_file) as stop:
            # Imported here, not above: the framework takes seconds; a run should exist, and bad input be told, before.
            from beholder.training.steps import framework, processes

            name, seconds = framework.NAMES[framework.backend()], round(time.monotonic() - self.started, 3)
            log.append("framework", name=name, seconds=seconds)
            known = read_document(self.run.data_file, missing="")
            checks = known.get("checks")
            notes = [note for note in known.get("notes", []) if note not in (checks or {}).get("sentences", [])]
            if checks and not earlier:
                for note in notes:
                    log.append("advice", message=note)
                log.append("checks", messages=checks["sentences"], counts=checks["counts"])
            framework.start()
            group = processes.current()
            advice = framework.advice(together=group is not None, local=group is None or group.local)
            if advice is not None:
                log.append("advice", message=advice)
            from beholder.training.export.neighbour_choice import keep_neighbours
            from beholder.training.export.write_artifact import export_artifact
            from beholder.training.fit import Fit

            planned = self._planned(earlier)
            plan = {**plan_document(self.settings, self.sets, self.plans), **planned}
            log.append("start", plan=plan, settings=self.settings.to_json())
            train, validation = self.sets["train"], self.sets["validation"]
            timed = {"until": self._until(planned, earlier), "closing": planned.get("closing_seconds", 0.0)}
            if group is not None:
                group.agree(self._for_others(plan))
            fit = Fit(train, validation, self.settings, self.run, log, stop, plans=self.plans, **timed)
            outcome = fit.run_to_end()
            processes.leave()
            log.append("export")
            data = {"name": self.name, "fingerprint": known["fingerprint"], **_origin(self.settings)}
            manifest, answers = export_artifact(
                self.run.model_folder, self.settings, outcome.weights, train, validation, data, self.asked.risk
            )
            write_validation(self.run.path, validation, answers)
            if self.asked.neighbours:
                keep_neighbours(self.run.path, manifest, train)
            trained = Trained(
                run=self.run.path,
                seconds=self._seconds(earlier),
                plan=plan,
                validation_accuracy=manifest.validation["accuracy"],
                epochs=outcome.epochs,
                stopped=outcome.stopped,
                asked_to_stop=stop(),
                risk=manifest.risk_in("float32" if manifest.int8 is None else "int8"),
                notes=notes,
            )
            trained = self._end(log, trained, {"best_epoch": outcome.best_epoch, "plans": outcome.plans}, earlier)
            if not outcome.stopped:
                self._learn(time.monotonic() - outcome.closing_since, outcome.seconds_a_step)
        return trained

    def _end(self, log: EventLog, trained: Trained, more: dict[str, Any], earlier: float) -> Trained:
        """Write the report, then tell how the session ended: what took the report counts among its seconds."""
        from beholder.report.page import write_report

        if not trained.stopped:
            self.run.earlier_checkpoint_file.unlink(missing_ok=True)
        kind = {"event": "stopped", "reason": "the person asked for it"} if trained.stopped else {"event": "end"}
        write_report(self.run.path, {**kind, **trained.to_json(), **more})
        trained = replace(trained, seconds=self._seconds(earlier))
        log.append(**{**kind, **trained.to_json(), **more})
        return trained

    def _seconds(self, earlier: float) -> float:
        """That the run took until now, all sessions together."""
        return round(earlier + time.monotonic() - self.started, 2)

    def _planned(self, earlier: float) -> dict[str, Any]:
        """How the budget is spent, decided in the first session and kept for the next; nothing without a budget."""
        if self.asked.budget is None:
            return {}
        config = read_document(self.run.config_file, missing="")
        if config.get("planned") is None:
            from beholder.training.budget.plan_run import plan_budget

            settings, planned = plan_budget(
                self.settings,
                self.sets["train"],
                self._cache,
                automatic=self.asked.automatic,
                budget=self.asked.budget - earlier,
                started=self.started,
            )
            self.settings = shared(settings)
            facts = {**recipe_facts(self.settings), "settings": self.settings.to_json(), "planned": planned}
            planned["ends"] = self._ends(planned, earlier)
            self.run.write_config({**config, **facts})
            return planned
        return {**config["planned"], "ends": self._ends(config["planned"], earlier)}

    def _ends(self, planned: dict[str, Any], earlier: float) -> str:
        """When this session ends: with the budget, or sooner where all that was planned takes less."""
        closing = float(planned["closing_seconds"])
        remaining = self.started + (self.asked.budget or 0.0) - earlier - time.monotonic()
        return ends_in(max(closing, min(remaining, float(planned["training_seconds"]) + closing)))

    def _for_others(self, plan: dict[str, Any]) -> dict[str, Any]:
        """What the other processes need to train along, JSON-ready."""
        return {
            **asdict(self.asked),
            "run": str(self.run.path.resolve()),
            "plan": plan,
            "settings": self.settings.to_json(),
            "plans": self.plans,
            "outline": self.sets["train"].outline(),
        }

    def _until(self, planned: dict[str, Any], earlier: float) -> float | None:
        """When the last step must be done, on the clock of `time.monotonic`; None where epochs decide."""
        if self.asked.budget is None:
            return None
        return self.started + self.asked.budget - earlier - float(planned["closing_seconds"])

    def _learn(self, closing: float, seconds_a_step: float | None) -> None:
        """Keep how long a step and packing took, for the next plan."""
        if self.asked.budget is not None:
            from beholder.training.budget.machine_speed import learn_from_run

            an_image = None if seconds_a_step is None else seconds_a_step / self.settings.recipe.batch_size
            learn_from_run(self._cache, self.sets["train"].image_shape, self.settings, closing, an_image)

    @property
    def _cache(self) -> Path:
        return Path(self.asked.cache) if self.asked.cache else default_cache()


def _earlier_seconds(run: Run) -> float:
    """Seconds that earlier sessions took."""
    watch = Stopwatch()
    for event in read_events(run.events_file):
        watch.hear(event)
    return watch.at()


def fitted(settings: Settings, train: Dataset) -> Settings:
    """Settings as they suit the `train` set, and the devices of the processes that train together."""
    return shared(settings.fitted(len(train), train.image_shape))


def decided(settings: Settings, train: Dataset) -> tuple[Settings, list[str]]:
    """Settings as they suit the `train` set and the devices, and sentences about what was told from its images."""
    settings, mirroring = decide_mirroring(fitted(settings, train), train)
    told = [] if mirroring is None else [mirroring.sentence]
    if settings.own_file is not None:
        low, high = settings.options["input_range"]
        told.append(f"Your network is shown pixels as {low:g} to {high:g}; --input-range decides otherwise.")
    return settings, told


def shared(settings: Settings) -> Settings:
    """Settings as they suit the devices of the processes that train together."""
    group = current()
    return settings if group is None else settings.shared_by(group.devices)


def recipe_facts(settings: Settings) -> dict[str, Any]:
    """What of the settings stands at the top of a config, for people."""
    return {"epochs": settings.recipe.epochs, "batch_size": settings.recipe.batch_size, "options": settings.options}


def _origin(settings: Settings) -> dict[str, Any]:
    """What the artifact says of the earlier network that training started from."""
    if settings.initial is None:
        return {}
    return {"started_from": {"name": Path(settings.initial.source).name, "sha256": settings.initial.sha256}}
