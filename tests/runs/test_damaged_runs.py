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

from beholder.api.evaluate import _result
from beholder.cli.evaluate import _print_figures
from beholder.errors import RunError, UsageError
from beholder.report.page import write_report
from beholder.report.reading import read_run
from beholder.runs.events import EventLog, Stopwatch, lasting, read_events
from beholder.runs.kept_evaluation import read_evaluation
from beholder.runs.run_folder import Run, open_run, read_document
from beholder.runs.snapshots import Shown, Snapshot, read_shown, read_snapshot, write_shown, write_snapshot
from beholder.server.encoding import EscapedJSON
from beholder.server.tabs.judge import evaluated_figures
from beholder.sessions.logged_plan import logged_plan

CONFIG: dict[str, Any] = {"schema": 2, "data": "digits", "labels": "fine", "corrections": {"lines": []}, "settings": {}}
CONFIG |= dict.fromkeys(("cache", "images", "seed", "budget", "schedule", "forecast"))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
EVENTS = st.fixed_dictionaries(
    {"event": st.sampled_from(["framework", "start", "step", "epoch", "replan", "resumed", "stopped", "end"]) | VALUES},
    optional=dict.fromkeys(("time", "seconds", "epoch", "step", "steps", "done", "validation_accuracy"), VALUES),
)


@settings(max_examples=100)
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


@settings(max_examples=100)
@given(changes=st.dictionaries(st.sampled_from(list(CONFIG)), VALUES, min_size=1))
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
    ],
)
def test_documents_that_do_not_fit_each_other_are_told_of(tmp_path: Path, name: str, content: dict[str, Any]) -> None:
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    (tmp_path / name).write_text(json.dumps({"schema": 2, **content}))
    with pytest.raises(RunError, match="do not fit") as caught:
        write_report(tmp_path)
    assert not (tmp_path / "report.html").exists()
    assert "\n" not in str(caught.value)


# The figures of the test set

SHARE = {"accuracy": 0.5, "same": 0.5}
EVALUATION: dict[str, Any] = {
    "schema": 2,
    "count": 4,
    "accuracy": 0.5,
    "interval": [0.2, 0.8],
    "top5": None,
    "log_loss": 0.7,
    "per_class": [{"class_name": "cat", "precision": 0.5, "recall": 0.5, "f1": 0.5, "count": 2}] * 2,
    "confusion": [[1, 1], [1, 1]],
    "mistakes": [{"name": "a", "label": "cat", "prediction": "dog", "probability": 0.9, "image": None}],
    "created": "2026-01-02",
    "judged": "All 4 images.",
    "notes": ["A note."],
    "uneven": True,
    "macro_recall": 0.5,
    "macro_f1": 0.5,
    "ece": 0.1,
    "reliability": [{"count": 4, "confidence": 0.6, "accuracy": 0.5}],
    "selective": {"unsure_below": 0.6, "asked": 0.05, "promised": True, "coverage": 0.5, "risk": 0.1, "curve": []},
    "point": {
        "class_name": "dog",
        "figure": "recall",
        "asked": 0.9,
        "confidence": 0.99,
        "threshold": 0.1,
        "held": True,
        "count": 2,
        "others": 2,
        "found": 2,
        "false": 1,
        "recall": 1.0,
        "precision": 0.6,
        "false_alarms": 0.5,
        "interval": [0.3, 1.0],
        "average_precision": 0.9,
        "auroc": 0.8,
        "curve": [{"recall": 1.0, "precision": 0.5, "false_alarms": 1.0}],
    },
    "corruptions": {
        "kinds": [{"name": "fog", "accuracies": [0.5] * 5, "accuracy": 0.5}],
        "mean_accuracy": 0.5,
        "worst": {"name": "fog", "accuracy": 0.5},
    },
    "consistency": {"shift": SHARE, "flip": SHARE, "brightness": SHARE, "all": 0.5},
}
UNREAD = {  # what nothing is computed from
    "data": "digits",
    "set": "test",
    "model": "0" * 64,
    "precision": "float32",
    "seconds": 1.0,
    "judged": "Judged all 4 images.",
    "fingerprint": "0" * 64,
    "skipped": [],
    "file": "evaluation.json",
}
EVALUATION["selective"]["curve"] = [{"coverage": 0.5, "risk": 0.0}, {"coverage": 1.0, "risk": 0.5}]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where `value` has something, however deep."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, one in inner for place in places(one, (*path, key)))]


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """`value` with `new` at `path`."""
    if not path:
        return new
    copy = value.copy()
    copy[path[0]] = replaced(value[path[0]], path[1:], new)
    return copy


def without(value: dict[str, Any], path: tuple[Any, ...]) -> dict[str, Any]:
    """`value` without the field at `path`, where there is one."""
    if not path or not isinstance(path[-1], str):
        return value
    inner: Any = value
    for key in path[:-1]:
        inner = inner[key]
    changed: dict[str, Any] = replaced(value, path[:-1], {key: one for key, one in inner.items() if key != path[-1]})
    return changed


@settings(max_examples=400)
@given(place=st.sampled_from(places(EVALUATION)[1:]), new=VALUES, gone=st.booleans())
def test_figures_are_refused_or_can_be_told(
    place: tuple[Any, ...], new: Any, gone: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "evaluation.json"
    path.write_text(json.dumps(without(EVALUATION, place) if gone else replaced(EVALUATION, place, new)))
    try:
        evaluation = read_evaluation(path)
        assert evaluation is not None
        result = _result(path, {**UNREAD, **evaluation})
    except RunError as error:
        assert "\n" not in str(error)  # noqa: PT017  (either outcome is right)
        return
    _print_figures(path.parent, result)
    if len(evaluation["confusion"]) == 2:
        EscapedJSON(evaluated_figures(evaluation, ["cat", "dog"], "image"))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("mistakes", [1]),
        ("selective", {}),
        ("confusion", 5),
        ("confusion", [[1, 2], [3]]),
        ("per_class", [1]),
        ("accuracy", float("nan")),
    ],
)
def test_damaged_figures_are_one_sentence_that_names_the_field(tmp_path: Path, field: str, value: Any) -> None:
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    (tmp_path / "evaluation.json").write_text(json.dumps({**EVALUATION, field: value}))
    with pytest.raises(RunError, match=rf"damaged \(its '{field}' .*; delete it and evaluate again\.$"):
        read_run(tmp_path)


def test_whole_figures_are_read_also_without_those_that_are_asked_for_apart(tmp_path: Path) -> None:
    path = tmp_path / "evaluation.json"
    assert read_evaluation(path) is None
    for document in (EVALUATION, {name: EVALUATION[name] for name in list(EVALUATION)[:-2]}):
        path.write_text(json.dumps(document))
        assert read_evaluation(path) == document


# The plan of an earlier run


@pytest.mark.parametrize(
    "schedule", [7, None, [], [7], [[0]], [[0, "9"]], [[0, 0], [3, 9]], [[3, 9]], {"0": 9}, [[0, 9], "ab"]]
)
def test_a_log_whose_plan_makes_no_sense_tells_none(tmp_path: Path, schedule: Any) -> None:
    log = EventLog(tmp_path / "events.jsonl")
    log.append("start", settings={})
    log.append("end", schedule=schedule)
    with pytest.raises(UsageError, match="holds no plan"):
        logged_plan(log.path)


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
        ("images", npy(np.zeros((2, 4, 4, 2), np.uint8))),
        ("images", npy(["a", "b"])),
    ],
)
def test_followed_images_that_make_no_sense_are_refused(run: Run, name: str, content: bytes) -> None:
    rewrite(run.watch_folder / "images.npz", **{name: content})
    with pytest.raises(RunError, match=r"images\.npz.*damaged"):
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
    with pytest.raises(RunError, match="declares more"):
        read_snapshot(run, 1)
