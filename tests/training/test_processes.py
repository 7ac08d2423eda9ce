"""A person relies on: two processes that train together come to what one comes to, dropout and augmentation included.

What runs on JAX runs in processes of its own: this file as a script.
"""

from __future__ import annotations

import importlib.util
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from beholder.data.dataset import Dataset
from beholder.training.augmentation import augmentation
from beholder.training.settings import choose
from beholder.training.steps.batches import Batches

needs_jax = pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="JAX is not installed")


def trained(folder: Path, index: int, count: int, port: int) -> None:
    """One process: the first step's gradients and the weights after an epoch, into `folder`."""
    from beholder.training.steps import framework, processes

    if count > 1:
        processes.join(f"127.0.0.1:{port}", count, index, local=True)
    framework.start()
    from beholder.data.opening import open_source
    from beholder.data.split import Split
    from beholder.runs.events import EventLog
    from beholder.runs.run_folder import Run
    from beholder.training.checkpoint import read_checkpoint
    from beholder.training.fit import Fit

    # Batches of 60, 60, 60 and 25: the last one cannot be halved.
    changes = {"epochs": 1, "batch_size": 60, "augment": True, "mirror": True, "learning_rate": 0.01}
    options = {"widths": (8, 8, 16), "dropout": 0.2}
    settings = choose("fast", seed=3, precision="float32", changes=changes, options=options)
    parts = Split(open_source("digits"), seed=0)
    train, validation = parts.train().select(np.arange(205)), parts.validation().select(np.arange(50))
    run = Run(folder / f"run {index}")
    run.path.mkdir()
    stops: list[Callable[[], bool]] = [lambda: index == 0, lambda: False]  # after the first step, then at the end
    for stop in stops:
        fit = Fit(train, validation, settings, run, EventLog(run.events_file), stop)
        outcome = fit.run_to_end()
        if stop():
            # The momentums of a first step are its gradients.
            np.savez(folder / "gradients.npz", *read_checkpoint(run.checkpoint_file).optimizer)
    np.savez(folder / f"weights {index}.npz", *outcome.weights)
    assert index == 0 or not run.checkpoint_file.exists()
    processes.leave()
    os._exit(0)


def run_together(folder: Path, count: int) -> Path:
    folder.mkdir()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "no_proxy": "127.0.0.1"}
    commands = [[sys.executable, __file__, str(folder), str(index), str(count), str(port)] for index in range(count)]
    running = [
        subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        for command in commands
    ]
    for process in running:
        _, said = process.communicate(timeout=300)
        assert process.returncode == 0, said
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """What one process and what two came to."""
    base = tmp_path_factory.mktemp("processes")
    return run_together(base / "one", 1), run_together(base / "two", 2)


def arrays(path: Path) -> list[NDArray[Any]]:
    with np.load(path) as stored:
        return [stored[name] for name in stored.files]


@needs_jax
@pytest.mark.slow
@pytest.mark.parametrize("name", ["gradients", "weights 0"])
def test_two_processes_come_to_what_one_comes_to(name: str, folders: tuple[Path, Path]) -> None:
    one, two = (arrays(folder / f"{name}.npz") for folder in folders)
    assert len(one) == len(two) > 10
    for alone, together in zip(one, two, strict=True):
        np.testing.assert_allclose(together, alone, rtol=1e-5, atol=1e-5)


@needs_jax
@pytest.mark.slow
def test_both_processes_hold_the_same_bits(folders: tuple[Path, Path]) -> None:
    _, folder = folders
    for first, second in zip(arrays(folder / "weights 0.npz"), arrays(folder / "weights 1.npz"), strict=True):
        assert np.array_equal(first, second)


def test_shares_of_a_batch_are_the_batch() -> None:
    random = np.random.default_rng(0)
    images = random.integers(256, size=(50, 16, 16, 3)).astype(np.uint8)
    names = [str(row) for row in range(50)]
    dataset = Dataset(images, np.arange(50) % 3, ("a", "b", "c"), names)
    batches = Batches(dataset, 20, seed=1, how=augmentation("small,crop=0.3,colour=0.5,erase=0.5"), mirror=True)
    order = batches.order(1)
    for step, size in enumerate((20, 20, 10)):
        assert batches.size(step) == size
        whole, labels = batches.batch(order, 1, step)
        parts = [batches.batch(order, 1, step, share) for share in (slice(0, 5), slice(5, size))]
        assert np.array_equal(np.concatenate([part for part, _ in parts]), whole)
        assert all(np.array_equal(all_labels, labels) for _, all_labels in parts)


def test_batches_are_made_to_divide_unless_their_size_was_chosen() -> None:
    said = choose("fast", seed=0, precision="float32", changes={"batch_size": 250})
    unsaid = choose("fast", seed=0, precision="float32")
    assert said.shared_by(4).recipe.batch_size == 250
    assert unsaid.shared_by(4).recipe.batch_size == 252


if __name__ == "__main__":
    trained(Path(sys.argv[1]), *map(int, sys.argv[2:]))
