"""Training end to end on digits: equal seeds, stops and resumes give equal weights, bit for bit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from beholder.data.opening import open_source
from beholder.data.split import Split
from beholder.runs.events import EventLog, read_events
from beholder.runs.run_folder import Run, create_run
from beholder.training.settings import Settings, choose

pytestmark = pytest.mark.usefixtures("framework")


def settings(**changes: object) -> Settings:
    return choose(
        "fast",
        seed=int(str(changes.pop("seed", 3))),
        precision="float32",
        early_stop=changes.pop("early_stop", None),  # type: ignore[arg-type]  # a test's own keyword
        changes={"epochs": 2, "batch_size": 100, **changes},
        options={"dropout": 0.2},
    )


def fit(run: Run, chosen: Settings, stop: Callable[[], bool] = lambda: False) -> list[np.ndarray]:
    from beholder.training.fit import Fit

    sets = Split(open_source("digits"), seed=0)
    return Fit(sets.train(), sets.validation(), chosen, run, EventLog(run.events_file), stop).run_to_end().weights


def after(steps: int) -> Callable[[], bool]:
    calls = iter(range(1, 10_000))
    return lambda: next(calls) >= steps


def assert_equal(left: list[np.ndarray], right: list[np.ndarray]) -> None:
    for one, other in zip(left, right, strict=True):
        assert np.array_equal(one, other)


def test_equal_seeds_give_equal_weights_and_others_do_not(tmp_path: Path) -> None:
    first = fit(create_run(tmp_path / "a"), settings())
    assert_equal(first, fit(create_run(tmp_path / "b"), settings()))
    other = fit(create_run(tmp_path / "c"), settings(seed=4))
    assert any(not np.array_equal(one, two) for one, two in zip(first, other, strict=True))


def test_a_run_stopped_anywhere_ends_as_if_it_never_stopped(tmp_path: Path) -> None:
    whole = fit(create_run(tmp_path / "whole"), settings())
    run = create_run(tmp_path / "stopped")
    for steps in (1, 5, 9, 2):  # in the first epoch, over its edge, in the second
        fit(run, settings(), after(steps))
    assert_equal(whole, fit(run, settings()))
    resumed = [event for event in read_events(run.events_file) if event["event"] == "resumed"]
    assert [(event["epoch"], event["step"]) for event in resumed] == [(1, 1), (1, 6), (1, 15), (2, 1)]


def test_early_stopping_keeps_the_best_epoch(tmp_path: Path) -> None:
    from beholder.training.fit import Fit

    run = create_run(tmp_path / "run")
    sets = Split(open_source("digits"), seed=0)
    chosen = settings(epochs=40, early_stop=1, learning_rate=3.0)
    outcome = Fit(sets.train(), sets.validation(), chosen, run, EventLog(run.events_file), lambda: False).run_to_end()
    accuracies = [event["validation_accuracy"] for event in read_events(run.events_file) if event["event"] == "epoch"]
    assert outcome.epochs == len(accuracies) < 40
    assert outcome.best_epoch == int(np.argmax(accuracies)) + 1 == len(accuracies) - 1


def test_every_epoch_records_the_gap(tmp_path: Path) -> None:
    run = create_run(tmp_path / "run")
    fit(run, settings())
    epochs = [event for event in read_events(run.events_file) if event["event"] == "epoch"]
    assert [event["epoch"] for event in epochs] == [1, 2]
    for event in epochs:
        assert event["gap"] == pytest.approx(event["train_accuracy"] - event["validation_accuracy"], abs=2e-5)


def test_a_damaged_checkpoint_is_told(tmp_path: Path) -> None:
    from beholder.errors import RunError
    from beholder.training.checkpoint import read_checkpoint

    run = create_run(tmp_path / "run")
    fit(run, settings(), after(1))
    content = bytearray(run.checkpoint_file.read_bytes())
    run.checkpoint_file.write_bytes(content[: len(content) // 2])
    with pytest.raises(RunError, match=r"checkpoint\.npz.*damaged"):
        read_checkpoint(run.checkpoint_file)


def test_a_schedule_with_its_replans_is_the_same_run_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from beholder.training.budget.pace import Pace
    from beholder.training.fit import Fit

    sets = Split(open_source("digits"), seed=0)
    replans = {4: 40, 11: 20, 19: 25}
    monkeypatch.setattr(Pace, "fitting", lambda _self, done, _planned, _ahead: replans.get(done))
    runs = [create_run(tmp_path / name) for name in ("first", "again")]
    hows: list[dict[str, Any]] = [{"until": 0.0}, {"schedule": [(0, 30), *replans.items()]}]
    first, again = (
        Fit(sets.train(), sets.validation(), settings(), run, EventLog(run.events_file), lambda: False, **how)
        for run, how in zip(runs, hows, strict=True)
    )
    trained = first.run_to_end()
    assert trained.schedule == [(0, 30), *replans.items()]
    assert first.position.done == 25
    assert_equal(trained.weights, again.run_to_end().weights)
    logs = [read_events(run.events_file) for run in runs]
    told = [[(event["step"], event["steps"]) for event in log if event["event"] == "replan"] for log in logs]
    assert told == [list(replans.items())] * 2, "a plan that is followed is logged as the run that it comes from"


def test_a_followed_plan_knows_its_end_and_logs_each_replan_once_though_it_is_resumed(tmp_path: Path) -> None:
    from beholder.training.fit import Fit

    sets, run = Split(open_source("digits"), seed=0), create_run(tmp_path / "run")
    plans = [(0, 60), (4, 40), (11, 20)]
    for steps in (4, 4, 10_000):  # stopped just before a re-plan is followed, and between two
        Fit(
            sets.train(),
            sets.validation(),
            settings(),
            run,
            EventLog(run.events_file),
            after(steps),
            schedule=plans,
        ).run_to_end()
    log = read_events(run.events_file)
    assert [event["step"] for event in log if event["event"] == "replan"] == [4, 11]
    assert [event["steps"] for event in log if event["event"] == "resumed"] == [60, 40]
    assert {event["epochs"] for event in log if event["event"] == "step"} == {2}


def test_the_log_of_a_run_of_days_stays_small() -> None:
    from beholder.training.telling import step_event_seconds

    trained, events = 0.0, 0
    while trained < 3 * 24 * 3600:
        trained += step_event_seconds(trained)
        events += 1
    assert step_event_seconds(600) == 0.5
    assert 250 * events < 20_000_000, "bytes, of which an event has about 250"
