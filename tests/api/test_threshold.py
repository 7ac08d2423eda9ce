"""A person relies on: a promise of one class is kept in the model, obeyed by every answer, and told with its price."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import beholder
from beholder.answering.classifier import Classifier
from beholder.api.train import train
from beholder.artifact.neighbours import open_neighbours
from beholder.artifact.store import open_artifact
from beholder.artifact.validation_answers import open_validation
from beholder.artifact.validation_probabilities import (
    NetworkAnswers,
    open_probabilities,
    write_probabilities,
)
from beholder.cli import _run
from beholder.data.dataset import Dataset
from beholder.data.opening import open_source
from beholder.data.split import Split
from beholder.errors import ArtifactError, RunError, StorageError, UsageError

CLASSES = ("fine=good", "defective")  # a name may hold what stands between a class and its share


@pytest.fixture
def run(digits_run: Path, tmp_path: Path) -> Path:
    """A copy of the digits RUN, with 18 validation images of most classes."""
    copy = tmp_path / "run"
    shutil.copytree(digits_run, copy)
    (copy / "evaluation.json").unlink(missing_ok=True)
    return copy


def blurred(count: int) -> Dataset:
    """Bright and dark images whose noise makes some of them hard to tell."""
    random = np.random.default_rng(1)
    labels = (np.arange(count) % 4 == 0).astype(np.int64)
    grey = 110 + 30 * labels + random.normal(0, 12, count)
    pixels = grey[:, None, None, None] + random.normal(0, 20, (count, 8, 8, 1))
    return Dataset(pixels.clip(0, 255).astype(np.uint8), labels, CLASSES, [f"{row}.png" for row in range(count)])


@pytest.fixture(scope="session")
def blurred_run(shared: Callable[[str, Callable[[Path], object]], Path]) -> Path:
    """A RUN that promises to find 80 % of what is defective: 50 of its 200 validation images are."""
    return shared(
        "blurred",
        lambda path: train(
            blurred(2000), out=path, model="linear", epochs=2, target_recall={"defective": 0.8}, neighbours=False
        ),
    )


@pytest.mark.usefixtures("framework")
def test_train_promises_what_was_asked_of_both_networks_and_answers_keep_to_it(blurred_run: Path) -> None:
    config = json.loads((blurred_run / "config.json").read_bytes())
    assert config["target_recall"] == {"defective": 0.8}
    classifier = Classifier.load(blurred_run, exact=True)
    facts, point = classifier.artifact.manifest.point, classifier.artifact.point
    assert facts is not None
    assert point is not None
    assert (facts["class_name"], facts["figure"], facts["asked"], facts["promised"]) == (
        "defective",
        "recall",
        0.8,
        True,
    )
    kept = open_probabilities(blurred_run, 2)
    assert kept is not None
    own = kept.networks["float32"].probabilities[:, 1]
    assert facts["count"] == int((kept.labels == 1).sum()) == 50
    assert facts["found"] == int((own[kept.labels == 1] >= np.float32(point.threshold)).sum())
    assert facts["recall"] > 0.8, "50 images promise 80 % only where more of them are found"
    images = blurred(2000).images[:200]
    probabilities = classifier.artifact.graph(images).probabilities[:, 1]
    for answer, probability in zip(classifier.predict(list(images)), probabilities, strict=True):
        assert (answer.label == "defective") == bool(probability >= np.float32(point.threshold))
        assert answer.unsure in ((False,) if answer.label == "defective" else (True, False, None))
    report = (blurred_run / "report.html").read_text()
    assert "at least 80 % of its images are found" in report
    assert "at least 80 % of its images are found" in (blurred_run / "model" / "README.md").read_text().replace(
        "\n", " "
    )


@pytest.mark.usefixtures("framework")
def test_evaluate_says_whether_it_held_and_draws_the_curves(
    blurred_run: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    shutil.copytree(blurred_run, run)
    result = beholder.evaluate(run, blurred(2000))
    point = result.point
    assert point is not None
    of_class, called = result.per_class[1], sum(row[1] for row in result.confusion)
    assert point["recall"] == pytest.approx(of_class.recall)
    assert point["precision"] == pytest.approx(of_class.precision)
    assert point["found"] + point["false"] == called
    low, high = point["interval"]
    assert low < point["recall"] < high
    assert point["held"] is (point["recall"] >= 0.8)
    assert result.selective["other_than"] == "defective"
    recalls = [one["recall"] for one in point["curve"]]
    assert recalls == sorted(recalls)
    assert (recalls[-1], point["curve"][-1]["false_alarms"]) == (1.0, 1.0)
    assert 2 < len(recalls) <= 100
    assert 0.5 < point["auroc"] <= 1
    kept = json.loads((run / "evaluation.json").read_bytes())["point"]
    assert kept == point
    report = (run / "report.html").read_text()
    assert "80 % recall of &#39;defective&#39; was promised" in report
    assert "Precision against recall of &#39;defective&#39;" in report
    assert "found at" in report
    assert _run(["threshold", str(run), "--json"]) == 0
    document = json.loads(capfd.readouterr().out)
    assert document["float32"]["point"]["class_name"] == "defective"


def test_a_threshold_is_set_afterwards_and_taken_back_without_training(run: Path) -> None:
    before = open_artifact(run)
    neighbours, validation = open_neighbours(run), open_validation(run)
    assert neighbours is not None
    assert validation is not None
    told = beholder.threshold(run, target_recall={"3": 0.7})
    after = open_artifact(run)  # its checksums fit
    assert after.checksum == told.model != before.checksum
    assert after.manifest.point == told.float32["point"]
    if after.manifest.int8 is not None:
        assert told.int8 == {name: after.manifest.int8[name] for name in ("unsure_below", "risk", "point")}
        int8 = open_artifact(run, int8=True)
        assert int8.precision == "float32" or int8.point == after.manifest.operating_point("int8")
    assert after.manifest.risk is not None
    assert after.manifest.risk["other_than"] == "3"
    assert json.loads((run / "config.json").read_bytes())["target_recall"] == {"3": 0.7}
    assert open_neighbours(run) is not None, "the networks are the same"
    assert open_validation(run) is not None
    assert "at least 70 % of its images are found" in (run / "report.html").read_text()
    beholder.threshold(run, target_precision={"8": 0.7})
    config = json.loads((run / "config.json").read_bytes())
    assert (config["target_recall"], config["target_precision"]) == (None, {"8": 0.7})
    removed = beholder.threshold(run, remove=True)
    assert removed.float32["point"] is None
    assert open_artifact(run).manifest == before.manifest
    assert beholder.threshold(run).to_dict() == removed.to_dict()


def test_what_a_person_wrote_in_the_model_card_outlasts_another_threshold(run: Path) -> None:
    card = run / "model" / "README.md"
    beholder.threshold(run, target_recall={"3": 0.7})
    assert "at least 70 % of its images are found" in " ".join(card.read_text().split())
    card.write_text(card.read_text() + "Ask Ada before you rely on it.\n")
    beholder.threshold(run, remove=True)
    assert card.read_text().endswith("Ask Ada before you rely on it.\n")


def test_a_refusal_leaves_the_model_as_it_is(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = open_artifact(run).checksum
    for asked, words in (
        ({"target_recall": {"3": 0.95}}, "at least 90 validation images of the class, and there are 18"),
        ({"target_recall": {"cat": 0.5}}, "no class 'cat'; the classes are 0, 1, 2"),
        ({"target_recall": {"3": 0.5}, "target_precision": {"3": 0.5}}, "not both"),
        ({"target_recall": {"3": 0.5}, "remove": True}, "leave one of the two out"),
        ({"target_recall": {"3": 95}}, "Expected one class name with a share between 0 and 1"),
        ({"target_recall": {"3": 0.5, "4": 0.5}}, "Expected one class name"),
        ({"target_recall": {3: 0.5}}, "Expected one class name"),
        ({"target_precision": "3=50%"}, "Expected one class name"),
    ):
        with pytest.raises(UsageError, match=words):
            beholder.threshold(run, **asked)
    with pytest.raises(RunError, match="not a RUN folder"):
        beholder.threshold(run / "model", target_recall={"3": 0.5})

    def full(*_: object) -> None:
        raise StorageError("the disk is full")

    monkeypatch.setattr("beholder.artifact.new_promises.write_model_card", full)
    with pytest.raises(StorageError, match="full"):
        beholder.threshold(run, target_recall={"3": 0.5})
    assert open_artifact(run).checksum == before
    assert json.loads((run / "config.json").read_bytes())["target_recall"] is None
    assert not [path for path in run.iterdir() if path.name.startswith(".model-")]
    (run / "probabilities.npz").unlink()
    with pytest.raises(RunError, match="keeps no probabilities"):
        beholder.threshold(run, target_recall={"3": 0.5})


def test_train_refuses_before_it_trains(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    command = ["train", "digits", "--model", "linear", "--epochs", "1", "--out", str(tmp_path / "run")]
    for given, words in (
        (["--target-recall", "3=95%"], "at least 90 validation images of the class, and there are 18"),
        (["--target-recall", "cat=0.5"], "no class 'cat'"),
        (["--target-recall", "3=70%", "--target-precision", "3=70%"], "not both"),
        (["--target-recall", "3=70%", "--target-recall", "4=70%"], "one target is kept at a time"),
        (["--target-recall", "95%"], "names no class and share"),
        (["--target-recall", "3=95"], "is not a share between 0 and 1"),
    ):
        assert _run([*command, *given]) == 2
        assert words in " ".join(capfd.readouterr().err.split())
        assert not (tmp_path / "run").exists()


def test_what_is_kept_of_the_validation_set_is_what_the_networks_say(digits_run: Path) -> None:
    validation = Split(open_source("digits"), seed=0).validation()
    kept, answers = open_probabilities(digits_run, 10), open_validation(digits_run)
    assert kept is not None
    assert answers is not None
    assert np.array_equal(kept.labels, validation.labels)
    every = np.arange(len(validation))
    assert np.array_equal(kept.rows, every)
    assert np.array_equal(kept.networks["float32"].probabilities[every, validation.labels], answers.label_probabilities)
    for precision, one in kept.networks.items():
        artifact = open_artifact(digits_run, int8=precision == "int8")
        if artifact.precision == precision:
            seen = artifact.graph(validation.images[:])
            assert seen.probabilities == pytest.approx(one.probabilities, abs=1e-5)
            if artifact.familiarity is not None:
                assert np.array_equal(artifact.familiarity.unlike(seen.features), one.unlike)


def test_of_too_many_probabilities_a_stratified_choice_is_kept(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("beholder.artifact.validation_probabilities._MOST", 200)
    labels = np.repeat(np.arange(4), [400, 300, 200, 100])
    probabilities = np.random.default_rng(0).dirichlet(np.ones(4), 1000).astype(np.float32)
    write_probabilities(run, labels, None, {"float32": NetworkAnswers(probabilities, np.zeros(1000, np.bool_))})
    kept = open_probabilities(run, 4)
    assert kept is not None
    assert np.bincount(kept.labels).tolist() == pytest.approx([20, 15, 10, 5], abs=1)
    assert np.array_equal(kept.networks["float32"].probabilities, probabilities[kept.rows])
    assert list(kept.networks) == ["float32"]


def test_damaged_probabilities_are_one_sentence(run: Path) -> None:
    path = run / "probabilities.npz"
    whole = path.read_bytes()
    with np.load(path) as stored:
        arrays = dict(stored)
    # A processor without fast 8-bit products makes no int8 model.
    arrays |= {"int8": arrays["float32"], "int8_unlike": arrays["float32_unlike"]}
    for content in (b"", b"junk", whole[:-30]):
        path.write_bytes(content)
        with pytest.raises(ArtifactError, match=r"probabilities.npz' is damaged; .*\.$"):
            open_probabilities(run, 10)
    for name in ("rows", "labels", "float32", "float32_unlike", "int8", "int8_unlike"):
        for other in (arrays[name][:5], arrays[name].astype(np.float64), arrays[name][..., np.newaxis], np.int64(3)):
            np.savez(path, **{**arrays, name: other})
            with pytest.raises(ArtifactError, match="is damaged"):
                open_probabilities(run, 10)
    np.savez(path, **{**arrays, "labels": arrays["labels"] + 9})
    with pytest.raises(ArtifactError, match="is damaged"):
        open_probabilities(run, 10)
    path.write_bytes(whole)
    with pytest.raises(ArtifactError, match="is damaged"):
        open_probabilities(run, 9)
    (run / "model" / "SHA256SUMS").write_text("a newer model\n")
    with pytest.raises(ArtifactError, match="a different model"):
        open_probabilities(run, 10)


def test_a_manifest_whose_promise_makes_no_sense_is_refused(run: Path) -> None:
    beholder.threshold(run, target_recall={"3": 0.7})
    path = run / "model" / "manifest.json"
    document = json.loads(path.read_bytes())
    from beholder.artifact.manifest import read_manifest

    for name, value in (
        ("class_name", "cat"),
        ("figure", "f1"),
        ("threshold", None),
        ("count", "many"),
        ("recall", []),
    ):
        path.write_text(json.dumps({**document, "point": {**document["point"], name: value}}))
        with pytest.raises(ArtifactError, match="is damaged"):
            read_manifest(path)
    path.write_text(json.dumps({**document, "point": {**document["point"], "promised": False, "threshold": None}}))
    assert replace(read_manifest(path), int8=None).operating_point("float32") is None
