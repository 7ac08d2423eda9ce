"""A person relies on: `train --model lite0` begins with the learned weights, resumes to the same bits, and answers."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.typing import NDArray

from beholder.api.explain import explain
from beholder.api.predict import predict
from beholder.api.train import train
from beholder.artifact.graph import Graph
from beholder.data.dataset import Dataset
from beholder.data.opening import open_source
from beholder.data.split import Split
from beholder.errors import UsageError
from beholder.models import MODELS
from beholder.models.weights import finding
from beholder.runs.events import EventLog, read_events
from beholder.runs.run_folder import Run, create_run
from beholder.sessions.logged_plan import logged_plan
from beholder.training.settings import Settings, choose

if TYPE_CHECKING:
    from beholder.training.fit import FitResult

pytestmark = pytest.mark.usefixtures("framework")


def refuse(*_: object) -> Any:
    raise UsageError("The weights were looked for.")


@pytest.fixture(scope="module")
def photos() -> Dataset:
    """Three classes of oblong images in colour: stripes of two directions, and none."""
    random = np.random.default_rng(0)
    labels = np.arange(60, dtype=np.int64) % 3
    stripes = 120 * (np.arange(40) // 4 % 2)
    seen = random.integers(40, 120, (60, 30, 40, 3))
    seen[labels == 0] += stripes[:, np.newaxis]
    seen[labels == 1] += stripes[:30, np.newaxis, np.newaxis]
    return Dataset(seen.astype(np.uint8), labels, ("upright", "lying", "none"), [f"{row}.png" for row in range(60)])


@pytest.fixture(scope="module")
def run(photos: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run; tests must not write to it."""
    run = tmp_path_factory.mktemp("lite0") / "run"
    train(photos, model="lite0", side=96, epochs=2, batch_size=16, out=run, cache=run.parent / "cache")
    return run


def config(run: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((run / "config.json").read_bytes())
    return document


def weights(run: Path) -> list[NDArray[Any]]:
    with np.load(run / "checkpoint.npz") as stored:
        return [stored[name] for name in stored.files if name.startswith("model_")]


def test_the_model_says_what_it_began_with_and_at_what_it_looks(run: Path) -> None:
    origin = json.loads((run / "model" / "manifest.json").read_bytes())["data"]["started_from"]
    assert "EfficientNet-Lite0" in origin["name"]
    assert "ImageNet" in origin["name"]
    assert "Apache-2.0" in origin["name"]
    assert origin["sha256"] in (run / "model" / "README.md").read_text(encoding="utf-8")
    start = next(event for event in read_events(run / "events.jsonl") if event["event"] == "start")
    assert start["summary"]["side"] == 96
    assert start["summary"]["precision"] == "float32"


def test_training_moves_the_filters_and_leaves_the_normalisation(run: Path) -> None:
    from beholder.models import build, learned_weights

    learned = build("lite0", (30, 40, 3), 3, side=96)
    learned_weights("lite0", learned)
    for variable, after in zip(learned.variables, weights(run), strict=True):
        before = np.asarray(variable.value)
        if "normalisation" in variable.path:
            np.testing.assert_array_equal(before, after)
        elif "logits" not in variable.path:
            assert not np.array_equal(before, after)
            np.testing.assert_allclose(before, after, atol=0.02)  # at a tenth of the head's rate


def test_the_first_answer_is_a_linear_classifier_on_the_features_and_no_worse_is_kept(run: Path) -> None:
    events = read_events(run / "events.jsonl")
    [first] = [event for event in events if event["event"] == "first_answer"]
    assert first["validation_accuracy"] > 0.6, "stripes are told from none by what ImageNet taught"
    end = events[-1]
    assert end["validation_accuracy"] >= first["validation_accuracy"]
    kinds = [event["event"] for event in events]
    assert kinds.index("features") < kinds.index("first_answer") < kinds.index("step")


def test_the_packed_model_answers_as_the_network(run: Path, photos: Dataset) -> None:
    import keras

    trained = keras.saving.load_model(run / "model" / "model.keras", compile=False)
    part = keras.Model(trained.input, trained.get_layer("features").output)
    expected, features = (
        np.asarray(part(photos.images[:6])),
        Graph(run / "model" / "model.onnx")(photos.images[:6]).features,
    )
    np.testing.assert_allclose(features, expected, rtol=0, atol=1e-5 * expected.max())
    assert len(predict(run, photos.images[:6])) == 6


def test_one_can_look_inside(run: Path, photos: Dataset, tmp_path: Path) -> None:
    from PIL import Image

    Image.fromarray(photos.images[0]).save(tmp_path / "image.png")
    explained = explain(run, tmp_path / "image.png", out=tmp_path / "explanation")
    assert (tmp_path / "explanation" / "index.html").exists()
    assert explained.label in photos.class_names


def fit(
    run: Run, settings: Settings, photos: Dataset, stop: Callable[[], bool] = lambda: False, **how: Any
) -> FitResult:
    from beholder.training.fit import Fit

    sets = Split(open_source(photos), seed=settings.seed)
    return Fit(sets.train(), sets.validation(), settings, run, EventLog(run.events_file), stop, **how).run_to_end()


def test_a_stopped_run_goes_on_without_the_weights_to_the_same_bits(
    run: Path, photos: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, stopped = Settings.from_json(config(run)["settings"]), create_run(tmp_path / "stopped")

    def told(event: str) -> bool:
        return any(one["event"] == event for one in read_events(stopped.events_file))

    fit(stopped, settings, photos, lambda: told("features"))  # before there is a first answer
    assert not stopped.has_checkpoint
    fit(stopped, settings, photos, lambda: told("step"))
    monkeypatch.setattr(finding, "distribution", refuse)
    fit(stopped, settings, photos)
    for one, other in zip(weights(stopped.path), weights(run), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_first_answer_for_which_alone_there_was_time_is_repeated_by_its_plan(
    run: Path, photos: Dataset, tmp_path: Path
) -> None:
    settings = Settings.from_json(config(run)["settings"])
    hurried = fit(create_run(tmp_path / "hurried"), settings, photos, until=time.monotonic() + 1, cache=tmp_path)
    assert (hurried.epochs, hurried.schedule, hurried.stopped) == (0, [(0, 0)], False)
    events = [{"event": "start", "settings": settings.to_json()}, {"event": "end", "schedule": hurried.schedule}]
    (tmp_path / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
    _, schedule = logged_plan(tmp_path / "events.jsonl")
    again = fit(create_run(tmp_path / "again"), settings, photos, schedule=schedule, cache=tmp_path)
    assert again.schedule == hurried.schedule
    for one, other in zip(again.weights, hurried.weights, strict=True):
        np.testing.assert_array_equal(one, other)
    assert len(list((tmp_path / "features").iterdir())) == 2, "of both sets, looked at once"


def test_its_run_can_be_started_from_without_the_weights(
    run: Path, photos: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import keras

    from beholder.models import build
    from beholder.sessions.request import TrainRequest
    from beholder.sessions.resolve import resolve
    from beholder.training.initial import first_weights

    monkeypatch.setattr(finding, "distribution", refuse)
    request = TrainRequest.of(photos, start_from=run, epochs=1)
    settings, _, file = resolve(request)
    assert settings.model == "lite0"
    assert settings.options == {"side": 96}
    assert settings.fine_tuning
    assert file is not None
    model = build("lite0", (30, 40, 3), 2, **settings.options)
    first_weights(model, file, photos.class_names, ("new", "lying"))
    kept = keras.saving.load_model(run / "model" / "model.keras", compile=False)
    for layer in kept.layers[:-1]:
        for one, other in zip(model.get_layer(layer.name).get_weights(), layer.get_weights(), strict=True):
            np.testing.assert_array_equal(one, other)
    columns = (one.get_layer("logits").get_weights()[0][:, 1] for one in (model, kept))
    np.testing.assert_array_equal(next(columns), next(columns))


def test_a_plan_is_followed_with_the_weights_it_began_with(run: Path, photos: Dataset) -> None:
    from beholder.sessions.request import TrainRequest
    from beholder.sessions.resolve import resolve

    settings, schedule, file = resolve(TrainRequest.of(photos, plan=run / "events.jsonl"))
    assert settings.recipe.weights == MODELS["lite0"].weights
    assert settings == Settings.from_json(config(run)["settings"])
    assert schedule
    assert file is None


def test_missing_weights_are_told_before_anything_is_made(
    run: Path, photos: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finding, "distribution", refuse)
    for given in ({"model": "lite0", "epochs": 1}, {"plan": run / "events.jsonl"}):
        with pytest.raises(UsageError, match="looked for"):
            train(tmp_path / "no data", out=tmp_path / "run", **given)
    assert not (tmp_path / "run").exists()


def test_a_budget_decides_the_epochs_alone(run: Path, photos: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    from beholder.training.budget import allocation
    from beholder.training.budget.machine_speed import Calibration
    from beholder.training.budget.packing import Packing

    monkeypatch.setattr(allocation, "calibrate_chosen", lambda *_, **__: (Calibration(), 0.01))
    settings = Settings.from_json(config(run)["settings"])
    planned, plan = allocation.allocate_budget(
        settings, photos, run, automatic=False, judged=10, budget=60, started=time.monotonic()
    )
    assert plan["side"] == 96
    assert plan["first_side"] is None
    assert planned.options == settings.options
    assert planned.recipe.weights == MODELS["lite0"].weights
    # Many layers take long to pack; a run of a small network tells nothing of that.
    known = Calibration(ceiling={"float32": 1000.0}, packings={"": [1.0]})
    deep, small = (known.closing_seconds(100, Packing(0, kind, 150), 10**6) for kind in (settings.packed_like, None))
    assert deep > 5 > small


@pytest.mark.long  # JAX compiles the network in three processes: nine minutes on a busy machine
@pytest.mark.timeout(3600)
@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="JAX is not installed")
def test_two_processes_tune_it_as_one_does(photos: Dataset, tmp_path: Path) -> None:
    data = tmp_path / "photos.npz"
    np.savez(data, images=photos.images, labels=photos.labels)
    environment = {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "no_proxy": "127.0.0.1"}
    options = ["--model", "lite0", "--side", "96", "--epochs", "1", "--batch-size", "16", "--progress", "none"]
    for name, more in (("one", []), ("two", ["--processes", "2"])):
        command = [sys.executable, "-m", "beholder", "train", str(data), *options, *more, "--out", str(tmp_path / name)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    [first] = [event for event in read_events(tmp_path / "two" / "events.jsonl") if event["event"] == "first_answer"]
    assert first["validation_accuracy"] > 0.6
    for alone, together in zip(weights(tmp_path / "one"), weights(tmp_path / "two"), strict=True):
        np.testing.assert_allclose(together, alone, rtol=1e-4, atol=1e-4)


def test_in_folds_all_images_are_looked_at_once_and_each_training_begins_with_a_first_answer(
    photos: Dataset, tmp_path: Path
) -> None:
    """Each of them ends with it too, as where the time is short."""
    from beholder.data.folds import deal
    from beholder.sessions.fold_trainings import FoldTrainings

    folds = deal(Split(open_source((photos.images, photos.labels))), photos, 2)
    settings = choose("lite0", seed=0, precision="float32", options={"side": 96})
    settings = replace(settings, recipe=replace(settings.recipe, epochs=0), said=("epochs",))
    run, cache = create_run(tmp_path / "run"), tmp_path / "cache"
    log = EventLog(run.events_file)
    judged = FoldTrainings(run, photos, folds, settings, log, lambda: False, cache).judge(None)
    assert judged is not None
    assert (judged.outputs.logits.argmax(axis=1) == photos.labels).mean() > 0.9
    assert len(list((cache / "features").iterdir())) == 1
    assert any(event["event"] == "features" for event in read_events(run.events_file))
    for number in (1, 2):
        [answer] = read_events(run.fold(number).events_file)
        assert answer["event"] == "first_answer", "without a look at the images"
        assert "validation_accuracy" not in answer, "a share of the images that are learned from decided"


def test_in_folds_so_few_epochs_that_nobody_could_tell_what_they_gain_are_refused(
    photos: Dataset, tmp_path: Path
) -> None:
    with pytest.raises(
        UsageError, match=r"whether 2 epochs of fine-tuning gain .* on 30 images .* --epochs 84 or more"
    ):
        train(photos, model="lite0", side=96, epochs=2, folds=2, out=tmp_path / "run", cache=tmp_path / "cache")
    assert not (tmp_path / "run").exists()
