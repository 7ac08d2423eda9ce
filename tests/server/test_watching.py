"""A training run seen from outside: its events as they are written, what it is, and the requests to stop and go on."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from starlette.testclient import TestClient

from beholder.errors import RunError
from beholder.runs.events import EventLog, read_events
from beholder.runs.presence import is_trained, training
from beholder.runs.run_folder import Run
from beholder.runs.snapshots import read_shown, read_snapshot
from beholder.server.live.watching import watch_app
from beholder.sessions.interruption import stop_on_interrupt

PATIENCE = 30.0  # seconds, for what happens within one on a quiet machine


@pytest.fixture
def run(digits_run: Path, tmp_path: Path) -> Run:
    """A copy of the finished run."""
    shutil.copytree(digits_run, tmp_path / "run")
    return Run(tmp_path / "run")


@pytest.fixture
def watcher(run: Run) -> TestClient:
    return TestClient(watch_app(run), base_url="http://localhost", raise_server_exceptions=False)


@contextmanager
def watching(run: Path) -> Iterator[str]:
    """The address of a `beholder watch` in a process of its own, without a slash at the end."""
    command = [sys.executable, "-m", "beholder", "watch", str(run), "--port", "0", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        text = ""
        try:
            while not text.endswith("}\n"):
                line = process.stdout.readline()
                assert line, "the server ended"
                text += line
            yield json.loads(text)["address"].rstrip("/")
        finally:
            process.terminate()
            assert process.wait(timeout=40) == 0


def told(lines: Iterator[str]) -> Iterator[tuple[str, str | None, dict[str, Any]]]:
    """Type, id and data of each server-sent event, as the HTML standard has them read."""
    kind, last = "message", None
    data = ""
    for line in lines:
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if line == "" and data:
            yield kind, last, json.loads(data)
            kind, data = "message", ""
        elif field == "event":
            kind = value
        elif field == "id":
            last = value
        elif field == "data":
            data += value


def until(stream: Iterator[Any], wanted: Callable[[Any], bool]) -> list[Any]:
    """What comes, up to the first that is `wanted`."""
    found = []
    for one in stream:
        found.append(one)
        if wanted(one):
            return found
    raise AssertionError(f"the stream ended after {found}")


def is_state(name: str) -> Callable[[Any], bool]:
    return lambda one: one[0] == "state" and one[2]["state"] == name


def killed(run: Run) -> None:
    """As a kill leaves a run, before its end."""
    lines = run.events_file.read_bytes().splitlines(keepends=True)
    place = next(place for place, line in enumerate(lines) if json.loads(line)["event"] == "epoch")
    run.events_file.write_bytes(b"".join(lines[: place + 1]))
    shutil.rmtree(run.model_folder)
    run.report_file.unlink()


def test_the_log_is_told_as_it_grows_and_from_where_one_had_heard_it(run: Run) -> None:
    events = read_events(run.events_file)
    with watching(run.path) as address, httpx.Client(base_url=address, timeout=PATIENCE) as client:
        with client.stream("GET", "/watch/events") as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            lines = told(answer.iter_lines())
            first = until(lines, is_state("finished"))
            heard = [event for kind, _, event in first if kind == "message"]
            # Of steps the last alone is told.
            expected = [event for event in events if event["event"] != "step"]
            assert [{**event, "spent_seconds": 0} for event in heard if event["event"] != "step"] == [
                {**event, "spent_seconds": 0} for event in expected
            ]
            EventLog(run.events_file).append("advice", message="new")
            _, last, event = until(lines, lambda one: one[0] == "message")[-1]
            assert event["message"] == "new"
            assert last == str(run.events_file.stat().st_size)
        before = first[-2][1]
        with client.stream("GET", "/watch/events", headers={"Last-Event-ID": str(before)}) as answer:
            again = until(told(answer.iter_lines()), lambda one: one[0] == "state")
            assert [event.get("message") for kind, _, event in again if kind == "message"] == ["new"]
        with client.stream("GET", "/watch/events", headers={"Last-Event-ID": "999999999"}) as answer:
            assert next(told(answer.iter_lines()))[0] == "reset"


def test_what_a_kill_lost_is_taken_back(run: Run) -> None:
    killed(run)
    log = EventLog(run.events_file)
    log.append("framework", name="TensorFlow", seconds=1.0)
    log.append("start", plan={}, settings={})
    log.append("epoch", epoch=1, loss=float("inf"))
    with watching(run.path) as address, httpx.stream("GET", f"{address}/watch/events", timeout=PATIENCE) as answer:
        heard = until(told(answer.iter_lines()), lambda one: one[0] == "state")
    epochs = [event for _, _, event in heard if event.get("event") == "epoch"]
    assert [(event["epoch"], event["loss"]) for event in epochs] == [(1, None)], "JSON has no infinity"
    assert heard[-1][2]["state"] == "killed"


def test_a_stream_ends_when_the_server_is_asked_to(run: Run) -> None:
    with watching(run.path) as address, httpx.stream("GET", f"{address}/watch/events", timeout=PATIENCE) as answer:
        next(answer.iter_lines())


def test_whether_somebody_trains_is_what_the_lock_says(run: Run, watcher: TestClient) -> None:
    assert watcher.get("/watch/state").json()["state"] == "finished"
    with training(run):
        assert is_trained(run)
        assert watcher.get("/watch/state").json()["state"] == "running"
    assert not is_trained(run)
    killed(run)
    state = watcher.get("/watch/state").json()
    assert (state["state"], state["run"], state["model"]) == ("killed", "run", "fast")


def test_two_processes_never_train_one_run(run: Run) -> None:
    with training(run), pytest.raises(RunError, match="trained by another process"), training(run):
        pass


def test_stop_asks_training_to_stop(run: Run, watcher: TestClient) -> None:
    assert watcher.post("/watch/stop").status_code == 409, "nobody trains"
    with training(run), stop_on_interrupt(run.stop_file) as stop:
        assert not stop()
        assert watcher.post("/watch/stop").json()["state"] == "stopping"
        until_then = time.monotonic() + PATIENCE
        while not stop() and time.monotonic() < until_then:
            time.sleep(0.02)
        assert stop()
    assert not run.stop_file.exists(), "the next session is not stopped by it"


def test_an_old_request_to_stop_stops_nothing(run: Run) -> None:
    run.stop_file.touch()
    with training(run), stop_on_interrupt(run.stop_file) as stop:
        assert not stop()


def test_resume_is_refused_where_there_is_nothing_to_do(run: Run, watcher: TestClient) -> None:
    answer = watcher.post("/watch/resume")
    assert (answer.status_code, answer.json()["error"]) == (
        409,
        "This run is finished; there is nothing to go on with.",
    )
    with training(run):
        assert watcher.post("/watch/resume").status_code == 409


@pytest.mark.slow
def test_a_killed_run_goes_on_to_its_end(run: Run) -> None:
    killed(run)
    with watching(run.path) as address, httpx.Client(base_url=address, timeout=4 * PATIENCE) as client:
        assert client.post("/watch/resume").status_code == 200
        with client.stream("GET", "/watch/events") as answer:
            until(told(answer.iter_lines()), is_state("finished"))
        assert client.get("/watch/state").json()["problem"] is None


def test_why_a_run_cannot_go_on_is_told_in_a_sentence(run: Run) -> None:
    killed(run)
    config = json.loads(run.config_file.read_text())
    run.config_file.write_text(json.dumps({**config, "data": "arrays"}))
    with watching(run.path) as address, httpx.Client(base_url=address, timeout=PATIENCE) as client:
        client.post("/watch/resume")
        problem, deadline = None, time.monotonic() + PATIENCE
        while problem is None and time.monotonic() < deadline:
            problem = client.get("/watch/state").json()["problem"]
            time.sleep(0.1)
    assert problem is not None
    assert "was trained on arrays" in problem


def test_the_answers_of_the_last_epoch_are_those_that_the_log_counts(run: Run, watcher: TestClient) -> None:
    last = [event for event in read_events(run.events_file) if event["event"] == "epoch"][-1]
    snapshot, shown = read_snapshot(run, last["epoch"]), read_shown(run)
    assert snapshot is not None
    assert shown is not None
    assert snapshot.confusion is not None
    confusion = snapshot.confusion
    assert np.trace(confusion) / confusion.sum() == pytest.approx(last["validation_accuracy"], abs=1e-5)
    assert snapshot.probabilities.shape == (24, 10)
    assert snapshot.probabilities.sum(axis=1) == pytest.approx(1, abs=1e-2)
    document = watcher.get(f"/watch/snapshots/{last['epoch']}").json()
    assert document["confusion"] == confusion.tolist()
    assert [one["answer"] for one in document["answers"]] == snapshot.probabilities.argmax(axis=1).tolist()
    images = watcher.get("/watch/images").json()
    assert [one["label"] for one in images["images"]] == shown.labels.tolist()
    assert watcher.get("/watch/snapshots/99").status_code == 404


def test_other_pages_may_neither_stop_nor_resume(run: Run, watcher: TestClient) -> None:
    for name in ("stop", "resume"):
        answer = watcher.post(f"/watch/{name}", headers={"Origin": "https://example.org"})
        assert answer.status_code == 403


def test_ten_watchers_are_told_the_same(run: Run) -> None:
    heard: list[list[str | None]] = []

    def listen(address: str) -> None:
        with (
            closing(httpx.Client(timeout=PATIENCE)) as client,
            client.stream("GET", f"{address}/watch/events") as answer,
        ):
            found = until(told(answer.iter_lines()), lambda one: one[2].get("message") == "the last")
            heard.append([last for kind, last, _ in found if kind == "message"])

    with watching(run.path) as address:
        threads = [threading.Thread(target=listen, args=(address,)) for _ in range(10)]
        for thread in threads:
            thread.start()
        EventLog(run.events_file).append("advice", message="the last")
        for thread in threads:
            thread.join()
    assert len(heard) == 10
    assert all(one == heard[0] for one in heard)
