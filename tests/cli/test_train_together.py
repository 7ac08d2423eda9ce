"""A person relies on: --processes trains a usable RUN, a lost process ends all with a sentence, and the run resumes."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

import beholder
from beholder.cli import _run
from beholder.errors import UsageError

needs_jax = pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="JAX is not installed")


def processes_below(parent: int) -> list[int]:
    """Numbers of the processes that `parent` started, in the order in which it did, as Linux tells them."""
    found = []
    for status in Path("/proc").glob("[0-9]*/status"):
        with suppress(OSError):  # it has ended meanwhile
            if f"\nPPid:\t{parent}\n" in status.read_text(errors="replace"):
                found.append(int(status.parent.name))
    return sorted(found)


@needs_jax
@pytest.mark.slow
def test_a_lost_process_ends_all_with_a_sentence_and_the_run_goes_on_with_another_number(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")
    asked = ["digits", "--model", "linear", "--epochs", "200", "--batch-size", "300", "--out", run, "--processes", "2"]
    command = [sys.executable, "-m", "beholder", "train", *asked, "--progress", "json"]
    with subprocess.Popen(list(map(str, command)), stderr=subprocess.PIPE, text=True) as training:
        assert training.stderr is not None
        for line in training.stderr:
            if json.loads(line)["event"] == "epoch" and (run / "checkpoint.npz").exists():
                break
        os.kill(processes_below(training.pid)[1], signal.SIGKILL)
        killed = time.monotonic()
        said = [line for line in training.stderr if not line.startswith("{")]
        assert training.wait() == 2
        assert time.monotonic() - killed < 60
    assert said == [f"Error: Process 1 of 2 was ended by signal 9; start them all again with --resume {run}.\n"]
    assert _run(["train", "--resume", str(run), "--processes", "1", "--progress", "none", "--json"]) == 0
    document = json.loads(capfd.readouterr().out)
    assert (document["epochs"], document["stopped"]) == (200, False)
    told = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]
    assert sum(event["event"] == "resumed" for event in told) == 1
    assert beholder.resume(run, processes=1).finished_before
    answers = beholder.predict(run, list(beholder.Split(beholder.open_source("digits")).validation().images))
    assert len({answer.label for answer in answers}) == 10


@needs_jax
@pytest.mark.slow
def test_what_a_process_is_told_wrong_is_one_sentence_and_leaves_nothing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")
    run = tmp_path / "run"
    asked = ["digits", "--model", "linear", "--stride", "2", "--out", str(run), "--processes", "2"]
    assert _run(["train", *asked, "--progress", "none"]) == 2
    assert capfd.readouterr().err == "Error: Model 'linear' has no option --stride; its own options: none.\n"
    assert not run.exists()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--coordinator", "10.0.0.1:8476"], "Expected at least 1 for the processes"),
        (["--processes", "2", "--process", "1"], "add --coordinator HOST:PORT"),
        (["--processes", "2", "--coordinator", "10.0.0.1:8476"], "add --process I"),
        (["--processes", "2", "--coordinator", "10.0.0.1", "--process", "1"], "Expected a coordinator as HOST:PORT"),
        (["--processes", "2", "--coordinator", "10.0.0.1:1", "--process", "2"], "Expected a --process from 0 to 1"),
    ],
)
def test_options_that_do_not_fit_are_told_in_one_sentence(
    options: list[str], sentence: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert _run(["train", "digits", "--out", str(tmp_path / "run"), *options]) == 2
    said = capfd.readouterr().err
    assert sentence in said
    assert said.count("\n") == 1
    assert not (tmp_path / "run").exists()


@needs_jax
def test_arrays_cannot_be_handed_to_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    images, labels = np.zeros((20, 8, 8, 1), np.uint8), np.arange(20) % 2
    with pytest.raises(UsageError, match=r"save them as a \.npz file"):
        beholder.train((images, labels), processes=2, out=tmp_path / "run")


def test_another_backend_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    with pytest.raises(UsageError, match=r"not on 'torch'; unset KERAS_BACKEND"):
        beholder.train("digits", processes=2, out=tmp_path / "run")
