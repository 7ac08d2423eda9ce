"""The promises of docs/promises.md that no single module can hold: what is never opened, written to, or left half."""

from __future__ import annotations

import json
import pickle
import re
import socket
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import beholder
from beholder.cli import _run
from beholder.data.dataset import Dataset
from beholder.data.progress import Progress
from beholder.data.source import Source

NAMES = ["cat", "dog", "owl"]
TRAINING = ["--model", "linear", "--epochs", "1", "--progress", "none"]


def state(folder: Path) -> dict[str, tuple[bytes, int, int]]:
    """Content, time of change and rights of every file, and of every folder its names, time and rights."""
    found = {}
    for path in [folder, *sorted(folder.rglob("*"))]:
        status = path.stat()
        content = path.read_bytes() if path.is_file() else repr(sorted(path.iterdir())).encode()
        found[str(path)] = (content, status.st_mtime_ns, status.st_mode)
    return found


def random_images(count: int, seed: int, side: int = 32) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, side, side, 3), dtype=np.uint8)


def batch(count: int, seed: int) -> bytes:
    rows = random_images(count, seed).reshape(count, 3072)
    return pickle.dumps({"data": rows, "labels": [row % 3 for row in range(count)]}, protocol=2)


def make_archive(folder: Path) -> Path:
    folder.mkdir()
    for name, content in {
        "batches.meta": pickle.dumps({"label_names": NAMES}, protocol=2),
        "data_batch_1": batch(60, 1),
        "data_batch_2": batch(60, 2),
        "test_batch": batch(30, 3),
    }.items():
        (folder / name).write_bytes(content)
    return folder


def make_folder(folder: Path) -> Path:
    for number, pixels in enumerate(random_images(60, 4, side=12)):
        path = folder / NAMES[number % 3] / f"image {number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
    (folder / "cat" / "notes.txt").write_text("mine")
    return folder


def make_npz(folder: Path) -> Path:
    folder.mkdir()
    np.savez(folder / "data.npz", images=random_images(60, 5, side=9), labels=np.arange(60) % 3)
    return folder / "data.npz"


def weights(run: Path) -> list[np.ndarray]:
    with np.load(run / "checkpoint.npz") as stored:
        return [stored[name] for name in stored.files if name.startswith("model_")]


@pytest.mark.usefixtures("framework")
@pytest.mark.parametrize("make", [make_archive, make_folder, make_npz])
def test_no_command_writes_to_what_is_the_persons(make: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    home, run, cache = tmp_path / "home", tmp_path / "run", str(tmp_path / "cache")
    data = make(home)
    before = state(home)
    images = tmp_path / "images"
    images.mkdir()
    Image.fromarray(random_images(1, 0)[0]).save(images / "p.png")
    shown = state(images)
    reading = ["--cache", cache]
    assert _run(["look", str(data), "--out", str(tmp_path / "sheet.png"), *reading]) == 0
    assert _run(["train", str(data), "--out", str(run), *TRAINING, *reading]) == 0
    assert _run(["train", "--resume", str(run)]) == 0
    assert _run(["evaluate", str(run)]) == 0
    assert _run(["predict", str(run), str(images)]) == 0
    assert state(home) == before
    assert state(images) == shown
    capfd.readouterr()


@pytest.mark.usefixtures("framework")
def test_evaluating_and_predicting_leave_the_model_and_the_training_as_they_were(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    assert _run(["train", "digits", "--out", str(run), *TRAINING]) == 0
    before = state(run)
    assert _run(["predict", str(run), str(run / "model" / "golden" / "0.png")]) == 0
    assert state(run) == before
    assert _run(["evaluate", str(run)]) == 0
    changed = {name for name, found in state(run).items() if before.get(name) != found}
    assert changed == {str(run), str(run / "evaluation.json"), str(run / "report.html")}
    capfd.readouterr()


@pytest.mark.usefixtures("framework")
def test_train_and_look_never_open_the_test_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    opened: list[str] = []

    def reader(set_name: str) -> Any:
        def read(_: Progress) -> Dataset:
            opened.append(set_name)
            assert set_name != "test", "the test set was opened"
            images = random_images(60, 1, side=8)
            return Dataset(images, np.arange(60, dtype=np.int64) % 3, tuple(NAMES), [str(row) for row in range(60)])

        return read

    sets = {set_name: reader(set_name) for set_name in ("train", "validation", "test")}
    source = Source("guarded", tuple(NAMES), sets)
    for module in ("data.opening", "sessions.prepare", "api.evaluate"):
        monkeypatch.setattr(f"beholder.{module}.open_source", lambda *_, **__: source)
    (tmp_path / "guarded").mkdir()
    monkeypatch.chdir(tmp_path)
    run = tmp_path / "run"
    assert _run(["look", "guarded", "--out", str(tmp_path / "sheet.png")]) == 0
    assert _run(["train", "guarded", "--out", str(run), *TRAINING]) == 0
    assert set(opened) == {"train", "validation"}
    assert _run(["evaluate", str(run)]) == 1, "the guard above would have been heard"
    assert "the test set was opened" in capfd.readouterr().err


@pytest.mark.usefixtures("framework")
def test_an_archive_trains_to_the_same_weights_where_its_test_batch_is_gone(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    data = make_archive(tmp_path / "data")
    assert _run(["train", str(data), "--out", str(tmp_path / "with"), *TRAINING]) == 0
    (data / "test_batch").write_bytes(b"damaged")
    assert _run(["train", str(data), "--out", str(tmp_path / "damaged"), *TRAINING]) == 0
    for left, right in zip(weights(tmp_path / "with"), weights(tmp_path / "damaged"), strict=True):
        assert np.array_equal(left, right)
    assert _run(["evaluate", str(tmp_path / "with")]) == 2
    assert "test_batch" in capfd.readouterr().err


def test_only_evaluate_and_compare_ask_for_the_test_set() -> None:
    package = Path(beholder.__file__).parent
    ways = re.compile(r"\.test\(\)|source\.readers\.(items|values)\(\)|choose_judged\(")
    asking = {
        path.relative_to(package).as_posix() for path in package.rglob("*.py") if ways.search(path.read_text("utf-8"))
    }
    # An audit looks for copies in all sets, and corrections and a validation set wrap the readers; a run keeps arrays
    # that bring no test set; evaluate's choice is in judged.
    assert asking == {
        "data/corrections.py",
        "data/images/refit.py",
        "data/class_names.py",
        "data/groups/grouped.py",
        "api/audit.py",
        "api/compare.py",
        "api/evaluate.py",
        "api/judged_images.py",
        "runs/kept_data.py",
        "sessions/given_validation.py",
    }


def test_a_name_that_is_not_in_the_cache_is_the_only_thing_that_opens_a_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    asked: list[Any] = []

    def refuse(*address: Any, **_: Any) -> Any:
        asked.append(address)
        raise OSError("no network")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    for proxy in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(proxy, raising=False)
    home = make_folder(tmp_path / "home")
    for data in (str(home), "digits", str(make_archive(tmp_path / "archive"))):
        assert _run(["look", data, "--out", str(tmp_path / "s.png"), "--cache", str(tmp_path / "cache")]) == 0
    assert asked == []
    capfd.readouterr()
    run = tmp_path / "run"
    assert _run(["train", "cifar10", "--out", str(run), "--cache", str(tmp_path / "cache")]) == 2
    assert asked, "the archive was asked for by its name"
    message = capfd.readouterr().err
    assert message.count("\n") == 1
    assert "cifar-10-python.tar.gz" in message
    assert str(tmp_path / "cache") in message
    assert not run.exists()


def test_the_public_names_can_all_be_imported_and_are_pinned() -> None:
    for name in beholder.__all__:
        assert getattr(beholder, name) is not None
    assert {"train", "evaluate", "predict", "look", "Dataset", "Classifier", "Prediction"} <= set(beholder.__all__)
    with pytest.raises(AttributeError, match="nonsense"):
        _ = beholder.nonsense


@pytest.mark.usefixtures("framework")
def test_every_document_of_a_run_is_json_that_any_reader_accepts(digits_run: Path) -> None:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    documents = list(digits_run.rglob("*.json"))
    assert len(documents) >= 5
    for path in documents:
        json.loads(path.read_bytes(), parse_constant=refuse)
    for line in (digits_run / "events.jsonl").read_text("utf-8").splitlines():
        json.loads(line, parse_constant=refuse)
