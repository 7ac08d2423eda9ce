"""Left and right arrows, saved in colour as most programs save them, are told apart with no option at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from beholder.artifact.manifest import read_manifest
from beholder.data.dataset import Dataset
from beholder.data.decoding import image_rules
from beholder.data.pool import pooled
from beholder.errors import UsageError
from beholder.training.mirror_choice import decide_mirroring
from beholder.training.settings import Settings, choose

pytestmark = pytest.mark.usefixtures("framework")


def arrows(count: int, side: int = 20, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Chevrons to the left (0) and to the right (1), anywhere on white paper: (count, side, side) uint8, and labels."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    images = np.full((count, side, side), 255, np.uint8)
    for image, label in zip(images, labels, strict=True):
        top, left = random.integers(1, side - 12, 2).tolist()
        size = int(random.integers(3, 6))
        for row in range(2 * size):
            column = int(min(row, 2 * size - 1 - row))
            column = column if label else size - column
            image[top + row, left + column : left + column + 3] = random.integers(0, 60)
    noisy = images + np.rint(random.normal(0, 6, images.shape)).clip(-30, 0)
    return noisy.clip(0, 255).astype(np.uint8), labels


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("arrows")
    for row, (image, label) in enumerate(zip(*arrows(240), strict=True)):
        path = folder / ("left", "right")[label] / f"{row:03}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(image).convert("RGB").save(path)
    return folder


@pytest.fixture(scope="module")
def heard() -> list[dict[str, Any]]:
    return []


@pytest.fixture(scope="module")
def run(folder: Path, heard: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory, framework: None) -> Path:
    from beholder.api.train import train

    work = tmp_path_factory.mktemp("work")
    options: dict[str, Any] = {"model": "fast", "widths": (8, 16, 32), "epochs": 10, "precision": "float32"}
    trained = train(folder, out=work / "run", cache=work / "cache", listener=heard.append, **options)
    assert (trained.validation_accuracy or 0.0) >= 0.95
    return trained.run


def test_arrows_are_grey_and_not_mirrored_and_both_is_said(run: Path, heard: list[dict[str, Any]]) -> None:
    manifest = read_manifest(run / "model" / "manifest.json")
    assert (manifest.views, image_rules(manifest.image).mode) == (("plain",), "L")
    notes = json.loads((run / "data.json").read_text(encoding="utf-8"))["notes"]
    assert "All 240 images are grey, so they have one channel; --colour rgb decides otherwise." in notes
    said = "Images are not mirrored: a mirrored 'left' looks like 'right'; --mirror decides otherwise."
    assert said in notes
    assert said in next(event for event in heard if event["event"] == "checks")["messages"]
    plan = next(event for event in heard if event["event"] == "start")["summary"]
    assert (plan["mirrored"], plan["image_shape"]) == (False, [20, 20, 1])


def test_the_decision_is_kept_for_whoever_goes_on_or_follows(run: Path) -> None:
    from beholder.sessions.logged_plan import logged_plan

    config = json.loads((run / "config.json").read_text(encoding="utf-8"))
    assert Settings.from_json(config["settings"]).recipe.mirror is False
    assert logged_plan(run / "events.jsonl")[0].recipe.mirror is False


def test_the_test_set_is_judged_as_grey_and_colour_images_are_made_grey(run: Path, tmp_path: Path) -> None:
    from beholder.api.evaluate import evaluate
    from beholder.api.predict import predict

    assert evaluate(run).accuracy >= 0.9
    red = Image.fromarray(np.stack([np.full((20, 20), 255, np.uint8), *2 * [arrows(2)[0][1]]], axis=2))
    red.save(tmp_path / "right.png")
    [answer] = predict(run, [tmp_path / "right.png"])
    assert answer.label == "right"


def test_other_data_are_decoded_as_the_run_saw_its_own(run: Path, tmp_path: Path) -> None:
    from beholder.api.evaluate import evaluate

    for row, (image, label) in enumerate(zip(*arrows(40, seed=9), strict=True)):
        path = tmp_path / "more" / "test" / ("left", "right")[label] / f"{row}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.stack([image // 2, image, image], axis=2)).save(path)
    assert evaluate(run, tmp_path / "more").accuracy >= 0.9


def test_a_person_decides_otherwise() -> None:
    images, labels = arrows(60)
    dataset = Dataset(images[..., None], labels, ("left", "right"), [str(row) for row in range(60)])
    for changes, mirrors in (({"mirror": True}, True), ({"mirror": False}, False), ({"augment": False}, False)):
        settings = choose("fast", seed=0, precision="float32", changes=changes)
        kept, mirroring = decide_mirroring(settings, dataset)
        assert (kept, mirroring, kept.mirrors(1)) == (settings, None, mirrors)
    told, mirroring = decide_mirroring(choose("fast", seed=0, precision="float32"), dataset)
    assert (told.recipe.mirror, told.said) == (False, ())
    assert mirroring is not None
    assert mirroring.pairs == (("left", "right"),)


def test_a_network_that_is_started_from_decides_about_colour(run: Path, folder: Path, tmp_path: Path) -> None:
    from beholder.api.train import train

    with pytest.raises(UsageError, match=r"takes grey images; leave --colour out"):
        train(folder, start_from=run, colour="rgb", out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_audit_does_not_advise_to_join_classes_that_mirror_each_other() -> None:
    from beholder.evaluation.labels import inseparable
    from beholder.evaluation.mirror_images import measure_mirroring

    images, labels = arrows(200)
    dataset = Dataset(images[..., None], labels, ("left", "right"), [str(row) for row in range(200)])
    pool = pooled({"train": dataset})
    blind = np.random.default_rng(0).uniform(0.4, 0.6, (200, 1)).astype(np.float32)
    probabilities = np.concatenate([blind, 1 - blind], axis=1)
    mirroring = measure_mirroring(dataset, seed=0)
    [finding] = inseparable(pool, probabilities, mirroring)
    assert finding.sentence.endswith(
        "each looks like the other one mirrored, so do not merge them: train with --no-mirror."
    )
    [unknown] = inseparable(pool, probabilities, None, mirrored=True)
    assert unknown.sentence.endswith(
        "the networks learned from mirrored images too, so if these classes mirror each other, train with "
        "--no-mirror; if not, merge them, or add some that show the difference."
    )
    [plain] = inseparable(pool, probabilities)
    assert plain.sentence.endswith("where guessing gets 50 %; merge them, or add some that show the difference.")
