"""`train --from`: the earlier network's weights, its images, a new head, and a run that needs the earlier no more."""

from __future__ import annotations

import json
import shutil
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from beholder.api.evaluate import evaluate
from beholder.api.predict import predict
from beholder.api.resume import resume
from beholder.api.train import train
from beholder.cli import _run
from beholder.data.dataset import Dataset
from beholder.data.opening import open_source
from beholder.data.split import Split
from beholder.errors import ArtifactError, BeholderError, RunError, UsageError
from beholder.models import MODELS
from beholder.runs.events import read_events
from beholder.training.settings import Settings

pytestmark = pytest.mark.usefixtures("framework")


@pytest.fixture(scope="module")
def letters() -> Dataset:
    """Two digits and a class that is new, in colour and larger than the digits that the earlier run learned."""
    dataset = Split(open_source("digits"), seed=0).train()
    rows = np.flatnonzero(np.isin(dataset.labels, (3, 5, 7)))[:120]
    large = dataset.images[rows].repeat(2, axis=1).repeat(2, axis=2).repeat(3, axis=3)
    labels = np.searchsorted([3, 5, 7], dataset.labels[rows]).astype(np.int64)
    return Dataset(large, labels, ("5", "new", "3"), [str(row) for row in rows])


@pytest.fixture(scope="module")
def tuned(letters: Dataset, digits_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run that started from `digits_run`; tests must not write to it."""
    run = tmp_path_factory.mktemp("tuned") / "run"
    train(letters, start_from=digits_run, epochs=2, out=run)
    return run


def weights(run: Path) -> list[np.ndarray]:
    with np.load(run / "checkpoint.npz") as stored:
        return [stored[name] for name in stored.files if name.startswith("model_")]


def assert_equal(left: list[np.ndarray], right: list[np.ndarray]) -> None:
    for one, other in zip(left, right, strict=True):
        assert np.array_equal(one, other)


def test_all_weights_but_the_head_are_taken_over_and_of_that_the_classes_that_stay(digits_run: Path) -> None:
    import keras

    from beholder.models import build
    from beholder.training.initial import first_weights

    file = digits_run / "model" / "model.keras"
    earlier = keras.saving.load_model(file, compile=False)
    model = build("fast", (8, 8, 1), 3, **json.loads((digits_run / "config.json").read_bytes())["options"])
    drawn = model.get_layer("logits").get_weights()
    first_weights(model, file, tuple("0123456789"), ("5", "new", "3"))
    for layer in model.layers[:-1]:
        assert_equal(layer.get_weights(), earlier.get_layer(layer.name).get_weights())
    head, known = model.get_layer("logits").get_weights(), earlier.get_layer("logits").get_weights()
    assert_equal([dataset[..., [0, 2]] for dataset in head], [dataset[..., [5, 3]] for dataset in known])
    assert_equal([dataset[..., 1] for dataset in head], [dataset[..., 1] for dataset in drawn])


def test_the_artifact_has_the_earlier_runs_image_rules_and_says_where_it_comes_from(
    tuned: Path, digits_run: Path, letters: Dataset
) -> None:
    manifest, before = (json.loads((run / "model" / "manifest.json").read_bytes()) for run in (tuned, digits_run))
    assert manifest["image"] == before["image"] == {"rule": 2, "height": 8, "width": 8, "mode": "L", "fit": "crop"}
    assert manifest["class_names"] == ["5", "new", "3"]
    assert manifest["data"]["started_from"]["name"] == digits_run.name
    initial = json.loads((tuned / "config.json").read_bytes())["settings"]["initial"]
    assert initial["source"] == str(digits_run)
    assert initial["sha256"] == manifest["data"]["started_from"]["sha256"]
    assert initial["sha256"] in (tuned / "model" / "README.md").read_text(encoding="utf-8")
    assert evaluate(tuned, letters).file == "evaluation.json"


def test_a_stopped_run_goes_on_without_the_earlier_one(
    tuned: Path, digits_run: Path, letters: Dataset, tmp_path: Path
) -> None:
    earlier, run = tmp_path / "earlier", tmp_path / "run"
    shutil.copytree(digits_run, earlier)

    def interrupting(event: dict[str, Any]) -> None:
        if event["event"] == "step":
            signal.raise_signal(signal.SIGINT)

    assert train(letters, start_from=earlier, epochs=2, out=run, listener=interrupting).stopped
    shutil.rmtree(earlier)
    resume(run.rename(tmp_path / "moved"), data=letters)
    assert_equal(weights(tmp_path / "moved"), weights(tuned))


def test_a_plan_is_followed_from_the_same_weights(tuned: Path, letters: Dataset, tmp_path: Path) -> None:
    train(letters, plan=tuned / "events.jsonl", out=tmp_path / "again")
    assert_equal(weights(tmp_path / "again"), weights(tuned))
    (tmp_path / "events.jsonl").write_bytes((tuned / "events.jsonl").read_bytes())
    with pytest.raises(RunError, match=r"initial\.keras"):
        train(letters, plan=tmp_path / "events.jsonl", out=tmp_path / "alone")
    assert not (tmp_path / "alone").exists()


@pytest.mark.parametrize("optimizer", ["adam", "muon"])
def test_the_body_learns_at_its_own_rate(optimizer: Literal["adam", "muon"]) -> None:
    import keras

    from beholder.models import build
    from beholder.training.steps.optimizer import build_optimizer

    recipe = replace(MODELS["dense"], optimizer=optimizer, body_rate=0.25, weight_decay=0.1)
    moved = {}
    for fine_tuning in (False, True):
        keras.utils.set_random_seed(0)
        model = build("dense", (8, 8, 1), 3, neurons=4)
        built = build_optimizer(recipe, fine_tuning=fine_tuning)
        built.build(model.trainable_variables)
        before = [variable.numpy() for variable in model.trainable_variables]
        built.apply([np.ones(value.shape, np.float32) for value in before])
        after = [variable.numpy() for variable in model.trainable_variables]
        moved[fine_tuning] = [one - other for one, other in zip(after, before, strict=True)]
    shares = [0.25, 0.25, 1.0, 1.0]  # weights and biases of the body, then of the head
    for slowly, fast, share in zip(moved[True], moved[False], shares, strict=True):
        np.testing.assert_allclose(slowly, share * fast, rtol=1e-3, atol=1e-7)


def test_a_budget_plans_the_network_that_there_is(
    tuned: Path, letters: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from beholder.training.budget import allocation
    from beholder.training.budget.machine_speed import Calibration

    monkeypatch.setattr(allocation, "calibrate_chosen", lambda *_, **__: (Calibration(), 1e-4))
    settings = Settings.from_json(json.loads((tuned / "config.json").read_bytes())["settings"])
    small = replace(letters, images=letters.images[:][:, :8, :8, :1])
    planned, plan = allocation.allocate_budget(
        settings, small, tmp_path, automatic=False, judged=10, budget=10_000, started=time.monotonic()
    )
    assert plan["widths"] is None
    assert planned.options == settings.options
    assert planned.initial == settings.initial


def test_a_network_from_a_file_trains_answers_and_can_be_started_from_again(tmp_path: Path, letters: Dataset) -> None:
    import keras
    from keras import layers

    file, first, second = tmp_path / "own.keras", tmp_path / "first", tmp_path / "second"
    scaling = layers.Normalization()
    scaling.adapt(np.random.default_rng(0).random((9, 12, 12, 1)).astype(np.float32))
    body = keras.Sequential([layers.Conv2D(4, 3), layers.BatchNormalization(), layers.ReLU()])
    last = [layers.GlobalMaxPooling2D(), layers.Dropout(0.2), layers.Dense(9, "softmax")]
    keras.Sequential([keras.Input((12, 12, 1)), layers.RandomFlip(), scaling, body, *last]).save(file)
    train(letters, start_from=file, input_range=(0.0, 1.0), epochs=1, out=first)
    file.unlink()
    said = f"If the network of {str(file)!r}, or one before it, has seen these images, the figures are flattered."
    assert said in json.loads((first / "data.json").read_bytes())["notes"]
    manifest = json.loads((first / "model" / "manifest.json").read_bytes())
    assert manifest["image"] == {"rule": 2, "height": 12, "width": 12, "mode": "L", "fit": "crop"}
    assert [layer["name"] for layer in manifest["layers"]][-2:] == ["features", "logits"]
    image = np.random.default_rng(0).integers(256, size=(12, 12, 1)).astype(np.uint8)
    [answer] = predict(first, image, exact=True)
    logits = keras.saving.load_model(first / "model" / "model.keras")(image[None], training=False)
    probabilities = dict(zip(letters.class_names, np.asarray(keras.ops.softmax(logits))[0], strict=True))
    assert dict(answer.top) == pytest.approx(probabilities, abs=1e-4)
    train(letters, start_from=first, epochs=1, out=second)
    assert [row["name"] for row in json.loads((second / "model" / "manifest.json").read_bytes())["layers"]] == [
        layer["name"] for layer in manifest["layers"]
    ]
    events = [event["event"] for event in read_events(second / "events.jsonl")]
    assert events[-1] == "end"


def test_a_network_that_cannot_become_a_graph_is_told_in_one_sentence(
    tmp_path: Path, letters: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    import keras

    from beholder.training.export import write_artifact

    def refusing(*_: object) -> None:
        raise ValueError("no such operator\nanywhere")

    file = tmp_path / "own.keras"
    keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(2)]).save(file)
    monkeypatch.setattr(write_artifact, "write_network", refusing)
    with pytest.raises(ArtifactError, match=r"own\.keras.*ONNX.*no such operator anywhere") as told:
        train(letters, start_from=file, epochs=1, out=tmp_path / "run")
    assert "\n" not in str(told.value)


def refused(**arguments: Any) -> str:
    with pytest.raises(BeholderError) as told:
        train("digits", epochs=1, **arguments)
    assert "\n" not in str(told.value)
    return str(told.value)


def test_what_does_not_go_together_is_told_before_anything_is_made(
    digits_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "leave --model out" in refused(start_from=digits_run, model="fast")
    assert "leave --widths out" in refused(start_from=digits_run, widths=(16, 16, 16))
    assert "leave --input-range out" in refused(start_from=digits_run, input_range=(0.0, 1.0))
    assert "--from FILE.keras" in refused(input_range=(0.0, 1.0))
    assert "--from FILE.keras" in refused(model="pretrained")
    assert "'nowhere'" in refused(start_from="nowhere")
    (tmp_path / "empty").mkdir()
    assert "not a RUN folder" in refused(start_from="empty")
    (tmp_path / "text.keras").write_text("no network", encoding="utf-8")
    assert "text.keras" in refused(start_from="text.keras")
    with pytest.raises(UsageError, match="leave --from out"):
        train("digits", plan=digits_run / "events.jsonl", start_from=digits_run)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "text.keras"]


def test_the_command_line_takes_a_range_and_refuses_what_is_none(capfd: pytest.CaptureFixture[str]) -> None:
    for text in ("1,0", "0", "a,b"):
        assert _run(["train", "digits", "--from", "x.keras", "--input-range", text]) == 2
        assert "0,255 or 0,1 or -1,1" in capfd.readouterr().err


def test_a_network_from_a_file_is_given_time_to_be_packed_and_that_is_learned() -> None:
    from beholder.training.budget.machine_speed import Calibration
    from beholder.training.budget.packing import Packing

    known = Calibration(ceiling={"float32": 250.0}, packings={"": [1.0], "known": [0.5]})

    def seconds(kind: str | None, layers: int, *, converted: bool = False) -> float:
        return known.closing_seconds(100, Packing(100, kind, layers, converted), 10**6)

    ours = seconds(None, 100)
    assert ours < seconds("new", 10) < seconds("new", 100) < seconds("new", 100, converted=True)
    assert seconds("known", 100) - 0.8 == pytest.approx(0.55 * (seconds("new", 100) - 0.8))


def test_a_copy_that_changed_is_told_when_the_run_goes_on(tuned: Path, letters: Dataset, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(tuned, run)
    shutil.rmtree(run / "model")
    (run / "initial.keras").write_bytes(b"other")
    with pytest.raises(RunError, match=r"initial\.keras"):
        resume(run, data=letters)
