"""A person relies on: no figure or promise of a run rests on images that the network before it learned from."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tones import RATE

from beholder.api.evaluate import evaluate
from beholder.api.resume import resume
from beholder.api.train import train
from beholder.artifact.manifest import read_manifest
from beholder.data.dataset import Dataset
from beholder.data.opening import open_source
from beholder.data.sounds.rules import SoundRules
from beholder.data.split import Split
from beholder.errors import DataError, RunError, UsageError
from beholder.runs.earlier_images import EARLIER_FILE, EarlierImages, read_earlier, write_earlier
from beholder.runs.sets import KnownSets, read_sets
from beholder.sessions.start_images import check_whole, without_learned

HOW: dict[str, Any] = {"epochs": 1}
CLASSES = ("dark", "light")
RULES = SoundRules(RATE, 0.5)


def images(count: int, seed: int = 0, groups: list[str] | None = None) -> Dataset:
    """Noise, brighter in one of two classes."""
    labels = np.arange(count, dtype=np.int64) % 2
    pixels = np.random.default_rng(seed).integers(0, 120, (count, 8, 8, 1)) + 100 * labels[:, None, None, None]
    return Dataset(pixels.astype(np.uint8), labels, CLASSES, [str(row) for row in range(count)], groups)


@pytest.fixture(scope="module")
def first(shared: Callable[[str, Callable[[Path], object]], Path]) -> Path:
    """A run on 120 images; tests must not write to it."""
    return shared("first of a chain", lambda run: train(images(120), model="linear", seed=0, epochs=1, out=run))


def left_out(run: Path) -> list[str]:
    notes: list[str] = json.loads((run / "data.json").read_bytes())["notes"]
    return [note for note in notes if "left out" in note and "learned from" in note]


def validation_of(seed: int) -> Dataset:
    return Split(open_source(images(120)), seed=seed).validation()


def new_to(sets: KnownSets, dataset: Dataset) -> int:
    return sum(content not in sets.as_earlier().learned for content in dataset.contents)


def test_validation_images_that_the_earlier_network_learned_from_are_left_out_through_chains(
    first: Path, tmp_path: Path
) -> None:
    earlier, second, third = tmp_path / "first", tmp_path / "second", tmp_path / "third"
    shutil.copytree(first, earlier)

    def interrupting(event: dict[str, Any]) -> None:
        if event["event"] == "step":
            signal.raise_signal(signal.SIGINT)

    assert train(images(120), start_from=earlier, seed=1, out=second, epochs=2, listener=interrupting).stopped
    expected = new_to(read_sets(earlier), validation_of(1))
    shutil.rmtree(earlier)
    resume(second)
    assert 0 < expected < 12
    assert read_manifest(second / "model" / "manifest.json").validation["count"] == expected
    [note] = left_out(second)
    assert note.startswith(
        f"{12 - expected} of 12 validation images were left out, since the network of {str(earlier)!r}"
    )

    learned = read_sets(second).as_earlier().learned
    assert learned > frozenset(read_sets(first).train.hashes), "the second knows what the first learned from"
    given = images(30, seed=9)
    validation = Dataset(
        np.concatenate([np.asarray(validation_of(1).images), np.asarray(given.images)]),
        np.concatenate([validation_of(1).labels, given.labels]),
        CLASSES,
        [str(row) for row in range(42)],
    )
    train(images(20, seed=5), validation=validation, start_from=second, out=third, **HOW)
    assert read_manifest(third / "model" / "manifest.json").validation["count"] == 30 + expected


def test_evaluate_leaves_out_test_images_that_a_network_before_had_seen(first: Path, tmp_path: Path) -> None:
    run = train(images(120), start_from=first, seed=4, out=tmp_path / "run", **HOW).run
    seen = read_sets(first).seen
    test = read_sets(run).test
    assert test is not None
    expected = sum(value not in seen for value in test.hashes)
    assert 0 < expected < len(test)
    judged = evaluate(run)
    assert judged.count == expected
    assert f"Judged {expected} of {len(test)} images of the run's test set; {len(test) - expected} that belong" in (
        judged.judged
    )
    others = evaluate(run, images(120, seed=8))
    assert others.count == 120
    with pytest.raises(DataError, match="or to those of runs that it started from"):
        evaluate(run, images(120).select(np.arange(0, 40)[[value in seen for value in images(120).contents[:40]]]))


def test_the_same_data_and_seed_lose_nothing(first: Path, tmp_path: Path) -> None:
    run = train(images(120), start_from=first, out=tmp_path / "run", **HOW).run
    assert not left_out(run)
    assert read_manifest(run / "model" / "manifest.json").validation["count"] == 12
    assert evaluate(run).judged == "Judged all 12 images of the run's test set."


def test_a_network_that_learned_from_all_of_them_is_refused(tmp_path: Path) -> None:
    folds = train(images(60), model="linear", folds=2, out=tmp_path / "folds", **HOW).run
    with pytest.raises(UsageError, match="learned from all 6 validation images of 'arrays', so nothing could tell"):
        train(images(60), start_from=folds, out=tmp_path / "run", **HOW)
    assert not (tmp_path / "run").exists()


def test_folds_know_the_whole_chain(first: Path, tmp_path: Path) -> None:
    second = train(images(60, seed=4), start_from=first, out=tmp_path / "second", **HOW).run
    assert not any("flattered" in note for note in json.loads((second / "data.json").read_bytes())["notes"])
    with pytest.raises(UsageError, match="has seen 108 of these 120 images"):
        train(images(120), start_from=second, folds=2, out=tmp_path / "run", **HOW)


def test_images_that_are_fitted_otherwise_cannot_be_told_and_it_is_said(first: Path, tmp_path: Path) -> None:
    run = train(images(60, seed=4), start_from=first, fit="pad", out=tmp_path / "run", **HOW).run
    said = f"If the network of {str(first)!r}, or one before it, has seen these images, the figures are flattered."
    assert said in json.loads((run / "data.json").read_bytes())["notes"]
    assert evaluate(run).judged.endswith(said)


def test_a_group_that_it_learned_from_is_left_out_whole_and_a_name_alone_is_told() -> None:
    groups = [f"g{row // 4}" for row in range(16)]
    whole = images(16, groups=groups)
    sets = {"train": whole.select(np.arange(8)), "validation": whole.select(np.arange(8, 16))}
    earlier = EarlierImages(frozenset(whole.contents[8:9]), frozenset(), frozenset({"g2"}))
    left, told = without_learned(sets, earlier, "RUN", "photos")
    assert set(left["validation"].groups or ()) == {"g3"}
    assert told[0].startswith("4 of 8 validation images were left out, since the network of 'RUN' learned from them or")
    other = EarlierImages(frozenset(images(3, seed=6).contents), frozenset(), frozenset({"g2"}))
    left, told = without_learned(sets, other, "RUN", "photos")
    assert len(left["validation"]) == 8
    assert told == [
        "Of 8 images to judge by 4 are of groups with the names of some that the network of 'RUN' has seen; if they "
        "are the same, all figures and promises are flattered."
    ]
    assert check_whole(sets["validation"], other, "RUN") == told


def test_sounds_are_left_out_by_file() -> None:
    random, rows = np.random.default_rng(0), 6
    pixels = random.integers(0, 256, (rows, *RULES.shape), np.uint8)
    recordings = np.array([0, 0, 0, 1, 2, 2])
    names = [f"{number}.wav" for number in recordings]
    sounds = Dataset(pixels, recordings % 2, CLASSES, names, None, recordings, RULES)
    earlier = EarlierImages(frozenset(sounds.files.contents[:1]))
    left, told = without_learned({"train": sounds, "validation": sounds}, earlier, "RUN", "tones")
    assert left["validation"].names == ["1.wav", "2.wav", "2.wav"]
    assert told[0].startswith(
        "1 of 3 validation sounds was left out, since the network of 'RUN' learned from it, which"
    )


def test_what_was_seen_is_kept_whole_and_damage_is_told(tmp_path: Path) -> None:
    earlier = EarlierImages(
        frozenset(images(3).contents), frozenset(images(2, seed=1).contents), frozenset({"a"}), frozenset({"b"}), False
    )
    write_earlier(tmp_path, earlier)
    assert read_earlier(tmp_path) == earlier
    write_earlier(tmp_path, EarlierImages())
    assert read_earlier(tmp_path) == EarlierImages()
    (tmp_path / EARLIER_FILE).write_bytes(b"no archive")
    with pytest.raises(RunError, match=r"initial\.npz' is damaged"):
        read_earlier(tmp_path)
