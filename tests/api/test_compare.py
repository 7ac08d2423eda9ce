"""A person relies on: models are compared fairly, an interrupted comparison goes on, the test set opens last."""

from __future__ import annotations

import json
import pickle
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from beholder.api import compare as room
from beholder.api.compare import compare
from beholder.api.comparing.table import kept_epoch
from beholder.api.evaluate import evaluate
from beholder.api.results import ComparisonResult
from beholder.api.train import train
from beholder.data.opening import open_source
from beholder.data.source import Source
from beholder.data.split import Split, split
from beholder.errors import DataError, RunError, UsageError
from beholder.runs.events import Event
from beholder.training.checkpoint import read_checkpoint

pytestmark = pytest.mark.usefixtures("framework")

FIELDS = [
    "model",
    "images",
    "parameters",
    "multiply_adds",
    "seconds",
    "train_accuracy",
    "validation_accuracy",
    "gap",
    "best_epoch",
    "run",
]


def digits() -> tuple[np.ndarray, np.ndarray]:
    """A small part of the digits, as arrays."""
    dataset = Split(open_source("digits")).train().select(np.arange(400))
    return np.asarray(dataset.images), dataset.labels


def events(run: Path) -> list[Event]:
    return [json.loads(line) for line in (run / "events.jsonl").read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ComparisonResult]:
    out = tmp_path_factory.mktemp("compared") / "out"
    return out, compare("digits", models=["linear", "dense"], epochs=2, images=[900, 60], out=out, test=True)


def test_the_table_is_ranked_and_comes_from_the_runs(compared: tuple[Path, ComparisonResult]) -> None:
    out, result = compared
    document = result.to_dict()
    assert json.loads((out / "comparison.json").read_bytes()) == document
    rows = document["models"]
    assert {Path(row["run"]).name for row in rows} == {"linear-60", "linear-900", "dense-60", "dense-900"}
    accuracies = [row["validation_accuracy"] for row in rows]
    assert accuracies == sorted(accuracies, reverse=True)
    assert document["missing"] == []
    for row in rows:
        assert list(row) == [*FIELDS, "test_accuracy", "interval"]
        last = [event for event in events(Path(row["run"])) if event["event"] == "epoch"][-1]
        assert row["train_accuracy"] == last["train_accuracy"]
        assert row["gap"] == pytest.approx(last["gap"], abs=2e-5)  # of accuracies that are rounded
        assert row["parameters"] == {"linear": 650, "dense": 8 * 8 * 1024 + 1024 + 1024 * 10 + 10}[row["model"]]
        assert row["multiply_adds"] == {"linear": 640, "dense": 8 * 8 * 1024 + 1024 * 10}[row["model"]]
        evaluation = json.loads((Path(row["run"]) / "evaluation.json").read_bytes())
        assert (row["test_accuracy"], row["interval"]) == (evaluation["accuracy"], evaluation["interval"])
        assert row["interval"][0] <= row["test_accuracy"] <= row["interval"][1]


def test_every_run_is_judged_on_the_same_validation_set(compared: tuple[Path, ComparisonResult]) -> None:
    _, result = compared
    data = {row.run.name: json.loads((row.run / "data.json").read_bytes()) for row in result.models}
    assert len({found["fingerprint"]["validation"] for found in data.values()}) == 1
    assert data["linear-60"]["fingerprint"] == data["dense-60"]["fingerprint"]
    assert sum(data["dense-60"]["counts"]["train"]) == 60
    assert set(data["dense-60"]["counts"]["train"]) <= {5, 6, 7}


def test_each_run_is_the_run_that_train_makes(compared: tuple[Path, ComparisonResult], tmp_path: Path) -> None:
    out, _ = compared
    train("digits", model="linear", epochs=2, images=60, out=tmp_path / "alone")
    alone, beside = (read_checkpoint(run / "checkpoint.npz").model for run in (tmp_path / "alone", out / "linear-60"))
    for one, other in zip(alone, beside, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_data_is_opened_and_divided_once_for_all_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[object] = []
    divided: list[object] = []

    def counting(data: Any, **given: Any) -> Source:
        opened.append(data)
        return open_source(data, **given)

    def dividing(labels: Any, *rest: Any, **given: Any) -> Any:
        divided.append(labels)
        return split(labels, *rest, **given)

    for place in ("api.compare", "api.evaluate", "sessions.prepare"):
        monkeypatch.setattr(f"beholder.{place}.open_source", counting)
    monkeypatch.setattr("beholder.data.split.split", dividing)
    result = compare("digits", models=["linear", "dense"], epochs=1, out=tmp_path / "out", test=True)
    assert all(row.test_accuracy for row in result.models)
    assert opened == ["digits"]
    assert len(divided) == 1


def test_every_report_links_to_the_comparison(compared: tuple[Path, ComparisonResult]) -> None:
    out, result = compared
    for row in result.models:
        assert 'href="../comparison.html"' in (row.run / "report.html").read_text(encoding="utf-8")
    assert (out / "comparison.html").is_file()


def test_asked_again_it_trains_nothing_again(compared: tuple[Path, ComparisonResult]) -> None:
    out, result = compared
    before = {run.name: events(run) for run in out.iterdir() if run.is_dir()}
    again = compare("digits", models=["dense", "linear"], epochs=2, images=[60, 900], out=out, test=True)
    assert {run.name: events(run) for run in out.iterdir() if run.is_dir()} == before
    assert again.models == result.models


def test_an_interrupted_comparison_keeps_what_is_finished_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "evaluate", lambda *_, **__: pytest.fail("opened the test set"))

    def press_control_c(event: Event) -> None:
        if event["event"] == "epoch" and event["epoch"] == 1 and (tmp_path / "dense").exists():
            signal.raise_signal(signal.SIGINT)

    asked: dict[str, Any] = {"models": ["linear", "dense"], "epochs": 2, "out": tmp_path}
    result = compare("digits", **asked, test=True, listener=press_control_c)
    assert [row.model for row in result.models] == ["linear"]
    assert result.missing == ("dense",)
    assert "Not finished: dense" in (tmp_path / "comparison.html").read_text(encoding="utf-8")
    first = events(tmp_path / "linear")

    result = compare("digits", **asked)
    assert {row.model for row in result.models} == {"linear", "dense"}
    assert result.missing == ()
    assert events(tmp_path / "linear") == first
    assert [event["epoch"] for event in events(tmp_path / "dense") if event["event"] == "epoch"] == [1, 2]


def test_arrays_and_options_and_other_images_are_not_taken_for_the_same(tmp_path: Path) -> None:
    images, labels = digits()
    asked: dict[str, Any] = {
        "models": ["linear", "dense"],
        "epochs": 3,
        "dropout": 0.25,
        "early_stop": 1,
        "out": tmp_path,
    }
    result = compare((images, labels), **asked, augment=False, test=True)
    assert result.data == "arrays"
    for row in result.models:
        run = row.run
        epochs = {event["epoch"]: event for event in events(run) if event["event"] == "epoch"}
        assert row.gap == epochs[row.best_epoch]["gap"], "not the epoch that was kept"
        assert row.test_accuracy is not None
        assert 0 <= row.test_accuracy <= 1
        config = json.loads((run / "config.json").read_bytes())
        assert config["options"] == ({"dropout": 0.25} if row.model == "dense" else {})
        assert config["settings"]["early_stop"] == 1
    with pytest.raises(UsageError, match="other settings or images"):
        compare((255 - images, labels), **asked, augment=False)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"epochs": 3}, "linear-60.*other settings or images.*choose another --out"),
        ({"seed": 1}, "other settings"),
        ({"models": ["liner"]}, "No model is called 'liner'"),
        ({"models": []}, "Nothing to compare"),
        ({"images": []}, "Nothing to compare"),
        ({"images": [9]}, "10 classes"),
        ({"epochs": 0}, "epochs"),
    ],
)
def test_what_cannot_be_compared_is_told_before_anything_is_trained(
    compared: tuple[Path, ComparisonResult], changed: dict[str, Any], words: str
) -> None:
    out, _ = compared
    before = sorted(out.iterdir())
    asked: dict[str, Any] = {"models": ["linear", "dense"], "epochs": 2, "images": [60, 900], "out": out}
    with pytest.raises(UsageError, match=words):
        compare("digits", **{**asked, **changed})
    assert sorted(out.iterdir()) == before


def test_superclasses_are_compared_and_found_again_by_name(tmp_path: Path) -> None:
    data, random = tmp_path / "cifar-100-python", np.random.default_rng(0)
    data.mkdir()
    for name, count in (("train", 60), ("test", 10)):
        fine = [row % 4 for row in range(count)]
        pixels = random.integers(0, 256, (count, 3072)).astype(np.uint8)
        batch = {"data": pixels, "fine_labels": fine, "coarse_labels": [label // 2 for label in fine]}
        (data / name).write_bytes(pickle.dumps(batch))
    names = {"fine_label_names": ["a", "b", "c", "d"], "coarse_label_names": ["fish", "trees"]}
    (data / "meta").write_bytes(pickle.dumps(names))
    asked: dict[str, Any] = {"models": ["linear"], "epochs": 1, "labels": "coarse", "out": tmp_path / "out"}
    [row] = compare(data, **asked).models
    assert json.loads((row.run / "config.json").read_bytes())["labels"] == "coarse"
    assert len(evaluate(row.run).per_class) == 2, "opened by name"
    others = random.integers(0, 256, (4, 32, 32, 3)).astype(np.uint8)
    np.savez(tmp_path / "others.npz", images=others, labels=np.array(["fish", "trees"] * 2))
    assert evaluate(row.run, tmp_path / "others.npz").count == 4, (
        "these have but one kind of labels, and nobody said so"
    )
    before = (row.run / "events.jsonl").stat().st_mtime_ns
    assert compare(data, **asked).models[0].run == row.run
    assert (row.run / "events.jsonl").stat().st_mtime_ns == before, "it counts for what it is"


def test_a_run_is_no_folder_of_runs_and_unknown_data_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    with pytest.raises(RunError, match="is a RUN"):
        compare("digits", out=tmp_path)
    with pytest.raises(DataError, match="Did you mean 'digits'"):
        compare("digit", out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_figures_are_those_of_the_weights_that_were_kept() -> None:
    """A network that answers first may not be tuned at all, or only to something worse."""
    first = {"event": "first_answer", "train_accuracy": 0.9, "validation_accuracy": 0.8}
    epochs = [{"event": "epoch", "epoch": number, "train_accuracy": 0.5} for number in (1, 2, 3)]
    assert kept_epoch([first], 0, early_stop=False) == first
    assert kept_epoch([first, *epochs], 0, early_stop=False) == first
    assert kept_epoch([first, *epochs], 2, early_stop=False) == epochs[1]
    assert kept_epoch(epochs, 2, early_stop=False) == epochs[2]
    assert kept_epoch(epochs, 2, early_stop=True) == epochs[1]
