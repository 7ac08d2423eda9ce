"""A person relies on: a changed RUN folder is refused in one sentence, or read without what makes no sense in it."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beholder.errors import RunError
from beholder.report.page import write_report
from beholder.runs.events import Stopwatch, lasting, read_events
from beholder.runs.folder import Run, open_run, read_document
from beholder.runs.snapshots import Shown, Snapshot, read_shown, read_snapshot, write_shown, write_snapshot

CONFIG: dict[str, Any] = {"schema": 1, "data": "digits", "labels": "fine", "cache": None, "seed": 0, "settings": {}}
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
EVENTS = st.fixed_dictionaries(
    {"event": st.sampled_from(["framework", "start", "step", "epoch", "replan", "resumed", "stopped", "end"]) | VALUES},
    optional=dict.fromkeys(("time", "seconds", "epoch", "step", "steps", "done", "validation_accuracy"), VALUES),
)


@settings(max_examples=100, deadline=None)
@given(lines=st.lists(EVENTS.map(lambda event: json.dumps(event).encode()) | st.binary(max_size=20)))
def test_a_log_of_anything_is_read_and_its_time_told(
    lines: list[bytes], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "any-events.jsonl"
    path.write_bytes(b"\n".join(lines))
    watch = Stopwatch()
    for event in lasting(read_events(path)):
        watch.hear(event)
        assert isinstance(event["event"], str)
    assert isinstance(watch.at(), float | int)


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_brackets_without_end_are_no_document(tmp_path: Path, opening: bytes) -> None:
    path = tmp_path / "document.json"
    path.write_bytes(opening * 100_000)
    with pytest.raises(RunError, match="not JSON"):
        read_document(path, missing="")
    assert read_events(path) == []


@settings(max_examples=100, deadline=None)
@given(changes=st.dictionaries(st.sampled_from([*CONFIG, "overlay", "plans", "planned", "budget"]), VALUES, min_size=1))
def test_a_config_of_other_kinds_of_values_is_read_or_refused(
    changes: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.getbasetemp() / "any-run"
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps({**CONFIG, **changes}))
    try:
        config = open_run(folder)[1]
    except RunError as error:
        assert "\n" not in str(error)  # noqa: PT017  (either outcome is right)
    else:
        assert isinstance(config["data"], str)
        assert isinstance(config["settings"], dict)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("data.json", {"class_names": 5, "counts": {}}),
        ("data.json", {"counts": {"validation": ["many"]}}),
        ("evaluation.json", {"per_class": [1]}),
        ("evaluation.json", {"confusion": [[1, 2], [3]], "per_class": []}),
    ],
)
def test_documents_that_do_not_fit_each_other_are_told_of(tmp_path: Path, name: str, content: dict[str, Any]) -> None:
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    (tmp_path / name).write_text(json.dumps({"schema": 1, **content}))
    with pytest.raises(RunError, match="do not fit") as caught:
        write_report(tmp_path)
    assert not (tmp_path / "report.html").exists()
    assert "\n" not in str(caught.value)


# What was answered at each epoch's end


@pytest.fixture
def run(tmp_path: Path) -> Run:
    run = Run(tmp_path)
    write_shown(run, Shown(np.zeros((2, 4, 4, 1), np.uint8), np.array([0, 1]), ["cat", "dog"]))
    filters = np.ones((1, 3, 3, 1), np.float32)
    write_snapshot(run, 1, Snapshot(np.eye(2, dtype=np.float32), np.eye(2, dtype=np.int64), filters))
    return run


def rewrite(path: Path, **members: bytes) -> None:
    """Replace members of an archive of arrays, with right checksums."""
    with zipfile.ZipFile(path) as file:
        kept = {name: file.read(name) for name in file.namelist()}
    with zipfile.ZipFile(path, "w") as file:
        for name, content in (kept | {f"{name}.npy": content for name, content in members.items()}).items():
            file.writestr(name, content)


def npy(values: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.asarray(values))
    return stream.getvalue()


def test_what_was_kept_comes_back(run: Run) -> None:
    shown, snapshot = read_shown(run), read_snapshot(run, 1)
    assert shown is not None
    assert shown.class_names == ["cat", "dog"]
    assert snapshot is not None
    np.testing.assert_array_equal(snapshot.probabilities, np.eye(2))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("class_names", b"bytes that are no array"),  # found by fuzzing: NumPy hands them on
        ("class_names", npy(np.frombuffer(b"[" * 50_000, np.uint8))),
        ("class_names", npy(np.frombuffer(b'["cat", 5]', np.uint8))),
        ("class_names", npy(5)),
        ("labels", npy([0, 7])),
        ("labels", npy([0.0, 1.0])),
        ("labels", npy([0, 1, 1])),
        ("pictures", npy(np.zeros((2, 4, 4, 2), np.uint8))),
        ("pictures", npy(["a", "b"])),
    ],
)
def test_followed_pictures_that_make_no_sense_are_refused(run: Run, name: str, content: bytes) -> None:
    rewrite(run.watch_folder / "pictures.npz", **{name: content})
    with pytest.raises(RunError, match=r"pictures\.npz.*damaged"):
        read_shown(run)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("probabilities", b""),
        ("probabilities", npy([["a"]])),
        ("probabilities", npy(np.zeros((2, 0), np.float16))),
        ("confusion", npy([1.5])),
        ("filters", npy(np.zeros((0, 3, 3, 1), np.float16))),
    ],
)
def test_a_snapshot_that_makes_no_sense_is_refused(run: Run, name: str, content: bytes) -> None:
    rewrite(run.watch_folder / "epoch-00001.npz", **{name: content})
    with pytest.raises(RunError, match=r"epoch-00001\.npz.*damaged"):
        read_snapshot(run, 1)


def test_a_snapshot_that_would_fill_the_memory_is_refused(run: Run) -> None:
    np.savez_compressed(run.watch_folder / "epoch-00001.npz", probabilities=np.zeros((2, 60_000_000), np.float16))
    with pytest.raises(RunError, match="announces more"):
        read_snapshot(run, 1)
