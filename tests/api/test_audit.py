"""An audit finds what was planted, needs no more than is installed, and writes nothing but its own folder."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from beholder.api.audit import audit
from beholder.cli import _run
from beholder.data.copies.pairs import QUICK, THOROUGH
from beholder.data.dataset import Dataset
from beholder.data.opening import open_source
from beholder.data.progress import Progress, TimeIsUpError, silent
from beholder.data.source import Source
from beholder.errors import RunError, StorageError, UsageError
from beholder.runs.audit_folder import is_audit_folder, open_audit_folder


def digits(count: int) -> Dataset:
    return open_source("digits").readers["all"](silent).select(np.arange(count))


@pytest.fixture
def without_cleanlab(monkeypatch: pytest.MonkeyPatch) -> None:
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "cleanlab" else find_spec(name))


@pytest.mark.slow
@pytest.mark.usefixtures("framework")
def test_planted_labels_and_a_stranger_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from beholder.training import folds

    monkeypatch.setattr(folds, "WIDEST", (16, 64, 128))  # for the sake of time, as fewer trainings are
    monkeypatch.setattr(folds, "plan_folds", partial(folds.plan_folds, folds=2))
    data = digits(600)
    random = np.random.default_rng(0)
    flipped, stranger = np.split(random.permutation(600)[:31], [30])
    labels, images = data.labels.copy(), np.array(data.images)
    labels[flipped] = (labels[flipped] + random.integers(1, 10, 30)) % 10
    images[stranger] = random.integers(256, size=images[stranger].shape)
    result = audit(replace(data, labels=labels, images=images), out=tmp_path / "audit", cache=tmp_path / "cache")
    planted = {data.names[row] for row in flipped.tolist()}
    found = [one for one in result.findings if one.kind == "wrong_label"]
    hits = [one for one in found if one.paths[0] in planted]
    assert len(hits) >= 0.7 * len(planted)
    assert len(hits) >= 0.6 * len(found)
    truth = dict(zip(data.names, data.labels.tolist(), strict=True))
    right = [one.suggestion == data.class_names[truth[one.paths[0]]] for one in hits]
    assert np.mean(right) > 0.8
    assert {one.sets for one in found} == {("all",)}
    assert all(len(one.neighbours) == 5 for one in found)
    outliers = [one.paths[0] for one in result.findings if one.kind == "outlier"]
    assert data.names[int(stranger[0])] in outliers
    small, judged, mirroring = result.notes
    assert judged.startswith("Labels were judged by quick networks, right about ")
    assert small == "Equal images were looked for; near copies are not looked for below 16 pixels."
    assert mirroring.startswith("Images are not mirrored: a mirrored ")


@pytest.mark.usefixtures("without_cleanlab")
def test_without_the_extra_all_else_is_found_and_said(tmp_path: Path) -> None:
    data = digits(100)
    images = np.array(data.images)
    images[40] = images[10]
    result = audit(replace(data, images=images), out=tmp_path / "audit")
    groups = [set(one.paths) for one in result.findings if one.kind == "exact_duplicate"]
    assert {data.names[10], data.names[40]} in groups
    assert {one.kind for one in result.findings} >= {"exact_duplicate", "few_images"}
    small, note = result.notes
    assert "near copies are not looked for below 16 pixels" in small
    assert "'cleanlab'" in note
    assert "pip install 'beholder[audit]'" in note
    with pytest.raises(RunError, match="holds an audit already"):
        audit(data, out=tmp_path / "audit")


@pytest.mark.usefixtures("framework")
def test_a_budget_that_is_too_short_costs_the_networks_alone(tmp_path: Path) -> None:
    result = audit(digits(100), out=tmp_path / "audit", budget=0.5, cache=tmp_path / "cache")
    assert {one.kind for one in result.findings} >= {"few_images"}
    assert "--budget" in result.notes[-1]
    with pytest.raises(UsageError, match="budget of more than 0"):
        audit(digits(100), out=tmp_path / "other", budget=0)


def test_too_few_images_for_a_network_are_no_error(tmp_path: Path) -> None:
    result = audit(digits(12), out=tmp_path / "audit")
    assert "12 images" in result.notes[-1]


@pytest.mark.usefixtures("without_cleanlab")
def test_a_folder_half_of_which_is_unreadable_is_told_and_left_as_it_is(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    for row in range(20):
        file = tmp_path / "data" / "train" / ("cat", "dog")[row % 2] / f"{row}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(256, size=(16, 16, 3)).astype(np.uint8)).save(file)
        if row % 4 == 0:
            file.write_bytes(b"no image")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "data").rglob("*")}
    result = audit(tmp_path / "data", out=tmp_path / "audit", cache=tmp_path / "cache")
    unreadable = {one.paths[0] for one in result.findings if one.kind == "unreadable"}
    assert unreadable == {f"train/cat/{row}.png" for row in range(0, 20, 4)}
    assert result.images == {"train": 15}
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "data").rglob("*")} == before


@pytest.mark.usefixtures("without_cleanlab")
def test_what_a_corrections_file_dropped_is_gone(tmp_path: Path) -> None:
    data = digits(100)
    images = np.array(data.images)
    images[40] = images[10]
    corrections = tmp_path / "corrections.csv"
    corrections.write_text(f"path,action,label\n{data.names[40]},drop,\n", encoding="utf-8")
    result = audit(replace(data, images=images), out=tmp_path / "audit", corrections=corrections)
    assert not [one for one in result.findings if data.names[40] in one.paths]
    assert result.images == {"all": 99}


def test_two_processes_never_write_one_audit(tmp_path: Path) -> None:
    """The lock is the system's: it ends with the process that holds it, however that ends."""
    out = tmp_path / "audit"
    out.mkdir()
    code = (
        f"import pathlib, time; from beholder.runs.presence import alone; held = alone(pathlib.Path({str(out)!r}), '')"
    )
    code += "; held.__enter__(); print('held', flush=True); time.sleep(60)"
    holder = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(RunError, match="audited by another process"):
            audit(digits(30), out=out, budget=1)
        holder.kill()
    assert audit(digits(30), out=out, budget=1).out == out


@pytest.mark.parametrize("check", ["near_duplicates", "count_findings"])
def test_a_fault_in_a_check_keeps_what_the_others_found_and_names_what_is_missing(
    check: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    planted, out = with_a_copy(), tmp_path / "audit"
    monkeypatch.setattr(f"beholder.api.checkup.{check}", lambda *_: 1 // 0)
    monkeypatch.setattr("beholder.api.audit.open_source", lambda *_, **__: planted)
    assert _run(["audit", "digits", "--out", str(out)]) == 1
    error = capfd.readouterr().err
    assert "ZeroDivisionError" in error
    assert f"What was found before that is kept in {str(out)!r}." in error
    _, document = open_audit_folder(out)
    assert document["counts"]["exact_duplicate"] == 1
    assert (out / "gallery.html").exists()
    note = document["notes"][-1]
    assert "a fault of Beholder's, ZeroDivisionError(" in note
    assert note.endswith(
        "nearly equal images, groups in several sets, wrong labels, classes that look the same, outliers."
    )
    assert ("small and uneven classes" in note) == (check == "count_findings")


def test_an_interrupted_audit_keeps_what_it_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        assert "exact_duplicate" in (tmp_path / "audit" / "findings.csv").read_text(), "written as a check ends"
        raise KeyboardInterrupt

    monkeypatch.setattr("beholder.api.checkup.Checkup._by_networks", interrupted)
    result = audit(with_a_copy(), out=tmp_path / "audit")
    assert {one.kind for one in result.findings} >= {"exact_duplicate", "few_images"}
    assert result.notes[-1] == (
        "Not looked for, since the audit was interrupted: wrong labels, classes that look the same, outliers."
    )
    assert is_audit_folder(tmp_path / "audit")


@pytest.mark.usefixtures("without_cleanlab")
def test_a_check_that_the_machine_refuses_costs_that_check_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise StorageError("Cannot write 'x': the disk is full; free some space.")

    monkeypatch.setattr("beholder.api.checkup.near_duplicates", refused)
    result = audit(with_a_copy(), out=tmp_path / "audit")
    assert "Nearly equal images were not looked for: Cannot write 'x'" in " ".join(result.notes)
    assert {one.kind for one in result.findings} >= {"exact_duplicate", "few_images"}


@pytest.mark.usefixtures("without_cleanlab")
def test_the_end_of_the_budget_costs_the_checks_that_are_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(*_: object) -> None:
        raise TimeIsUpError

    monkeypatch.setattr("beholder.api.checkup.image_faults", late)
    result = audit(with_a_copy(), out=tmp_path / "audit")
    assert {one.kind for one in result.findings} >= {"exact_duplicate", "few_images"}
    assert result.notes[-1] == (
        "Not looked for, since the budget was over: dark, light, blurred and empty images; give a longer --budget."
    )


def test_near_copies_get_a_quick_look_where_there_is_no_time_for_a_thorough_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = []

    def near(sets: object, progress: object, *, search: object = THOROUGH) -> list[object]:
        looks.append(search)
        if search is THOROUGH:
            raise TimeIsUpError
        return []

    monkeypatch.setattr("beholder.api.checkup.near_duplicates", near)
    result = audit(digits(15), out=tmp_path / "audit")
    assert looks == [THOROUGH, QUICK]
    assert "a quick look alone" in " ".join(result.notes)


def test_a_budget_that_ends_before_the_images_are_read_is_one_sentence(tmp_path: Path) -> None:
    def slow(progress: Progress) -> Dataset:
        time.sleep(0.02)
        progress("Decoding images", 1, 2)
        return digits(30)

    source = Source("slow", digits(1).class_names, {"all": slow})
    with pytest.raises(UsageError, match="ended before the images of 'slow' were read; give a longer --budget"):
        audit(source, out=tmp_path / "audit", budget=0.01)
    assert not (tmp_path / "audit").exists()


def with_a_copy() -> Source:
    data = digits(100)
    images = np.array(data.images)
    images[40] = images[10]
    data = replace(data, images=images)
    return Source("digits", data.class_names, {"all": lambda _: data})
