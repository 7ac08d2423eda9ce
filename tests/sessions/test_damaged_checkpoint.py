"""A run whose last checkpoint is damaged goes on from the one before it, says so, and ends as if nothing had been."""

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
from beholder.runs.events import read_events
from beholder.runs.run_folder import Run
from beholder.training.checkpoint import Cadence, latest_checkpoint, read_checkpoint

FEW: dict[str, Any] = {"model": "linear", "images": 200, "epochs": 4, "neighbours": False}


class CrashError(Exception):
    pass


def crashing(event: dict[str, Any]) -> None:
    if event["event"] == "epoch" and event["epoch"] == 4:
        raise CrashError


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, framework: None) -> tuple[Path, Path]:
    """A run to the end, and the same one, crashed in its last epoch; a checkpoint after each epoch."""
    folder = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Cadence, "due", lambda _, *, epoch_ended=False: epoch_ended)
        module.train("digits", out=folder / "whole", **FEW)
        with pytest.raises(CrashError):
            module.train("digits", out=folder / "crashed", listener=crashing, **FEW)
    return folder / "whole", folder / "crashed"


def state(run: Path) -> dict[str, bytes]:
    with np.load(run / "checkpoint.npz") as stored:
        return {name: stored[name].tobytes() for name in stored.files}


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def lost(path: Path) -> None:
    """A death between the two renames."""
    path.unlink()


@pytest.mark.parametrize(("damage", "said"), [(truncated, True), (emptied, True), (lost, False)])
def test_the_one_before_is_used_and_the_end_is_the_same(
    runs: tuple[Path, Path], tmp_path: Path, damage: Callable[[Path], None], said: bool
) -> None:
    whole, crashed = runs
    run = Run(shutil.copytree(crashed, tmp_path / "run"))
    damage(run.checkpoint_file)
    resume(run.path)
    assert state(run.path) == state(whole)
    events = read_events(run.events_file)
    assert [event["epoch"] for event in events if event["event"] == "resumed"] == [3]
    advice = [event["message"] for event in events if event["event"] == "advice" and "damaged" in event["message"]]
    assert len(advice) == said


def test_the_one_before_outlives_the_next_damage(runs: tuple[Path, Path], tmp_path: Path) -> None:
    """A damaged file never takes the place of the whole one."""
    run = Run(shutil.copytree(runs[1], tmp_path / "run"))
    truncated(run.checkpoint_file)
    for _ in range(2):
        checkpoint, _ = latest_checkpoint(run)
        assert checkpoint is not None
        assert checkpoint.position.epoch == 2


def test_where_both_are_damaged_one_sentence_says_so(runs: tuple[Path, Path], tmp_path: Path) -> None:
    run = Run(shutil.copytree(runs[1], tmp_path / "run"))
    truncated(run.checkpoint_file)
    truncated(run.earlier_checkpoint_file)
    with pytest.raises(RunError, match=r"checkpoint-before.npz' is damaged"):
        resume(run.path)


def test_a_flipped_bit_anywhere_is_found_or_changes_nothing(runs: tuple[Path, Path], tmp_path: Path) -> None:
    content = (runs[1] / "checkpoint.npz").read_bytes()
    expected = state(runs[1])
    path = tmp_path / "checkpoint.npz"
    draw = np.random.default_rng(0)
    found = 0
    for place in draw.integers(len(content), size=400):
        path.write_bytes(content[:place] + bytes([content[place] ^ 1 << int(draw.integers(8))]) + content[place + 1 :])
        try:
            checkpoint = read_checkpoint(path)
        except RunError:
            found += 1
        else:
            kept = [value.tobytes() for value in (*checkpoint.model, *checkpoint.optimizer)]
            assert kept == [expected[name] for name in expected if name.startswith(("model_", "optimizer_"))]
    assert found > 300
    assert json.loads(expected["position"])["epoch"] == 3
