"""A person relies on: `train --watch` shows the run while it trains, and leaves no process behind."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from beholder.runs.run_folder import Run

PATIENCE = 60.0  # seconds, for what takes a few on a quiet machine


@pytest.fixture
def trained(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A training that would last for hours, with a page; its run has a name that looks like an option."""
    command = [sys.executable, "-m", "beholder", "train", "digits", "--model", "linear", "--epochs", "1000000"]
    command += ["--out", "--odd", "--progress", "none", "--watch"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def address(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    for line in process.stderr:
        if found := re.fullmatch(r"Watch it at (http://127\.0\.0\.1:\d+/) until it ends\.\n", line):
            return found[1]
    raise AssertionError(f"no address was told; it ended with {process.wait()}")


def listens(page: str) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", urlsplit(page).port)) == 0


def test_the_page_shows_the_training_stops_it_and_ends_with_it(trained: subprocess.Popen[str], tmp_path: Path) -> None:
    page = address(trained)
    with httpx.Client(base_url=page, timeout=PATIENCE) as client:
        assert "<title>Watch" in client.get("/").text
        state = client.get("/watch/state").json()
        assert (state["run"], state["data"], state["state"]) == ("--odd", "digits", "running")
        assert client.post("/watch/stop").status_code == 200
    output, _ = trained.communicate(timeout=PATIENCE)
    assert trained.returncode == 0
    assert "Stopped" in output
    assert not listens(page)
    assert not Run(tmp_path / "--odd").stop_file.exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows tells nobody that a parent died")
def test_the_page_ends_also_when_training_is_killed(trained: subprocess.Popen[str]) -> None:
    page = address(trained)
    assert listens(page)
    trained.send_signal(signal.SIGKILL)
    trained.wait(timeout=PATIENCE)
    until = time.monotonic() + PATIENCE
    while listens(page):
        assert time.monotonic() < until, "the page outlived its training"
        time.sleep(0.1)
