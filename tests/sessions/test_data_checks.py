"""What training says of its images before it begins: two sentences that are true, and kept with the run."""

from __future__ import annotations

import json
import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from beholder.api.resume import resume
from beholder.api.train import train
from beholder.data.dataset import Dataset
from beholder.data.source import Source
from beholder.data.split import Split
from beholder.runs.events import read_events
from beholder.sessions.data_checks import check_data


def images(count: int) -> Dataset:
    """Shapes of four pixels, and of every colour."""
    shapes = np.random.default_rng(0).integers(0, 256, (count, 8, 8, 3))
    big = np.kron(shapes, np.ones((1, 4, 4, 1), np.int64)).astype(np.uint8)
    return Dataset(big, np.arange(count) % 2, ("even", "odd"), [str(row) for row in range(count)])


def changed(rows: list[int], source: Dataset) -> Dataset:
    """`rows` once more, mirrored."""
    chosen = source.select(np.array(rows))
    return Dataset(chosen.images[:][:, :, ::-1].copy(), chosen.labels, chosen.class_names, [f"{row}m" for row in rows])


def joined(*datasets: Dataset) -> Dataset:
    first = datasets[0]
    return Dataset(
        np.concatenate([one.images for one in datasets]),
        np.concatenate([one.labels for one in datasets]),
        first.class_names,
        [name for one in datasets for name in one.names],
    )


def checked(source: Source, budget: float | None = None) -> dict[str, Any]:
    sets = Split(source)
    return check_data(sets, {"train": sets.train(), "validation": sets.validation()}, budget)


def unsplit(dataset: Dataset) -> Source:
    return Source("some data", dataset.class_names, {"train": lambda _: dataset, "test": lambda _: dataset})


def test_good_images() -> None:
    assert checked(unsplit(images(100)))["sentences"] == [
        "Checked 100 images: none is nearly of one colour, very dark, very light or blurred.",
        "No image is a copy of another.",
    ]


def test_faults_and_copies_are_counted() -> None:
    whole = images(100)
    inside = np.asarray(whole.images)
    inside[3] = 90
    inside[[4, 5]] //= 12
    inside[7] = inside[8]
    found = checked(unsplit(joined(whole, changed([20, 21, 22], whole))))
    assert found["sentences"] == [
        "Checked 103 images: 1 is nearly of one colour, 2 are very dark.",
        "Copies of each other: 2 equal and 6 nearly equal ones, kept in one set; `beholder audit` shows them.",
    ]
    assert found["counts"] == {
        "low_information": 1,
        "dark": 2,
        "light": 0,
        "blurred": 0,
        "exact_duplicate": 2,
        "near_duplicate": 6,
        "across_sets": 0,
    }


def test_a_fault_of_the_whole_set_comes_first_and_nothing_contradicts_it() -> None:
    whole = images(100)
    dark = Dataset(np.asarray(whole.images) // 19, whole.labels, whole.class_names, whole.names)
    assert checked(unsplit(dark))["sentences"] == [
        "All images are very dark: the brightest pixel of 100 images is 13 of 255; check how they were saved.",
        "Checked 100 images: none stands out from the others.",
        "No image is a copy of another.",
    ]


def test_copies_across_sets_that_the_data_came_with_are_told_unless_looking_takes_too_long() -> None:
    whole = images(100)
    validation = joined(changed([1, 2, 3], whole), whole.select(np.array([50])), changed([4], images(200)))
    training_set = whole.select(np.arange(90))
    readers = {"train": lambda _: training_set, "validation": lambda _: validation, "test": lambda _: whole}
    source = Source("given", whole.class_names, readers)
    found = checked(source)
    assert found["sentences"] == [
        "Checked 95 images: none is nearly of one colour, very dark, very light or blurred.",
        "5 validation images are copies of training images, which flatters the figures; `beholder audit` shows them.",
    ]
    hurried = checked(source, budget=0.1)
    assert hurried["counts"]["across_sets"] is None
    del readers["test"]  # which is split off from train; what validation has in common with that is told all the same
    assert checked(source)["counts"]["across_sets"] >= 3
    assert "near copies were not looked for" in str(hurried["sentences"])


def test_of_small_images_is_said_that_only_equal_ones_were_looked_for() -> None:
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (100, 15, 40, 3)).astype(np.uint8)
    small = Dataset(pixels, np.arange(100) % 2, ("even", "odd"), [str(row) for row in range(100)])
    found = checked(unsplit(small))
    assert found["sentences"][1] == "No image is equal to another; near copies are not looked for below 16 pixels."
    assert (found["counts"]["exact_duplicate"], found["counts"]["near_duplicate"]) == (0, None)
    twice = pixels.copy()
    twice[7] = twice[8]
    assert checked(unsplit(replace(small, images=twice)))["sentences"][1] == (
        "2 images are equal to another one, none across the sets; `beholder audit` shows them, and near copies are "
        "not looked for below 16 pixels."
    )
    given = Source("given", small.class_names, dict.fromkeys(("train", "validation", "test"), lambda _: small))
    assert checked(given)["sentences"][1].startswith("100 validation images are copies of training images")


@pytest.mark.usefixtures("framework")
def test_a_run_keeps_what_was_found_tells_it_once_and_resumes_on_the_same_split(tmp_path: Path) -> None:
    whole = joined(images(60), changed([20, 21, 22], images(60)))
    run = tmp_path / "run"

    def stop_early(event: dict[str, object]) -> None:
        if event["event"] == "epoch":
            os.kill(os.getpid(), signal.SIGINT)

    trained = train(whole, model="linear", epochs=3, out=run, listener=stop_early)
    kept = json.loads((run / "data.json").read_text())
    assert kept["checks"]["counts"]["near_duplicate"] == 6
    assert kept["notes"][-2:] == kept["checks"]["sentences"]
    assert trained.stopped
    assert not resume(run, data=whole).stopped
    told = [event for event in read_events(run / "events.jsonl") if event["event"] == "checks"]
    assert [event["messages"] for event in told] == [kept["checks"]["sentences"]]
