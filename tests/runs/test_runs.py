"""A person relies on: a RUN tells what was asked for and all that happened, and one that is no RUN is refused."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from beholder.errors import RunError, StorageError
from beholder.runs.environment import _VARIABLES, describe_environment, versions
from beholder.runs.events import EventLog, read_events
from beholder.runs.run_folder import create_run, open_run, read_document

CONFIG: dict[str, Any] = {
    "data": "digits",
    "labels": "fine",
    "corrections": {"lines": []},
    "settings": {},
    "options": {},
}
CONFIG |= dict.fromkeys(("cache", "images", "seed", "budget", "schedule", "forecast"))


def test_events_come_back_as_they_were_told(tmp_path: Path) -> None:
    heard: list[dict[str, Any]] = []
    log = EventLog(tmp_path / "events.jsonl", heard.append)
    log.append("start", name="snow \N{SNOWMAN} and no text \udcff")
    log.append("epoch", accuracy=0.5)
    events = read_events(tmp_path / "events.jsonl")
    assert events == heard
    assert [event["event"] for event in events] == ["start", "epoch"]
    assert events[0]["name"].endswith("\udcff")
    assert events[0]["time"] <= events[1]["time"]
    assert (tmp_path / "events.jsonl").read_bytes().count(b"\n") == 2


def test_a_second_log_on_the_same_file_goes_on_where_the_first_ended(tmp_path: Path) -> None:
    EventLog(tmp_path / "events.jsonl").append("start")
    EventLog(tmp_path / "events.jsonl").append("resumed")
    assert [event["event"] for event in read_events(tmp_path / "events.jsonl")] == ["start", "resumed"]


def test_a_log_that_is_no_file_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").mkdir()
    with pytest.raises(RunError, match=r"events\.jsonl"):
        read_events(tmp_path / "events.jsonl")
    assert read_events(tmp_path / "nothing") == []


@pytest.mark.parametrize("rest", [b'{"event": "ep', b"\xff\xfe", b"[1, 2]\n", b'{"no": "event"}\n', b"\n\n"])
def test_a_line_that_a_crash_cut_off_is_left_out(tmp_path: Path, rest: bytes) -> None:
    path = tmp_path / "events.jsonl"
    EventLog(path).append("start")
    path.write_bytes(path.read_bytes() + rest)
    assert [event["event"] for event in read_events(path)] == ["start"]


def test_no_log_is_no_events(tmp_path: Path) -> None:
    assert read_events(tmp_path / "events.jsonl") == []


def test_an_event_that_cannot_be_written_is_told_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match=str(tmp_path / "file")):
        EventLog(tmp_path / "file" / "events.jsonl").append("start")


def test_a_new_run_has_folders_above_it_made_and_its_config_comes_back(tmp_path: Path) -> None:
    run = create_run(tmp_path / "a" / "b" / "run")
    run.write_config(CONFIG)
    opened, config = open_run(run.path)
    assert opened == run
    assert config == {"schema": 2, **CONFIG}
    run.remove()
    assert not run.path.exists()


@pytest.mark.parametrize("name", ["taken", "file", "file/below", "x" * 300])
def test_a_run_is_never_made_where_something_is(tmp_path: Path, name: str) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "file").write_text("precious")
    with pytest.raises((RunError, StorageError)) as caught:
        create_run(tmp_path / name)
    assert str(tmp_path / name) in str(caught.value)
    assert (tmp_path / "file").read_text() == "precious"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "taken"]


def test_a_folder_without_config_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="is not a RUN folder"):
        open_run(tmp_path)


def test_a_run_of_beholder_0_1_is_refused_in_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"schema": 1, **CONFIG}))
    with pytest.raises(RunError) as caught:
        open_run(tmp_path)
    assert str(caught.value) == (
        f"{str(path)!r} was written by Beholder 0.1, which this version does not read; train again into a new folder."
    )


@pytest.mark.parametrize("missing", sorted(CONFIG))
def test_a_config_that_lacks_what_going_on_needs_is_damaged(tmp_path: Path, missing: str) -> None:
    run = create_run(tmp_path / "run")
    run.write_config({name: value for name, value in CONFIG.items() if name != missing})
    with pytest.raises(RunError, match=f"damaged.*{missing!r}"):
        open_run(run.path)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ('{"schema": 3}', "update Beholder"),
        ("[]", "list"),
        ("{", "damaged"),
        ("\0", "damaged"),
        ('{"schema": []}', "schema"),
    ],
)
def test_a_document_that_is_newer_or_damaged_is_refused(tmp_path: Path, text: str, word: str) -> None:
    path = tmp_path / "document.json"
    path.write_text(text)
    with pytest.raises(RunError, match=word) as caught:
        read_document(path, missing="")
    assert str(path) in str(caught.value)


def test_the_environment_keeps_the_variables_that_change_how_numbers_are_added_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in _VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("TF_XLA_FLAGS", "--tf_xla_auto_jit=2")
    monkeypatch.setenv("SECRET", "of no concern")
    assert describe_environment()["variables"] == {"OMP_NUM_THREADS": "1", "TF_XLA_FLAGS": "--tf_xla_auto_jit=2"}


def test_the_environment_names_the_machine_and_the_versions() -> None:
    described = describe_environment()
    assert described["cores"] == len(os.sched_getaffinity(0))
    assert described["versions"] == versions()
    assert {"beholder", "numpy", "pillow", "onnxruntime"} <= set(described["versions"])
    assert json.loads(json.dumps(described)) == described
