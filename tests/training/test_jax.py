"""A person relies on: KERAS_BACKEND=jax trains as TensorFlow does, resumes to the same bits, and its model answers.

What runs on JAX runs once, in a process of its own: this file as a script.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import beholder
from beholder.artifact.graph import Graph
from beholder.errors import RunError, UsageError
from beholder.training.settings import choose, resolve_precision
from beholder.training.steps import framework as keras_framework

needs_jax = pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="JAX is not installed")

WIDTHS = (8, 8, 8)
# A narrower last group would not show what XLA makes of the gradient of a plain maximum.
NETWORKS: dict[str, dict[str, Any]] = {"fast": {"widths": (8, 8, 192)}, "book": {"dropout": 0.0, "neurons": 32}}
RATES = {"fast": 0.05, "book": 1e-3}


def one_step(name: str) -> list[NDArray[Any]]:
    """Loss, weights after one update, running statistics included, and what the network then says of the batch."""
    from beholder.models import MODELS, build
    from beholder.training.steps.optimizer import build_optimizer
    from beholder.training.steps.step import compile_look, compile_step

    random = np.random.default_rng(0)
    model = build(name, (32, 32, 3), 5, **NETWORKS[name])
    for variable in model.variables:
        if "variance" not in variable.path:
            inputs = np.prod(variable.shape[:-1])  # weights of about He's size, so that float32 has digits to spare
            variable.assign(random.normal(0, inputs**-0.5 / 2, variable.shape).astype(np.float32))
    step = compile_step(model, build_optimizer(MODELS[name]), label_smoothing=0.1)
    images = random.integers(256, size=(64, 32, 32, 3)).astype(np.uint8)
    loss, correct = step(images, random.integers(5, size=64), RATES[name], 0)
    step.sync()
    weights = [np.asarray(variable.value, np.float32) for variable in model.variables]
    return [np.array([loss / 64, correct]), *weights, compile_look(model)(images)]


def fitted(folder: Path, stops: tuple[int, ...] = ()) -> list[NDArray[Any]]:
    """The weights of a small run with dropout, stopped after so many steps each time and resumed."""
    from beholder.data.opening import open_source
    from beholder.data.split import Split
    from beholder.runs.events import EventLog
    from beholder.runs.run_folder import create_run
    from beholder.training.fit import Fit

    changes = {"epochs": 2, "batch_size": 50}
    options = {"dropout": 0.2, "widths": WIDTHS}
    settings = choose("fast", seed=3, precision="float32", changes=changes, options=options)
    digits = Split(open_source("digits"), seed=0)
    train, validation = digits.train().select(np.arange(200)), digits.validation().select(np.arange(50))
    run = create_run(folder)
    for stop in (*(after(steps) for steps in stops), lambda: False):
        outcome = Fit(train, validation, settings, run, EventLog(run.events_file), stop).run_to_end()
    return outcome.weights


def after(steps: int) -> Callable[[], bool]:
    calls = iter(range(1, 10_000))
    return lambda: next(calls) >= steps


def on_jax(folder: Path) -> None:
    """All that the tests need of JAX, into `folder`."""
    keras_framework.start()
    import keras

    for name in NETWORKS:
        np.savez(folder / f"{name}.npz", *one_step(name))
    np.savez(folder / "whole.npz", *fitted(folder / "whole"))
    np.savez(folder / "resumed.npz", *fitted(folder / "stopped", stops=(1, 4)))
    (folder / "modules.json").write_text(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
    asked: dict[str, Any] = {"epochs": 2, "batch_size": 50, "widths": WIDTHS, "dropout": 0.2, "precision": "float32"}
    beholder.train("digits", model="fast", images=200, out=folder / "run", **asked)
    model = keras.saving.load_model(folder / "run" / "model" / "model.keras")
    np.save(folder / "logits.npy", np.asarray(model(digits_to_ask())))


def digits_to_ask() -> NDArray[np.uint8]:
    """A few images (N, 8, 8, 1) uint8."""
    images: NDArray[np.uint8] = beholder.Split(beholder.open_source("digits")).validation().images
    return images[:20]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the process on JAX left what it found."""
    folder = tmp_path_factory.mktemp("jax")
    # Each run compiles the same step: it is compiled once and read from there.
    cache = {"JAX_COMPILATION_CACHE_DIR": str(folder / "cache"), "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}
    environment = {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", **cache}
    command = [sys.executable, __file__, str(folder)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


def arrays(path: Path) -> list[NDArray[Any]]:
    with np.load(path) as stored:
        return [stored[name] for name in stored.files]


@needs_jax
@pytest.mark.slow
@pytest.mark.usefixtures("framework")
@pytest.mark.parametrize("name", NETWORKS)
def test_one_step_is_the_same_on_both_backends(name: str, folder: Path) -> None:
    ours, theirs = one_step(name), arrays(folder / f"{name}.npz")
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-5, atol=1e-5)


@needs_jax
@pytest.mark.slow
def test_a_run_that_was_stopped_and_resumed_ends_with_the_same_bits(folder: Path) -> None:
    whole, resumed = arrays(folder / "whole.npz"), arrays(folder / "resumed.npz")
    for one, other in zip(whole, resumed, strict=True):
        assert np.array_equal(one, other)


@needs_jax
@pytest.mark.slow
def test_training_on_jax_leaves_tensorflow_alone(folder: Path) -> None:
    modules = json.loads((folder / "modules.json").read_text())
    assert "jax" in modules
    assert "tensorflow" not in modules


@needs_jax
@pytest.mark.slow
def test_the_model_answers_as_the_network_on_jax(folder: Path) -> None:
    images, logits = digits_to_ask(), np.load(folder / "logits.npy")
    np.testing.assert_allclose(Graph(folder / "run" / "model" / "model.onnx")(images).logits, logits, atol=1e-5)
    answers = beholder.Classifier.load(folder / "run").predict(list(images))
    assert [answer.error for answer in answers] == [None] * len(images)


@needs_jax
@pytest.mark.slow
def test_the_run_tells_its_backend_and_goes_on_with_no_other(folder: Path, tmp_path: Path) -> None:
    run = folder / "run"
    assert json.loads((run / "environment.json").read_text())["backend"] == "jax"
    advice = [event for event in map(json.loads, (run / "events.jsonl").open()) if event["event"] == "advice"]
    assert "TensorFlow is several times faster" in advice[0]["message"]
    shutil.copytree(run, tmp_path / "run", ignore=shutil.ignore_patterns("model"))
    with pytest.raises(RunError, match="KERAS_BACKEND=jax"):
        beholder.resume(tmp_path / "run")


def test_jax_that_is_not_installed_is_told_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    monkeypatch.setenv("XLA_FLAGS", "")
    monkeypatch.setitem(sys.modules, "jax", None)
    with pytest.raises(UsageError, match=r"needs 'jax'.*pip install 'beholder\[train,jax\]'"):
        resolve_precision("auto")


def test_another_backend_is_told_before_anything_is_made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    with pytest.raises(UsageError, match=r"not on 'torch'; unset KERAS_BACKEND"):
        beholder.train("digits", out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(("device", "precision"), [("NVIDIA H100", "bfloat16"), (None, "float32")])
def test_jax_multiplies_bfloat16_on_an_accelerator_only(
    device: str | None, precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    monkeypatch.setattr(keras_framework, "accelerator", lambda: device)
    assert resolve_precision("auto") == precision


if __name__ == "__main__":
    on_jax(Path(sys.argv[1]))
