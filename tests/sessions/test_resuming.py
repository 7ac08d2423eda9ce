"""What a kill leaves in a RUN folder at moments that a clock hardly meets, and what `resume` makes of it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from beholder.api import train as module
from beholder.api.resume import resume
from beholder.errors import RunError
from beholder.runs.events import EventLog, read_events
from beholder.runs.run_folder import Run, create_run
from beholder.sessions import prepare
from beholder.sessions.training_data import read_training_sets

pytestmark = pytest.mark.usefixtures("framework")

FEW: dict[str, Any] = {"model": "linear", "images": 100, "early_stop": 50}


def state(run: Path) -> dict[str, bytes]:
    """The checkpoint's arrays and the position, as bytes."""
    with np.load(run / "checkpoint.npz") as stored:
        return {name: stored[name].tobytes() for name in stored.files}


def test_a_run_killed_while_it_read_its_data_is_the_same_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The batch size and the epochs are fitted to the data, which the first session did not come to."""

    def killed(*arguments: Any) -> Any:
        if not (tmp_path / "killed").exists():
            shutil.copytree(tmp_path / "whole", tmp_path / "killed")
            (tmp_path / "killed" / ".checkpoint.part").write_bytes(b"half")
        return read_training_sets(*arguments)

    monkeypatch.setattr(prepare, "read_training_sets", killed)
    module.train("digits", out=tmp_path / "whole", **FEW)
    assert not (tmp_path / "killed" / "data.json").exists()
    resume(tmp_path / "killed")
    assert state(tmp_path / "killed") == state(tmp_path / "whole")
    for name in ("config.json", "data.json", "environment.json"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert {path.name for path in (tmp_path / "killed").iterdir()} == {
        path.name for path in (tmp_path / "whole").iterdir()
    }


def stopping_at(steps: int) -> Callable[[], bool]:
    calls = iter(range(1, 10_000))
    return lambda: next(calls) >= steps


def test_a_run_killed_between_its_last_step_and_its_judgement_is_judged(tmp_path: Path) -> None:
    from beholder.data.opening import open_source
    from beholder.data.split import Split
    from beholder.training.fit import Fit
    from beholder.training.settings import choose

    sets = Split(open_source("digits"), seed=0)
    settings = choose(
        "linear", seed=0, precision="float32", early_stop=9, changes={"epochs": 2, "batch_size": 200}
    )  # the second epoch is the better one

    def fit(run: Run, stop: Callable[[], bool]) -> Any:
        return Fit(sets.train(), sets.validation(), settings, run, EventLog(run.events_file), stop).run_to_end()

    whole, killed = create_run(tmp_path / "whole"), create_run(tmp_path / "killed")
    expected = fit(whole, lambda: False)
    assert expected.best_epoch == 2
    assert fit(killed, stopping_at(8 + 1 + 8)).stopped  # as a checkpoint after the last step, and then a kill, leave it
    outcome = fit(killed, lambda: False)
    assert (outcome.epochs, outcome.best_epoch, outcome.stopped) == (2, 2, False)
    assert state(tmp_path / "killed") == state(tmp_path / "whole")
    assert [left.tobytes() for left in outcome.weights] == [right.tobytes() for right in expected.weights]
    assert [event["epoch"] for event in read_events(killed.events_file) if event["event"] == "epoch"] == [1, 2]


def test_a_run_killed_before_its_report_gets_it(tmp_path: Path, digits_run: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(digits_run, run)
    (run / "report.html").unlink()
    assert resume(run).finished_before
    assert (run / "report.html").exists()


def test_the_report_is_written_before_the_end_is_told_and_counts_among_its_seconds(tmp_path: Path) -> None:
    """That of a stopped session tells that training is not finished: it is never taken for that of the whole run."""
    reports, seconds = [], []

    def hear(event: dict[str, Any]) -> None:
        if event["event"] == "start":
            (tmp_path / "run" / "report.html").write_text("Training is not finished")
        elif event["event"] == "end":
            reports.append((tmp_path / "run" / "report.html").read_text(encoding="utf-8"))
            seconds.append(event["seconds"])

    trained = module.train("digits", out=tmp_path / "run", listener=hear, **FEW)
    assert "Training is not finished" not in reports[0]
    assert seconds == [trained.seconds]
    from beholder.report.page import write_report

    assert write_report(tmp_path / "run").read_text(encoding="utf-8") == reports[0], "the log tells it the same"


def test_a_folder_that_was_left_before_its_config_is_told_without_a_dead_end(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    with pytest.raises(RunError, match=r"exists already; choose another --out, or delete it"):
        create_run(tmp_path / "run")
    (tmp_path / "run" / "config.json").write_text("{}")
    with pytest.raises(RunError, match=r"go on with it with --resume"):
        create_run(tmp_path / "run")


def test_the_time_of_killed_and_stopped_sessions_counts(tmp_path: Path) -> None:
    from beholder.sessions.session import _earlier_seconds

    run = create_run(tmp_path / "run")
    log = [
        {"event": "framework", "time": 1008.0, "seconds": 8.0},  # the data took eight seconds to read
        {"event": "step", "time": 1030.0},  # and then it was killed
        {"event": "framework", "time": 2000.0, "seconds": 1.0},
        {"event": "stopped", "time": 2009.5, "seconds": 41.0},  # by its own account, the first session's 30 included
        {"event": "framework", "time": 3000.0, "seconds": 2.0},
        {"event": "epoch", "time": 3003.0},
    ]
    run.events_file.write_text("".join(json.dumps(event) + "\n" for event in log))
    assert _earlier_seconds(run) == pytest.approx(41.0 + 5.0)


def test_early_stopping_under_a_budget_is_that_of_its_plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A budget judges its epochs in a hurry, on some of the validation set; what decides is judged on all of it."""
    from beholder.data.opening import open_source
    from beholder.data.split import Split
    from beholder.training import epoch_judge, fit
    from beholder.training.budget.pace import Pace
    from beholder.training.settings import choose

    monkeypatch.setattr(epoch_judge, "TRAIN_SAMPLE", 40)
    monkeypatch.setattr(Pace, "fitting", lambda *_: None)
    sets = Split(open_source("digits"), seed=0)
    settings = choose("linear", seed=0, precision="float32", early_stop=3, changes={"epochs": 3, "batch_size": 200})
    for name, timed in (("budget", {"until": 0.0}), ("plan", {"schedule": [(0, 24)]})):
        run = create_run(tmp_path / name)
        log = EventLog(run.events_file)
        fit.Fit(sets.train(), sets.validation(), settings, run, log, lambda: False, **timed).run_to_end()
    assert state(tmp_path / "budget") == state(tmp_path / "plan")
