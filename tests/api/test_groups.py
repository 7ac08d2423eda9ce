"""A person relies on: a run keeps groups apart, says so everywhere, and its figures are for new groups."""

from __future__ import annotations

import importlib.util
import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sound_folders import write_wav
from tones import tone

from beholder.api.audit import audit
from beholder.api.evaluate import evaluate
from beholder.api.look import look
from beholder.api.resume import resume
from beholder.api.train import Trained, train
from beholder.cli import _run
from beholder.data.opening import open_source
from beholder.runs.sets import read_sets

PATTERN = r"/(s\d)-"
SPEAKERS = 6


def make(root: Path, speakers: range, takes: int = 4) -> None:
    """`<class>/<speaker>-<take>.png`: noise, brighter in one of the two classes."""
    random = np.random.default_rng(speakers.start)
    for label, bright in (("dim", 0), ("bright", 60)):
        (root / label).mkdir(parents=True)
        for speaker in speakers:
            for take in range(takes):
                pixels = random.integers(40, 160, (16, 16)) + bright
                Image.fromarray(pixels.astype(np.uint8)).save(root / label / f"s{speaker}-{take}.png")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "speakers"
    make(folder, range(SPEAKERS))
    return folder


@pytest.fixture(scope="module")
def trained(data: Path, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    out = tmp_path_factory.mktemp("runs") / "run"
    return train(data, model="linear", epochs=2, out=out, cache=cache, group_pattern=PATTERN, command="beholder train")


def test_a_run_keeps_groups_apart_and_says_by_which_rule(trained: Trained) -> None:
    sets = read_sets(trained.run)
    homes = [set(one.groups or ()) for one in sets.every]
    assert [len(one) for one in homes] == [4, 1, 1]
    assert len(set.union(*homes)) == SPEAKERS
    line = next(
        note for note in trained.notes if note.startswith("No group lies in two sets: of 6 groups by the pattern")
    )
    assert "4 in the training set (32 images), 1 in the validation set (8 images) and 1 in the test set (8" in line
    rule = {"by": "pattern", "rule": PATTERN}
    assert json.loads((trained.run / "data.json").read_bytes())["groups"] == rule
    manifest = json.loads((trained.run / "model" / "manifest.json").read_bytes())
    assert manifest["data"]["groups"] == rule
    assert manifest["validation"]["groups"] == manifest["risk"]["groups"] == 1
    assert f"grouped by the pattern {PATTERN!r}" in (trained.run / "model" / "README.md").read_text()
    report = (trained.run / "report.html").read_text()
    assert "No group lies in two sets: of 6 groups" in report
    assert "on 8 images of 1 group;" in report
    assert not manifest["risk"]["promised"]
    assert "validation groups, and there is 1" in report


def test_the_interval_is_for_new_groups(trained: Trained, data: Path, capfd: pytest.CaptureFixture[str]) -> None:
    result = evaluate(trained.run)
    assert (result.count, result.groups) == (8, 1)
    low, high = result.interval
    assert high - low > 0.7, "one group tells little of others, however many images it has"
    assert _run(["evaluate", str(trained.run)]) == 0
    assert "on 8 images of 1 group, log-loss" in capfd.readouterr().out


def test_groups_that_are_said_later_count_for_images_that_were_judged_before(
    data: Path, cache: Path, tmp_path: Path
) -> None:
    run = train(data, model="linear", epochs=1, out=tmp_path / "run", cache=cache).run
    alone = evaluate(run, consistency=True)
    assert alone.groups is None
    grouped = evaluate(run, group_pattern=PATTERN)
    assert grouped.groups is not None, "the images are the same, and their groups are new"
    assert grouped.fingerprint == alone.fingerprint
    assert np.diff(grouped.interval) > np.diff(alone.interval)
    assert grouped.consistency == alone.consistency, "what takes long and knows no groups is kept"
    assert json.loads((run / "evaluation.json").read_bytes())["groups"] == grouped.groups
    assert evaluate(run, group_pattern=PATTERN).created == grouped.created, "asked the same, the same is told again"
    assert evaluate(run, group_pattern=r"(.)\.png").group_fingerprint != grouped.group_fingerprint
    again = evaluate(run)  # by the run's own rule: there is none
    assert (again.groups, again.interval) == (None, alone.interval)


def test_corrected_groups_of_a_table_count(cache: Path, tmp_path: Path) -> None:
    make(tmp_path / "data", range(SPEAKERS))
    names = [file.relative_to(tmp_path / "data").as_posix() for file in sorted((tmp_path / "data").rglob("*.png"))]

    def write(speaker: str) -> None:
        rows = [f"{name},{name.partition('/')[0]},{'test' if 's5' in name else 'train'}," for name in names]
        groups = [speaker or name[-6:-4] for name in names]
        lines = [f"{row}{group}" for row, group in zip(rows, groups, strict=True)]
        (tmp_path / "data" / "labels.csv").write_text("\n".join(["path,label,split,speaker", *lines]))

    write("")
    table, out = tmp_path / "data" / "labels.csv", tmp_path / "run"
    run = train(table, model="linear", epochs=1, out=out, cache=cache, group_column="speaker").run
    before = evaluate(run).groups
    write("one")
    assert before != 1
    assert evaluate(run, table).groups == 1


@pytest.mark.parametrize("classes_too", [False, True], ids=["table", "table and class folders"])
def test_a_zip_that_moved_is_read_as_the_runs_own_was(cache: Path, tmp_path: Path, classes_too: bool) -> None:
    make(tmp_path / "data", range(SPEAKERS))
    images = {file: f"{file.parent.name}/{file.name}" for file in sorted((tmp_path / "data").rglob("*.png"))}
    names = {file: name if classes_too else name.replace("/", "-") for file, name in images.items()}
    lines = [f"{name},{name[:3]},{file.name[:2]}" for file, name in names.items()]
    old = tmp_path / "old" / "d.zip"
    old.parent.mkdir()
    with zipfile.ZipFile(old, "w") as archive:
        archive.writestr("d/labels.csv", "\n".join(["path,y,speaker", *lines]))
        for file, name in names.items():
            archive.write(file, f"d/{name}")
    out = tmp_path / "run"
    run = train(old, model="linear", epochs=1, out=out, cache=cache, label_column="y", group_column="speaker").run
    (run / "events.jsonl").unlink()
    shutil.rmtree(run / "model")  # as if it had been killed
    new = tmp_path / "new" / "d.zip"
    new.parent.mkdir()
    shutil.move(old, new)
    resume(run, data=new)
    assert evaluate(run).groups == 1
    moved = tmp_path / "moved.zip"
    shutil.move(new, moved)
    (run / "evaluation.json").unlink()
    assert evaluate(run, moved).groups == 1
    assert (run / "evaluation.json").exists(), "these are the run's own data"


def test_other_data_of_known_groups_are_told(trained: Trained, cache: Path, tmp_path: Path) -> None:
    make(tmp_path / "more", range(4, 8), takes=2)
    known = {group for one in read_sets(trained.run).every[:2] for group in one.groups or ()} & {"s4", "s5"}
    result = evaluate(trained.run, tmp_path / "more", cache=cache)
    assert result.groups == 4
    told = f"{4 * len(known)} of them are of groups that the run learned from or chose by"
    assert (told in result.judged) == bool(known)


def test_an_earlier_or_an_opened_source_keeps_its_pattern(data: Path, cache: Path, tmp_path: Path) -> None:
    source = open_source(data, cache=cache, group_pattern=PATTERN)
    run = train(source, model="linear", epochs=1, out=tmp_path / "run", cache=cache).run
    assert json.loads((run / "config.json").read_bytes())["group_pattern"] == PATTERN
    assert evaluate(run, source).groups == 1


def test_look_says_how_groups_were_divided(data: Path, cache: Path) -> None:
    source = open_source(data, cache=cache, group_pattern=PATTERN)
    look(source)
    assert any(note.startswith("No group lies in two sets") for note in source.told())


def test_an_audit_finds_groups_across_sets_and_proposes_a_pattern(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "cleanlab" else find_spec(name))
    make(tmp_path / "data" / "train", range(5))
    make(tmp_path / "data" / "test", range(4, 6))
    copied = tmp_path / "data" / "train" / "dim"
    (copied / "s1-9.png").write_bytes((copied / "s0-0.png").read_bytes())
    found = audit(tmp_path / "data", out=tmp_path / "proposed", cache=cache)
    proposal = next(
        note for note in found.notes if note.startswith("File names look like 6 groups, 1 of them in several")
    )
    pattern = proposal.partition("--group-pattern '")[2].partition("'")[0]
    found = audit(tmp_path / "data", out=tmp_path / "audit", cache=cache, group_pattern=pattern)
    (across,) = [one for one in found.findings if one.kind == "group_across_sets"]
    assert across.sentence == "Group 's4' has 16 images, 8 in the training set and 8 in the test set."
    assert set(across.sets) == {"train", "test"}
    assert any(note.startswith("1 set of copies has images of several groups") for note in found.notes)


def test_an_audit_of_sounds_calls_them_sounds_and_counts_files(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "data"
    for set_name, speakers in (("train", range(3)), ("test", range(2, 4))):
        for label, hertz in (("low", 300), ("high", 1500)):
            for speaker in speakers:
                seconds = 1.5 if speaker == 0 else 0.4  # several windows, one file
                for take in range(2):
                    made = tone(hertz + 97 * speaker + 31 * take, seconds, speaker)
                    write_wav(data / set_name / label / f"s{speaker}-{take}.wav", made)
    low = data / "train" / "low"
    (low / "s1-9.wav").write_bytes((low / "s0-0.wav").read_bytes())
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: object())  # all that judges labels seems to be there
    proposed = audit(data, out=tmp_path / "proposed", cache=cache, seconds=0.4)
    found = audit(data, out=tmp_path / "audit", cache=cache, seconds=0.4, group_pattern=PATTERN)
    sentences = [one.sentence for one in found.findings]
    notes = [*proposed.notes, *found.notes]
    assert "'low' has 7 sounds to learn from; bring 50 or more." in sentences
    assert "Group 's2' has 8 sounds, 4 in the training set and 4 in the test set." in sentences
    assert any("if sounds of one belong together, give --group-pattern" in note for note in proposed.notes)
    assert any("sounds of several groups (" in note for note in found.notes)
    assert any(
        "that takes at least 20 sounds of two classes; there are 13 sounds of 2 classes." in one for one in notes
    )
    assert not [one for one in (*sentences, *notes) if "image" in one.replace("images of time and pitch", "")]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--group-pattern", "s\\d"], "has no capture group"),
        (["--group-pattern", "(nobody)"], "finds no group in any of the 48 paths"),
        (["--group-column", "speaker"], "--group-column is for a table"),
    ],
)
def test_an_option_that_cannot_hold_is_refused(
    data: Path, tmp_path: Path, options: list[str], told: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert _run(["train", str(data), "--out", str(tmp_path / "run"), "--cache", str(tmp_path / "cache"), *options]) == 2
    error = capfd.readouterr().err
    assert told in error
    assert not (tmp_path / "run").exists()
