"""How fast this machine trains: a few real steps of a few networks, kept for the next run."""

from __future__ import annotations

import hashlib
import json
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from beholder import files
from beholder.errors import StorageError
from beholder.models import MODELS, Recipe, build
from beholder.models.costs import layer_costs
from beholder.runs.environment import describe_environment
from beholder.training import framework
from beholder.training.optimizer import build_optimizer
from beholder.training.plan import Widths, networks, sides
from beholder.training.settings import largest_batch
from beholder.training.step import compile_step, matrix_product_rate

STEPS = 3  # after one that compiles
PREPARING_SECONDS = 2.0  # building and compiling a network, about
CLOSING_SECONDS = 4.5  # packing, judging and reporting, until a run has told how long they take here
SECONDS_A_LAYER = 0.1  # more, for a network from a file: its graph is written and opened layer by layer
APART_SECONDS = 8.0  # more, where the graphs are written by TensorFlow in a process of its own


@dataclass
class Calibration:
    """What was measured on this machine, for pictures of one shape.

    Attributes:
        points: pairs (multiply-adds of a picture, seconds a picture of training), one a measured network.
        ceiling: GFLOP/s of a plain matrix product in float32 and, where it is used, bfloat16.
        closing_seconds: from the last step to the written report, as the last run here took.
        closing_of_files: likewise of networks from files of the person's own, by the file's SHA-256.
    """

    points: list[tuple[int, float]] = field(default_factory=list)
    ceiling: dict[str, float] = field(default_factory=dict)
    closing_seconds: float = CLOSING_SECONDS
    closing_of_files: dict[str, float] = field(default_factory=dict)

    def closing_within(self, seconds: float) -> Calibration:
        """The same where packing is not believed to take longer than `seconds` or what it takes at first."""
        return replace(self, closing_seconds=min(self.closing_seconds, max(seconds, _closing_guess())))

    def closing_of(self, file: str, layers: int) -> Calibration:
        """The same for a network of so many `layers` from the `file` of this SHA-256, which takes longer to pack."""
        guess = self.closing_seconds + SECONDS_A_LAYER * layers
        return replace(self, closing_seconds=self.closing_of_files.get(file, guess))

    def rate(self, multiply_adds: int) -> float:
        """Pictures per second of a network of so many multiply-adds: seconds are a line through the measured points."""
        costs, seconds = np.array(self.points, np.float64).T
        if len(costs) == 1:
            return float(costs[0] / seconds[0] / multiply_adds)
        slope, start = np.polyfit(costs, seconds, 1)
        # A slope below the cheapest point's own would promise too much; noise can do that.
        return float(1 / max(start + slope * multiply_adds, seconds.min() * 0.5))


def calibrate(folder: Path, shape: tuple[int, int, int], dtype: str, *, seconds: float) -> Calibration:
    """Measure what there is time for, beside what earlier runs measured on this machine with these versions.

    Args:
        folder: the cache, where it is kept.
        shape: height, width and channels of the pictures.
        dtype: Keras dtype policy to train with.
        seconds: that measuring may take, about; the narrowest network is measured in any case.
    """
    until = time.monotonic() + seconds
    path = _file(folder, shape, dtype)
    calibration = _read(path) or _nothing_measured(dtype)
    known = len(calibration.points)
    narrowest, *wider = (network.widths for network in networks())
    resolutions = sides(min(shape[:2]))
    small, large = resolutions[-1], resolutions[0]
    _learn(calibration, narrowest, small, shape, dtype, until)
    for widths in reversed(wider):  # the wider the better: nothing is guessed beyond the widest
        if _learn(calibration, widths, small, shape, dtype, until):
            break
    _learn(calibration, narrowest, large, shape, dtype, until)
    if len(calibration.points) > known:
        _keep(path, calibration)
    return calibration


def _nothing_measured(dtype: str) -> Calibration:
    size = 2048 if framework.accelerator() is None else 8192
    return Calibration(ceiling=matrix_product_rate(dtype, size), closing_seconds=_closing_guess())


def _learn(
    calibration: Calibration, widths: Widths, side: int, shape: tuple[int, int, int], dtype: str, until: float
) -> bool:
    """Measure a network of `fast` where it is not known and there is time for it; whether it is known then."""
    cost = cost_of_fast(shape, widths, side)
    recipe = replace(MODELS["fast"], batch_size=largest_batch(MODELS["fast"], shape, side))
    if cost in dict(calibration.points):
        return True
    if calibration.points:
        takes = PREPARING_SECONDS + (1 + STEPS) * recipe.batch_size / calibration.rate(cost)
        if time.monotonic() + takes > until:
            return False
    model = build("fast", shape, 2, dtype=dtype, widths=widths, side=side)
    calibration.points.append(measure(model, recipe))
    return True


def _closing_guess() -> float:
    return CLOSING_SECONDS + (0.0 if framework.backend() == "tensorflow" else APART_SECONDS)


def learn_closing(
    folder: Path, shape: tuple[int, int, int], dtype: str, seconds: float, file: str | None = None
) -> None:
    """Keep how many `seconds` a run took from its last step to its report, for the plan of the next one.

    `file` is the SHA-256 of the file that its network came from, where it was one of the person's own.
    """
    known = _read(_file(folder, shape, dtype))
    if known is None:
        return
    if file is None:
        learned = replace(known, closing_seconds=round(seconds, 2))
    else:
        learned = replace(known, closing_of_files={**known.closing_of_files, file: round(seconds, 2)})
    _keep(_file(folder, shape, dtype), learned)


def _keep(path: Path, calibration: Calibration) -> None:
    with suppress(StorageError):  # it is measured again next time
        files.write_json(path, asdict(calibration))


def _file(folder: Path, shape: tuple[int, int, int], dtype: str) -> Path:
    return folder / "calibration" / f"{_key(shape, dtype)}.json"


@cache
def cost_of_fast(shape: tuple[int, int, int], widths: Widths, side: int) -> int:
    """Multiply-adds of one picture of `shape` through `fast`, forward."""
    return multiply_adds(build("fast", shape, 2, widths=widths, side=side))


def multiply_adds(model: Any) -> int:
    """Of one picture through `model`, forward."""
    return sum(row["multiply_adds"] for row in layer_costs(model))


def measure(model: Any, recipe: Recipe) -> tuple[int, float]:
    """Multiply-adds of a picture through `model`, forward, and the seconds that a picture of training takes."""
    random = np.random.default_rng(0)
    pictures = random.integers(256, size=(recipe.batch_size, *model.input.shape[1:])).astype(np.uint8)
    labels = random.integers(2, size=recipe.batch_size)
    step = compile_step(model, build_optimizer(recipe), label_smoothing=0.0)
    step(pictures, labels, 0.0, 0)
    taken = []
    for number in range(STEPS):
        started = time.perf_counter()
        step(pictures, labels, 0.0, number)
        taken.append(time.perf_counter() - started)
    return multiply_adds(model), float(np.median(taken)) / recipe.batch_size


def _key(shape: tuple[int, int, int], dtype: str) -> str:
    machine = describe_environment()
    device = framework.describe()
    facts = [
        machine["processor"],
        machine["cores"],
        machine["versions"],
        device,
        shape,
        dtype,
        MODELS["fast"].batch_size,
        MODELS["fast"].step_pixels,
    ]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


def _read(path: Path) -> Calibration | None:
    try:
        document = json.loads(path.read_bytes())
        points = [(int(cost), float(seconds)) for cost, seconds in document["points"]]
        closing = float(document["closing_seconds"]), dict(document.get("closing_of_files", {}))
        return Calibration(points, dict(document["ceiling"]), *closing) if points else None
    except (OSError, ValueError, KeyError, TypeError):
        return None  # not there, or damaged: it is measured again
