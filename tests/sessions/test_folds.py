"""A person relies on: with folds each image is judged by a network that never saw it, and all figures say so."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import beholder
from beholder.answering.classifier import Classifier
from beholder.artifact.store import open_artifact
from beholder.artifact.validation_probabilities import open_probabilities
from beholder.cli import _run
from beholder.data.dataset import Dataset
from beholder.errors import DataError, RunError, UsageError
from beholder.evaluation.metrics import wilson_interval
from beholder.runs.events import Event, read_events
from beholder.runs.run_folder import Run
from beholder.runs.sets import read_sets
from beholder.server.served import open_served
from beholder.server.tabs.judge import judgement

pytestmark = pytest.mark.usefixtures("framework")

CLASSES = ("fine", "defective")
FOLDS: dict[str, Any] = {"model": "linear", "epochs": 6, "folds": 3}


def blurred(count: int, seed: int = 1, *, told: bool = True, groups: bool = False) -> Dataset:
    """Bright and dark images whose noise makes some hard to tell; where nothing is `told`, labels are by lot."""
    random = np.random.default_rng(seed)
    labels = random.permutation(np.arange(count) % 2).astype(np.int64)
    grey = 110 + 30 * labels * told + random.normal(0, 12, count)
    pixels = grey[:, None, None, None] + random.normal(0, 20, (count, 8, 8, 1))
    names = [f"{seed}-{row}.png" for row in range(count)]
    own = [f"patient {row // 4}" for row in range(count)] if groups else None
    return Dataset(pixels.clip(0, 255).astype(np.uint8), labels, CLASSES, names, own)


@pytest.fixture(scope="session")
def run(shared: Callable[[str, Callable[[Path], object]], Path]) -> Path:
    """A RUN of three folds on 200 images, which finds 80 % of what is defective by its estimate."""
    return shared(
        "folds", lambda path: beholder.train(blurred(200), out=path, target_recall={"defective": 0.8}, **FOLDS)
    )


def ended(run: Path) -> Event:
    return next(event for event in reversed(read_events(run / "events.jsonl")) if event["event"] == "end")


def test_every_image_is_judged_once_and_the_figures_are_those_of_the_answers(run: Path) -> None:
    kept, manifest = open_probabilities(run, 2), open_artifact(run).manifest
    assert kept is not None
    assert list(kept.networks) == ["float32"]
    assert len(kept.rows) == 200
    told = manifest.validation
    right = kept.networks["float32"].probabilities.argmax(axis=1) == kept.labels
    assert (told["count"], told["folds"], told["accuracy"]) == (200, 3, right.mean())
    assert told["interval"] == pytest.approx(wilson_interval(int(right.sum()), 200))
    assert min(told["fold_accuracies"]) <= right.mean() <= max(told["fold_accuracies"])
    folds = ended(run)["folds"]
    assert {name: folds[name] for name in ("folds", "judged", "count", "accuracy", "interval")} == {
        "folds": 3,
        "judged": 3,
        **{name: told[name] for name in ("count", "accuracy", "interval")},
    }
    assert ended(run)["validation_accuracy"] == told["accuracy"]


def test_no_network_saw_what_it_is_judged_by(tmp_path: Path) -> None:
    """Labels by lot can be learned by heart, and by no other way: out of fold they are guessed."""
    random = blurred(96, seed=5, told=False)
    how = {**FOLDS, "epochs": 150, "learning_rate": 0.05, "augment": False}
    trained = beholder.train(random, out=tmp_path / "run", **how)
    own = Classifier.load(tmp_path / "run").predict_proba(list(random.images)).argmax(axis=1)
    assert (own == random.labels).mean() > 0.9, "the network that is kept learned from all of them"
    assert trained.folds is not None
    low, high = trained.folds["interval"]
    assert low < 0.5 < high


def test_the_network_that_is_kept_learned_from_all_images_as_one_would_alone(run: Path) -> None:
    epochs = [event for event in read_events(run / "events.jsonl") if event["event"] == "epoch"]
    assert [event["epoch"] for event in epochs] == [1, 2, 3, 4, 5, 6]
    assert not any("validation_accuracy" in event for event in epochs)
    sets = read_sets(run)
    assert (len(sets.train), len(sets.validation)) == (200, 0)
    assert sets.test is not None
    assert len(sets.test) == 0
    assert not (run / "watch").exists()


def test_the_report_and_the_card_say_whose_figures_they_are(run: Path, capfd: pytest.CaptureFixture[str]) -> None:
    report = (run / "report.html").read_text()
    told = open_artifact(run).manifest.validation
    assert f"Out-of-fold accuracy on 200 images; 95&nbsp;% interval {100 * told['interval'][0]:.1f}" in report
    assert "It is that of 3 networks, each judged on a share of the images that it never saw" in report
    assert "There is no test set: all images were learned from." in report
    assert "by an estimate from 3 folds, at least 80 % of its images are found" in report
    assert "validation set" not in report
    card = " ".join((run / "model" / "README.md").read_text().split())
    assert f"Out-of-fold accuracy {100 * told['accuracy']:.1f} %" in card
    assert "estimates" in card
    assert "validation" not in card
    assert _run(["train", "--resume", str(run), "--json"]) == 0
    document = json.loads(capfd.readouterr().out)
    assert document["folds"]["interval"] == told["interval"]
    assert document["point"]["folds"] == document["risk"]["folds"] == 3


def test_nothing_is_said_of_sets_that_there_are_not(
    run: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """By `threshold`, whose hint `evaluate` would refuse, and on the page."""
    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    assert not Run(copy).has_test_set
    assert _run(["threshold", str(copy)]) == 0
    said = capfd.readouterr().out
    assert "by an estimate from 3 folds" in said
    assert "evaluate" not in said
    for lost in (None, "validation.npz", "probabilities.npz"):
        if lost is not None:
            (copy / lost).unlink()
        served = open_served(copy)
        document = judgement(served)
        served.workers.close()
        notes = " ".join(document["notes"])
        assert "validation set" not in notes
        assert "still closed" not in notes
        assert "There is no test set: all images were learned from; `beholder evaluate run DATA` judges the" in notes
        assert ("This run keeps no answers to the images judged out of fold" in notes) is (lost is not None)
    with pytest.raises(RunError, match="keeps no probabilities of the images judged out of fold to choose"):
        beholder.threshold(copy, target_recall={"fine": 0.7})


def test_another_threshold_is_an_estimate_too(run: Path, tmp_path: Path) -> None:
    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    told = beholder.threshold(copy, target_recall={"fine": 0.7})
    assert told.float32["point"]["folds"] == 3
    with pytest.raises(UsageError, match=r"takes at least 459 images of the class, and there are 100"):
        beholder.threshold(copy, target_recall={"fine": 0.99})


def test_evaluate_says_that_there_is_no_test_set_and_judges_other_images(run: Path, tmp_path: Path) -> None:
    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    with pytest.raises(DataError, match=r"no test set, since it learned from all images of .* out-of-fold accuracy \d"):
        beholder.evaluate(copy)
    result = beholder.evaluate(copy, blurred(60, seed=9))
    assert (result.count, result.set) == (60, "all")
    assert result.point is not None
    assert result.point["folds"] == 3


def test_groups_stay_together_and_widen_the_interval(tmp_path: Path) -> None:
    trained = beholder.train(blurred(80, groups=True), out=tmp_path / "run", **FOLDS)
    assert trained.folds is not None
    assert (trained.folds["count"], trained.folds["groups"]) == (80, 20)
    assert any("No group lies in two folds: 20 groups" in note for note in _said(tmp_path / "run"))
    low, high = trained.folds["interval"]
    plain = wilson_interval(round(80 * trained.folds["accuracy"]), 80)
    assert high - low > plain[1] - plain[0]


def _said(run: Path) -> list[str]:
    notes: list[str] = json.loads((run / "data.json").read_bytes())["notes"]
    return notes


class KilledError(Exception):
    """What a kill at a moment looks like to a run."""


@pytest.mark.parametrize(("kind", "number"), [("fold_judged", 1), ("fold", 2), ("epoch", 4)])
def test_a_run_that_was_killed_goes_on_to_the_same_network(run: Path, tmp_path: Path, kind: str, number: int) -> None:
    """After a fold, within one, and in the last training."""

    def kill(event: Event) -> None:
        if event["event"] == kind and event.get("fold", event.get("epoch")) == number:
            raise KilledError

    killed = tmp_path / "run"
    with pytest.raises(KilledError):
        beholder.train(blurred(200), out=killed, target_recall={"defective": 0.8}, listener=kill, **FOLDS)
    heard: list[Event] = []
    beholder.resume(killed, listener=heard.append)
    judged = [event["fold"] for event in heard if event["event"] == "fold_judged"]
    assert judged == list(range(1 + (number if kind == "fold_judged" else 1 if kind == "fold" else 3), 4))
    for name in ("probabilities.npz", "checkpoint.npz"):
        with np.load(killed / name) as own, np.load(run / name) as whole:
            assert all(own[part].tobytes() == whole[part].tobytes() for part in whole.files if part != "model")


def test_ctrl_c_in_a_fold_keeps_a_run_to_go_on_with(
    run: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    def interrupt(event: Event) -> None:
        if event["event"] == "fold" and event["fold"] == 2:
            signal.raise_signal(signal.SIGINT)

    stopped = beholder.train(
        blurred(200), out=tmp_path / "run", target_recall={"defective": 0.8}, listener=interrupt, **FOLDS
    )
    assert (stopped.stopped, stopped.validation_accuracy, stopped.folds) == (True, None, {"folds": 3, "judged": 1})
    assert "Training is not finished" in (tmp_path / "run" / "report.html").read_text()
    assert "1 of 3 folds are judged" in stopped._repr_html_()
    assert _run(["train", "--resume", str(tmp_path / "run")]) == 0
    said = "".join(capfd.readouterr())
    assert "Out-of-fold accuracy" in said
    assert "Test it" not in said  # there is no test set
    assert ended(tmp_path / "run")["validation_accuracy"] == ended(run)["validation_accuracy"]


def test_a_damaged_answer_of_a_fold_is_trained_again(run: Path, tmp_path: Path) -> None:
    def kill(event: Event) -> None:
        if event["event"] == "fold_judged" and event["fold"] == 2:
            raise KilledError

    with pytest.raises(KilledError):
        beholder.train(blurred(200), out=tmp_path / "run", listener=kill, **FOLDS)
    answers = Run(tmp_path / "run").fold(1).answers_file
    answers.write_bytes(answers.read_bytes()[:-40])
    heard: list[Event] = []
    beholder.resume(tmp_path / "run", listener=heard.append)
    assert [event["fold"] for event in heard if event["event"] == "fold_judged"] == [1, 3]
    assert any("is damaged; its fold is trained again" in event.get("message", "") for event in heard)
    assert ended(tmp_path / "run")["validation_accuracy"] == ended(run)["validation_accuracy"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"early_stop": 3}, "nothing is left to stop early by"),
        ({"validation": (np.zeros((4, 8, 8, 1), np.uint8), np.arange(4) % 2)}, "leave `validation` or `folds` out"),
        ({"folds": 1}, "folds"),
        ({"folds": 60}, "fewer than the 60 folds"),
        ({"processes": 2}, "leave --folds or --processes out|handed to other processes|not installed"),
    ],
)
def test_what_cannot_be_beside_folds_is_refused_in_one_sentence(
    given: dict[str, Any], said: str, tmp_path: Path
) -> None:
    with pytest.raises((UsageError, DataError), match=said):
        beholder.train(blurred(100), out=tmp_path / "run", **{**FOLDS, **given})
    assert not (tmp_path / "run").exists()


def test_a_start_that_has_seen_the_images_is_refused_and_another_trains(run: Path, tmp_path: Path) -> None:
    how = {name: value for name, value in FOLDS.items() if name != "model"}
    with pytest.raises(UsageError, match="has seen 200 of these 200 images"):
        beholder.train(blurred(200), out=tmp_path / "seen", start_from=run, **how)
    trained = beholder.train(blurred(80, seed=7), out=tmp_path / "new", start_from=run, **how)
    assert trained.folds is not None
    assert not any("the figures are flattered" in note for note in _said(tmp_path / "new")), "it has seen none of them"


def test_a_given_test_set_stays_out_and_is_evaluated(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    from PIL import Image

    for set_name, count in (("train", 24), ("test", 8)):
        for row, (pixels, label) in enumerate(zip(*_arrays(blurred(count, seed=count)), strict=True)):
            folder = tmp_path / "data" / set_name / CLASSES[label]
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels[:, :, 0]).save(folder / f"{row}.png")
    trained = beholder.train(str(tmp_path / "data"), out=tmp_path / "run", cache=tmp_path / "cache", **FOLDS)
    assert trained.folds is not None
    assert trained.folds["count"] == 24
    assert any("of which each is judged in a fold" in note for note in trained.notes)
    assert "There is no test set" not in (tmp_path / "run" / "report.html").read_text()
    assert _run(["train", "--resume", str(tmp_path / "run")]) == 0
    assert f"Test it: beholder evaluate {tmp_path / 'run'}" in "".join(capfd.readouterr())
    judged = beholder.evaluate(tmp_path / "run")
    assert judged.count == 8
    assert not any("becomes the validation set" in note for note in judged.notes)
    report = (tmp_path / "run" / "report.html").read_text()
    assert "Test accuracy" in report
    assert "Out-of-fold accuracy" in report


def _arrays(dataset: Dataset) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    return np.asarray(dataset.images), dataset.labels


def test_a_small_set_says_how_to_know_more(tmp_path: Path) -> None:
    beholder.train(blurred(100), out=tmp_path / "run", model="linear", epochs=1)
    report = (tmp_path / "run" / "report.html").read_text()
    assert "10 images of the validation set say little" in report
    assert "beholder train DATA --folds 5" in report


def test_a_budget_is_shared_among_the_folds_and_the_last_training(tmp_path: Path) -> None:
    trained = beholder.train(blurred(120), model="linear", folds=3, budget=40, out=tmp_path / "run")
    forecast = json.loads((tmp_path / "run" / "config.json").read_bytes())["forecast"]
    assert forecast["budget_seconds"] == 40
    assert trained.folds is not None
    judged = [event for event in read_events(tmp_path / "run" / "events.jsonl") if event["event"] == "fold_judged"]
    assert [event["fold"] for event in judged] == [1, 2, 3]


def test_sounds_are_judged_and_counted_by_file(long_tones: Path, tmp_path: Path) -> None:
    """Of sixty sounds some are longer than a clip and become several windows, which one network judges together."""
    run = tmp_path / "run"
    trained = beholder.train(long_tones, out=run, seconds=0.5, target_recall={"low": 0.5}, **FOLDS)
    told, kept = open_artifact(run).manifest.validation, open_probabilities(run, 3)
    assert kept is not None
    assert (told["count"], len(kept.rows), told["kind"]) == (60, 60, "sound")
    right = kept.networks["float32"].probabilities.argmax(axis=1) == kept.labels
    assert told["accuracy"] == right.mean()
    judged = [event for event in read_events(run / "events.jsonl") if event["event"] == "fold_judged"]
    assert sum(event["images"] for event in judged) == 60
    # Means over windows before the temperature, told at once, and after it may differ in an answer.
    counts = [event["images"] for event in judged]
    assert np.average(told["fold_accuracies"], weights=counts) == pytest.approx(told["accuracy"])
    assert [event["accuracy"] for event in judged] == pytest.approx(told["fold_accuracies"], abs=0.06)
    assert trained.folds is not None
    assert trained.folds["count"] == 60
    card = " ".join((run / "model" / "README.md").read_text().split())
    assert "on 60 sounds. It is that of 3 networks, each judged on a share of the sounds that it never saw" in card
    assert "images" not in card
    assert "There is no test set: all sounds were learned from." in (run / "report.html").read_text()
    assert len(read_sets(run).train) == 60
    assert trained.risk is not None
    assert trained.point is not None
    assert {trained.risk["kind"], trained.point["kind"]} == {"sound"}
    assert {trained.risk["folds"], trained.point["folds"]} == {3}
