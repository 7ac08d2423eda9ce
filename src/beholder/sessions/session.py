"""One session of a run: from read data to a written report."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from beholder.artifact.validation_answers import write_validation
from beholder.artifact.validation_probabilities import write_probabilities
from beholder.data.folds import Folds
from beholder.data.sounds.rules import SoundRules
from beholder.errors import UsageError
from beholder.runs.events import EventLog, Listener, Stopwatch, read_events
from beholder.runs.run_folder import Run, read_document
from beholder.sessions.family import from_scratch
from beholder.sessions.fold_trainings import FoldTrainings
from beholder.sessions.interruption import stop_on_interrupt
from beholder.sessions.playable_sounds import keep_playable
from beholder.sessions.prepare import Prepared
from beholder.sessions.readiness import get_ready
from beholder.sessions.trained import Trained, folds_facts, run_summary
from beholder.training.budget.pace import ends_in
from beholder.training.settings import Settings
from beholder.training.steps import framework, processes

if TYPE_CHECKING:
    from beholder.artifact.manifest import Manifest
    from beholder.training.export.honesty import FoldOutputs
    from beholder.training.fit import FitResult


class Session:
    """One session of a run, from read data to a written report; a resumed run has several.

    Args:
        run: the RUN folder, with config and data document.
        prepared: what it trains by and on.
        listener: told each event as it happens.
        started: when the session began, on the clock of `time.monotonic`.
    """

    def __init__(self, run: Run, prepared: Prepared, listener: Listener | None, started: float) -> None:
        self.run, self.started = run, started
        self.request, self.settings, self.schedule = prepared.request, prepared.settings, prepared.schedule
        self.name, self.place, self.sets = prepared.source.name, prepared.source.place, prepared.sets
        self.rules = prepared.source.rules(self.sets["train"].image_shape)
        self.folds, self.judged = prepared.folds, prepared.judged
        self.group_rule = prepared.source.group_rule
        self.log = EventLog(run.events_file, listener)
        self.earlier = _earlier_seconds(run)

    def train(self) -> Trained:
        """Train, pack the model, write the report."""
        with stop_on_interrupt(self.run.stop_file) as stop:
            notes = self._tell_notes()
            self._start_framework()
            forecast = self._forecast()
            summary = {**self._summary(), **forecast}
            self.log.append("start", summary=summary, settings=self.settings.to_json())
            self._tell_followers(summary)
            closing = forecast.get("closing_seconds")
            out_of_fold = None
            if self.folds is not None:
                trainings = self._fold_trainings(self.folds, stop)
                out_of_fold = trainings.judge(self._until(closing))
                if out_of_fold is None:
                    return self._end_among_folds(trainings, summary, notes)
            result = self._fit(stop, closing)
            self.log.append("export")
            manifest = self._pack(result, out_of_fold)
            precision = "float32" if manifest.int8 is None else "int8"
            trained = Trained(
                run=self.run.path,
                seconds=self._seconds(),
                summary=summary,
                validation_accuracy=manifest.validation["accuracy"],
                epochs=result.epochs,
                stopped=result.stopped,
                asked_to_stop=stop(),
                risk=manifest.risk_in(precision),
                point=manifest.point_in(precision),
                notes=notes,
                folds=folds_facts(manifest.validation),
            )
            trained = self._end(trained, {"best_epoch": result.best_epoch, "schedule": result.schedule})
            self._learn(result, forecast)
        return trained

    def _summary(self) -> dict[str, Any]:
        folds = None if self.folds is None else len(self.folds)
        return run_summary(self.settings, self.sets, self.schedule, folds)

    def _fold_trainings(self, folds: Folds, stop: Callable[[], bool]) -> FoldTrainings:
        return FoldTrainings(self.run, self.sets["train"], folds, self.settings, self.log, stop, self.request.kept_in)

    def _end_among_folds(self, trainings: FoldTrainings, summary: dict[str, Any], notes: list[str]) -> Trained:
        """End a session that was stopped before all folds were judged: there is no model yet."""
        folds = {"folds": len(trainings.folds), "judged": trainings.done()}
        trained = Trained(self.run.path, self._seconds(), summary, None, 0, stopped=True, notes=notes, folds=folds)
        return self._end(replace(trained, asked_to_stop=True), {})

    def _tell_notes(self) -> list[str]:
        """Say what is known of the data, in the first session; the notes that do not come from checks."""
        seconds = round(time.monotonic() - self.started, 3)
        self.log.append("framework", name=framework.BACKENDS[framework.backend()], seconds=seconds)
        known = read_document(self.run.data_file, missing="")
        checks = known["checks"]
        notes = [note for note in known["notes"] if note not in checks["sentences"]]
        if not self.earlier:
            for note in notes:
                self.log.append("advice", message=note)
            self.log.append("checks", messages=checks["sentences"], counts=checks["counts"])
        return notes

    def _start_framework(self) -> None:
        framework.start()
        group = processes.current()
        advice = framework.advice(together=group is not None, local=group is None or group.local)
        if advice is not None:
            self.log.append("advice", message=advice)

    def _forecast(self) -> dict[str, Any]:
        """How the budget is spent, decided in the first session and kept for the next; nothing without a budget."""
        if self.request.budget is None:
            return {}
        forecast = read_document(self.run.config_file, missing="")["forecast"]
        if forecast is not None:
            return {**forecast, "ends": self._ends(forecast)}
        try:
            settings, forecast = self._allocated(self.settings)
        except UsageError:
            if not self.request.automatic or self.settings.recipe.weights is None:
                raise
            scratch = from_scratch(self.request, self.settings, self.sets["train"])
            settings, forecast = self._allocated(scratch)
            message = f"The budget is too short for {self.settings.model} on this machine, so fast is trained."
            self.log.append("advice", message=message)
        self.settings = shared(settings)
        forecast["ends"] = self._ends(forecast)
        self.run.update_config(settings=self.settings.to_json(), forecast=forecast)
        return forecast

    def _allocated(self, settings: Settings) -> tuple[Settings, dict[str, Any]]:
        """What the budget buys with `settings`."""
        from beholder.training.budget.allocation import allocate_budget

        return allocate_budget(
            settings,
            self.sets["train"],
            self.request.kept_in,
            automatic=self.request.automatic,
            judged=len(self.judged) if self.folds is None else len(self.folds.rows[0]),
            budget=(self.request.budget or 0.0) - self.earlier,
            started=self.started,
            trainings=1 if self.folds is None else len(self.folds) + 1,
        )

    def _ends(self, forecast: dict[str, Any]) -> str:
        """When this session ends: with the budget, or sooner where all that is to be done takes less."""
        closing = float(forecast["closing_seconds"])
        remaining = self.started + (self.request.budget or 0.0) - self.earlier - time.monotonic()
        return ends_in(max(closing, min(remaining, float(forecast["training_seconds"]) + closing)))

    def _tell_followers(self, summary: dict[str, Any]) -> None:
        """Give the other processes what they need to train along."""
        group = processes.current()
        if group is not None:
            config = read_document(self.run.config_file, missing="")
            outline = self.sets["train"].outline()
            told = {"config": config, "summary": summary, "outline": outline, "rules": self.rules.to_json()}
            group.agree({"run": str(self.run.path.resolve()), **told})

    def _fit(self, stop: Callable[[], bool], closing: float | None) -> FitResult:
        """Train; where a budget keeps `closing` seconds for packing, until these begin."""
        # Imported here, not above: the framework takes seconds; a run should exist, and bad input be told, before.
        from beholder.training.fit import Fit

        until = self._until(closing)
        timed: dict[str, Any] = {} if until is None else {"until": until, "closing": closing}
        train, validation = self.sets["train"], self.judged if self.folds is None else None
        get_ready()
        how = {"cache": self.request.kept_in, "schedule": self.schedule, **timed}
        fit = Fit(train, validation, self.settings, self.run, self.log, stop, **how)
        result = fit.run_to_end()
        processes.leave()
        return result

    def _until(self, closing: float | None) -> float | None:
        """When the last step must be done, on the clock of `time.monotonic`; None without a budget."""
        if self.request.budget is None or closing is None:
            return None
        return self.started + self.request.budget - self.earlier - closing

    def _pack(self, result: FitResult, out_of_fold: FoldOutputs | None) -> Manifest:
        """Write the artifact and what is kept beside it for the page."""
        from beholder.artifact.neighbours import write_neighbours
        from beholder.training.export.write_artifact import export_artifact

        train, validation, initial = self.sets["train"], self.judged, self.settings.initial
        data = {"name": self.name, "fingerprint": read_document(self.run.data_file, missing="")["fingerprint"]}
        if self.group_rule is not None:
            data["groups"] = self.group_rule.to_json()
        if initial is not None:
            data["started_from"] = {"name": Path(initial.source).name, "sha256": initial.sha256}
        elif self.settings.recipe.weights is not None:
            data["started_from"] = self.settings.recipe.weights.described()
        exported = export_artifact(
            self.run.model_folder,
            self.settings,
            result.weights,
            train,
            validation,
            data,
            risk=self.request.risk,
            target=self.request.target,
            rules=self.rules,
            place=self.place,
            out_of_fold=out_of_fold,
        )
        files = validation.files
        write_validation(self.run.path, files, exported.networks["float32"].probabilities)
        write_probabilities(self.run.path, files.labels, files.groups, exported.networks)
        if self.request.neighbours:
            write_neighbours(self.run.path, exported.seen.neighbours, exported.seen.features)
        if self.request.neighbours and isinstance(self.rules, SoundRules):
            answered = files, exported.networks["float32"].probabilities
            keep_playable(self.run.path, self.rules, self.place, answered, exported.seen.neighbours)
        return exported.manifest

    def _end(self, trained: Trained, more: dict[str, Any]) -> Trained:
        """Write the report, then tell how the session ended, with `more`; what the report took is among its seconds."""
        from beholder.report.page import write_report

        if not trained.stopped:
            self.run.earlier_checkpoint_file.unlink(missing_ok=True)
        kind = {"event": "stopped", "reason": "the person asked for it"} if trained.stopped else {"event": "end"}
        write_report(self.run.path, {**kind, **trained.to_dict(), **more})
        trained = replace(trained, seconds=self._seconds())
        self.log.append(**{**kind, **trained.to_dict(), **more})
        return trained

    def _learn(self, result: FitResult, forecast: dict[str, Any]) -> None:
        """Keep how long a step and packing took, for the next forecast."""
        # With folds there is less to pack, and the fastest of the last runs is believed.
        if self.request.budget is not None and not result.stopped and self.folds is None:
            from beholder.training.budget.machine_speed import learn_from_run

            packing = (time.monotonic() - result.closing_since) / forecast["closing_guess"]
            a_step = result.seconds_a_step
            an_image = None if a_step is None else a_step / self.settings.recipe.batch_size
            learn_from_run(self.request.kept_in, self.sets["train"].image_shape, self.settings, packing, an_image)

    def _seconds(self) -> float:
        """That the run took until now, all sessions together."""
        return round(self.earlier + time.monotonic() - self.started, 2)


def shared(settings: Settings) -> Settings:
    """Settings as they suit the devices of the processes that train together."""
    group = processes.current()
    return settings if group is None else settings.shared_by(group.devices)


def _earlier_seconds(run: Run) -> float:
    """Seconds that earlier sessions took."""
    watch = Stopwatch()
    for event in read_events(run.events_file):
        watch.hear(event)
    return watch.at()
