"""A run killed with SIGKILL at random moments, and resumed each time, ends as one that never stopped, bit for bit."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from beholder.report.reading import read_run

HARNESS = Path(__file__).with_name("killed_runs.py")
# A network that is soon built again after each kill.
SHORT = {"model": "dense", "batch_size": 40, "learning_rate": 0.01, "seconds": 2}


def kill(folder: Path, **asked: Any) -> dict[str, Any]:
    command = [sys.executable, str(HARNESS), str(folder), json.dumps(asked)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    sys.stdout.write(f"{found}\n")  # shown by `make test-long`
    return found


def assert_the_same(found: dict[str, Any], folder: Path, least: int) -> None:
    assert found["differing"] == []
    assert len([death for death in found["deaths"] if "ended before" not in death]) >= least
    epochs = [event["epoch"] for event in read_run(folder / "killed").epochs]
    assert epochs == [event["epoch"] for event in read_run(folder / "whole").epochs]
    assert epochs == list(range(1, len(epochs) + 1))


@pytest.mark.slow  # a session for each kind of moment, and each begins in a process of its own
def test_killed_at_each_kind_of_moment_with_early_stopping(tmp_path: Path) -> None:
    found = kill(tmp_path, how="epochs", kills=8, seed=1, **SHORT, early_stop=20)
    assert_the_same(found, tmp_path, least=5)


def test_killed_and_resumed_with_the_plan_of_a_budget_run(tmp_path: Path) -> None:
    found = kill(tmp_path, how="plan", kills=3, seed=2, **SHORT, early_stop=100)
    assert_the_same(found, tmp_path, least=2)
    assert len(found["plans"]) == 5


@pytest.mark.long
@pytest.mark.parametrize(
    ("how", "more"),
    [("epochs", {"early_stop": 25, "learning_rate": 0.05}), ("plan", {"early_stop": 100, "budget": 50.0})],
)
def test_killed_at_twenty_moments(tmp_path: Path, how: str, more: dict[str, Any]) -> None:
    found = kill(tmp_path, how=how, model="fast", kills=20, seed=3, batch_size=10, seconds=6, **more)
    assert_the_same(found, tmp_path, least=15)
    assert how == "epochs" or len(found["plans"]) > 1
