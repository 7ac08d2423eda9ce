"""A disk that is full, or becomes so at any write, is told in one sentence; the run goes on to the same end later."""

from __future__ import annotations

import errno
import os
import resource
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from beholder import files
from beholder.api import train as module
from beholder.api.evaluate import evaluate
from beholder.api.resume import resume
from beholder.cli import _run
from beholder.errors import StorageError

pytestmark = pytest.mark.usefixtures("framework")

FEW: dict[str, Any] = {"model": "linear", "images": 100, "epochs": 2}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, framework: None) -> Path:
    run = tmp_path_factory.mktemp("runs") / "whole"
    module.train("digits", out=run, **FEW)
    return run


def state(run: Path) -> dict[str, bytes]:
    with np.load(run / "checkpoint.npz") as stored:
        return {name: stored[name].tobytes() for name in stored.files}


@contextmanager
def full_at(count: int) -> Iterator[None]:
    """The `count`-th file that is made to last, and all after it, find the disk full."""
    sync, calls = os.fsync, iter(range(1, 10_000))

    def syncing(descriptor: int) -> None:
        if next(calls) >= count:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(descriptor)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", syncing)
        yield


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """The system itself refuses each write beyond so many bytes of a file, also those that libraries make."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("full", [full_at(1), full_at(6), full_at(12), full_at(18), largest_file(5_000)])
def test_training_goes_on_once_there_is_space(whole: Path, tmp_path: Path, full: Any) -> None:
    run = tmp_path / "run"
    with full, pytest.raises(StorageError, match=r"full|larger"):
        module.train("digits", out=run, **FEW)
    assert list(tmp_path.rglob(".*")) == []
    if run.exists():
        resume(run)
    else:
        module.train("digits", out=run, **FEW)
    assert state(run) == state(whole)
    assert {path.name for path in run.iterdir()} == {path.name for path in whole.iterdir()}


def test_an_evaluation_without_space_leaves_the_run_as_it_was(whole: Path, tmp_path: Path) -> None:
    run = shutil.copytree(whole, tmp_path / "run")
    report = (run / "report.html").read_bytes()
    with full_at(1), pytest.raises(StorageError, match="full"):
        evaluate(run)
    assert {path.name for path in run.iterdir()} == {path.name for path in whole.iterdir()}
    assert (run / "report.html").read_bytes() == report


def test_what_only_reads_works_in_a_folder_that_is_read_only(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The rest says so before it works for nothing. `bench/faults.py` mounts one; here the refusals are ours."""

    def refuse(*_: Any, **__: Any) -> Any:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr("tempfile.mkstemp", refuse)
    monkeypatch.setattr("tempfile.mkdtemp", refuse)
    monkeypatch.setattr(os, "access", lambda _, mode: mode != os.W_OK)
    assert _run(["predict", str(whole), str(whole / "model" / "golden" / "0.png")]) == 0
    assert _run(["train", "--resume", str(whole)]) == 0
    capfd.readouterr()
    assert _run(["evaluate", str(whole)]) == 2
    said = capfd.readouterr().err
    assert "read-only" in said
    assert said.count("\n") == 1


def test_the_file_before_is_kept_where_that_is_asked_for(tmp_path: Path) -> None:
    path, before = tmp_path / "a", tmp_path / "b"
    for content in (b"1", b"2", b"3"):
        with files.replacing(path, keep=before) as file:
            file.write(content)
    assert (path.read_bytes(), before.read_bytes()) == (b"3", b"2")
    with full_at(1), pytest.raises(StorageError), files.replacing(path, keep=before) as file:
        file.write(b"4")
    assert (path.read_bytes(), before.read_bytes()) == (b"3", b"2")
