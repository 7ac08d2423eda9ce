"""`train --budget`: the plan is said and kept, a resumed run keeps to it, a logged plan gives the same run again."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from beholder.cli import _run
from beholder.errors import UsageError
from beholder.runs.events import read_events
from beholder.training.budget.forecast import MOST_EPOCHS

pytestmark = pytest.mark.usefixtures("framework")

# Fifty images, so that even a busy machine has them trained long before the budget ends.
FEW = ["digits", "--images", "50", "--progress", "none"]


def weights(run: Path) -> list[np.ndarray[Any, Any]]:
    with np.load(run / "checkpoint.npz") as stored:
        return [stored[name] for name in stored.files if name.startswith("model_")]


@pytest.fixture(scope="module")
def planned_run(tmp_path_factory: pytest.TempPathFactory, framework: None) -> Path:
    """A run of the default model on a budget; tests must not write to it."""
    run = tmp_path_factory.mktemp("budget") / "run"
    cache = str(run.parent / "cache")
    assert _run(["train", *FEW, "--budget", "10m", "--seed", "3", "--out", str(run), "--cache", cache]) == 0
    return run


def test_the_plan_is_logged_and_kept(planned_run: Path) -> None:
    plan = next(event["summary"] for event in read_events(planned_run / "events.jsonl") if event["event"] == "start")
    config = json.loads((planned_run / "config.json").read_text(encoding="utf-8"))
    assert plan["budget_seconds"] == config["budget"] == 600
    assert list(config["settings"]["options"]["widths"]) == list(plan["widths"])
    assert config["settings"]["recipe"]["epochs"] == plan["epochs"] > 0
    assert plan["images_per_second"] > 0
    assert plan["matrix_product_gflops"]["float32"] > 0
    assert config["forecast"]["ends"] == plan["ends"]


def test_a_small_data_set_ends_by_its_epochs(planned_run: Path) -> None:
    config = json.loads((planned_run / "config.json").read_text(encoding="utf-8"))
    assert config["settings"]["recipe"]["epochs"] == MOST_EPOCHS
    assert not [event for event in read_events(planned_run / "events.jsonl") if event["event"] == "replan"]


def test_a_logged_plan_is_the_same_run_again(planned_run: Path, tmp_path: Path) -> None:
    log = str(planned_run / "events.jsonl")
    assert _run(["train", *FEW, "--plan", log, "--out", str(tmp_path / "run")]) == 0
    for one, other in zip(weights(planned_run), weights(tmp_path / "run"), strict=True):
        assert np.array_equal(one, other)
    first, again = (
        next(event["summary"] for event in read_events(run / "events.jsonl") if event["event"] == "start")
        for run in (planned_run, tmp_path / "run")
    )
    told = ("widths", "side", "first_side", "epochs", "steps", "batch_size", "mirrored")
    assert [again[name] for name in told] == [first[name] for name in told]


def test_the_report_tells_the_command_that_makes_the_same_run_again(planned_run: Path) -> None:
    html = (planned_run / "report.html").read_text(encoding="utf-8")
    cache = planned_run.parent / "cache"
    assert f"beholder train digits --plan run/events.jsonl --images 50 --cache {cache}</code>" in html


def test_a_plan_for_other_images_is_followed_and_that_is_told(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    first, again, data = tmp_path / "first", tmp_path / "again", tmp_path / "data.npz"
    assert _run(["train", *FEW, "--model", "linear", "--epochs", "1", "--out", str(first)]) == 0
    images = np.random.default_rng(0).integers(0, 256, (80, 12, 16, 3), dtype=np.uint8)
    np.savez(data, images=images, labels=np.arange(80) % 2)
    follow = ["--plan", str(first / "events.jsonl"), "--out", str(again)]
    assert _run(["train", str(data), *follow]) == 0
    made = "The plan was made for 50 training images of shape [8, 8, 1]; its steps and resolution are followed on these"
    assert re.search(rf"{re.escape(made)} \d+ of shape \[12, 16, 3\]\.\n", capfd.readouterr().err)
    logs = [read_events(run / "events.jsonl")[-1]["schedule"] for run in (first, again)]
    assert logs[0] == logs[1]


@pytest.mark.parametrize("choice", [["--widths", "8,16,16"], ["--side", "8"]])
def test_a_network_of_ones_own_is_not_the_budgets_to_choose(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, choice: list[str]
) -> None:
    from beholder.training.budget import allocation

    seen = dict[str, Any]()

    def allocate_budget(settings: Any, *_: Any, **how: Any) -> Any:
        seen.update(how, options=settings.options)
        raise UsageError("Enough.")

    monkeypatch.setattr(allocation, "allocate_budget", allocate_budget)
    assert _run(["train", *FEW, *choice, "--out", str(tmp_path / "run")]) == 2
    assert not seen["automatic"]
    assert seen["budget"] == 600
    assert seen["options"] == ({"widths": (8, 16, 16)} if choice[0] == "--widths" else {"side": 8})


@pytest.mark.parametrize(
    "choice",
    [
        ["--epochs", "2"],
        ["--model", "book"],
        ["--batch-size", "8"],
        ["--budget", "5m"],
        ["--seed", "0"],
        ["--precision", "auto"],
    ],
)
def test_a_plan_leaves_nothing_to_choose(
    planned_run: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], choice: list[str]
) -> None:
    log = str(planned_run / "events.jsonl")
    assert _run(["train", *FEW, "--plan", log, *choice, "--out", str(tmp_path / "run")]) == 2
    assert f"leave {choice[0]} out" in capfd.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("model", ["auto", "linear"])
def test_too_short_a_budget_is_told_and_leaves_no_run(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], model: str
) -> None:
    out = tmp_path / "run"
    arguments = ["--model", model, "--budget", "0.01s", "--out", str(out), "--cache", str(tmp_path / "cache")]
    assert _run(["train", *FEW, *arguments]) == 2
    error = capfd.readouterr().err
    [shortest] = re.findall(r"need at least (\d+) s", error)
    assert int(shortest) > 2, "packing alone takes as long"
    assert "Traceback" not in error
    assert not out.exists()


def test_a_budget_that_is_used_up_still_gives_a_model_when_resumed(tmp_path: Path, planned_run: Path) -> None:
    import shutil

    run = tmp_path / "run"
    shutil.copytree(planned_run, run)
    shutil.rmtree(run / "model")
    # As a kill at the deadline leaves it: a checkpoint, no end, and a log that has used the time.
    events = [event for event in read_events(run / "events.jsonl") if event["event"] not in ("export", "end")]
    events.append({**events[-1], "time": events[-1]["time"] + 3600})
    (run / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events), encoding="utf-8")
    assert _run(["train", "--resume", str(run), "--progress", "none"]) == 0
    assert (run / "model" / "manifest.json").exists()


@pytest.mark.parametrize("budget", [float("nan"), float("inf"), 0, -5])
def test_a_budget_that_is_no_time_is_told_in_one_sentence(tmp_path: Path, budget: float) -> None:
    import beholder

    with pytest.raises(UsageError, match=rf"budget of more than 0 seconds\. Received: {budget:g}\.$"):
        beholder.train("digits", budget=budget, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_budget_and_epochs_exclude_each_other(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert _run(["train", *FEW, "--budget", "1m", "--epochs", "2", "--out", str(tmp_path / "run")]) == 2
    assert "not both" in capfd.readouterr().err


@pytest.mark.parametrize("text", ["soon", "-5s", "0", "5x", "1h30"])
def test_what_is_no_duration_is_told(tmp_path: Path, capfd: pytest.CaptureFixture[str], text: str) -> None:
    assert _run(["train", *FEW, "--budget", text, "--out", str(tmp_path / "run")]) == 2
    assert "1h30m" in capfd.readouterr().err or text == "0"


def test_a_calibration_that_cannot_be_kept_stops_nothing(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("in the way")
    out = str(tmp_path / "run")
    assert _run(["train", *FEW, "--budget", "40s", "--out", out, "--cache", str(file / "cache")]) == 0
