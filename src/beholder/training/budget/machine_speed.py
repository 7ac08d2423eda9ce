"""How fast this machine trains: a few real steps of a few networks, kept and corrected by what runs come to."""

from __future__ import annotations

import hashlib
import json
import math
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from beholder import files
from beholder.errors import StorageError
from beholder.models import MODELS, Recipe, build
from beholder.models.costs import layer_costs
from beholder.models.resolution import looked_at
from beholder.runs.environment import describe_environment
from beholder.training.budget.forecast import GroupWidths, networks, sides
from beholder.training.budget.packing import AGREEING, KEPT_RUNS, Packing, expected_seconds
from beholder.training.settings import Settings, largest_batch
from beholder.training.steps import framework
from beholder.training.steps.optimizer import build_optimizer
from beholder.training.steps.step import compile_step, matrix_product_rate

_FIRST_SHARE = 0.8  # of the time to measure is for a first wide network; a plan can do without further ones
_STEPS = 3  # that are measured, after one that compiles
_PREPARING_SECONDS = 2.0  # building and compiling a network, about
_UNBELIEVABLE = 1e12  # multiply-adds of an image, seconds or GFLOP/s: a damaged file says such things
_MOST_SLOWER = 2.0  # times: a run beside other work says no more than that of the machine; a faster one is believed


@dataclass
class Calibration:
    """What was measured on this machine, for images of one shape."""

    # Pairs (multiply-adds of an image, seconds an image of training), one a measured network of `fast`
    points: list[tuple[int, float]] = field(default_factory=list)
    # GFLOP/s of a plain matrix product in float32 and, where it is used, bfloat16
    ceiling: dict[str, float] = field(default_factory=dict)
    # Seconds an image of training of networks that somebody chose, by what `_chosen_key` makes of them
    chosen: dict[str, float] = field(default_factory=dict)
    # How many times as long as was guessed packing took in the last runs here, by `Settings.packed_like`; "" for None
    packings: dict[str, list[float]] = field(default_factory=dict)

    def closing_seconds(self, most: float, packing: Packing, multiply_adds: int) -> float:
        """What `packing` a network of so many `multiply_adds` is expected to take, see `expected_seconds`."""
        guess = packing.guess(multiply_adds, self.ceiling)
        return expected_seconds(guess, self.packings.get(packing.kind or "", ()), most)

    def rate(self, multiply_adds: int) -> float:
        """Images per second of a network of so many multiply-adds: seconds are a line through the measured points.

        One that was measured is as fast as it was, whatever was measured beside it.
        """
        measured = dict(self.points).get(multiply_adds)
        if measured is not None:
            return 1 / measured
        costs, seconds = np.array(self.points, np.float64).T
        if len(costs) == 1:
            return float(costs[0] / seconds[0] / multiply_adds)
        slope, start = np.polyfit(costs, seconds, 1)
        # Noise can bend the line; no multiply-add is cheaper than where they were found to be cheapest.
        return float(1 / max(start + slope * multiply_adds, (seconds / costs).min() * multiply_adds))


def calibrate(
    folder: Path, shape: tuple[int, int, int], dtype: str, *, seconds: float, known: Calibration | None = None
) -> Calibration:
    """Measure `fast` in the widths there is time for, beside what earlier runs measured here with these versions.

    Args:
        folder: the cache, where it is kept.
        shape: height, width and channels of the images.
        dtype: Keras dtype policy to train with.
        seconds: that measuring may take, about; the narrowest network is measured in any case.
        known: what was measured a moment ago, to be added to; None: what is kept.
    """
    until = time.monotonic() + seconds
    path = _file(folder, shape, dtype)
    calibration = known or _known(path, dtype)
    before = len(calibration.points)
    narrowest, *wider = (network.widths for network in networks())
    resolutions = sides(min(shape[:2]))
    small, large = resolutions[-1], resolutions[0]
    _learn(calibration, narrowest, small, shape, dtype, until)
    enough = any(cost_of_fast(shape, widths, small) in dict(calibration.points) for widths in wider)
    by = until - _FIRST_SHARE * seconds if enough else until
    for widths in reversed(wider):  # the wider the better: nothing is guessed beyond the widest
        if _learn(calibration, widths, small, shape, dtype, by):
            break
    _learn(calibration, narrowest, large, shape, dtype, until)
    if len(calibration.points) > before:
        _keep(path, calibration)
    return calibration


def calibrate_chosen(
    folder: Path, shape: tuple[int, int, int], settings: Settings, model: Any, *, seconds: float
) -> tuple[Calibration, float]:
    """What is known of this machine, and the seconds an image that training `model`, somebody's choice, takes.

    Arguments are those of `calibrate`, and `settings`, which network that is. The step that compiles and one more are
    measured in any case.
    """
    path, key = _file(folder, shape, settings.dtype), _chosen_key(settings)
    calibration = _known(path, settings.dtype)
    if key not in calibration.chosen:
        calibration.chosen[key] = measure_training(model, settings.recipe, time.monotonic() + seconds)[1]
        _keep(path, calibration)
    return calibration, calibration.chosen[key]


def learn_from_run(
    folder: Path, shape: tuple[int, int, int], settings: Settings, packing: float, an_image: float | None
) -> None:
    """Keep what a run of `settings` came to, for the next one; `folder` and `shape` as in `calibrate`.

    Args:
        folder: the cache.
        shape: height, width and channels of the images.
        settings: which network it trained.
        packing: how many times as long as was guessed it took from its last step to its report.
        an_image: seconds that an image of training took; None where it had too few steps to tell.
    """
    path = _file(folder, shape, settings.dtype)
    with suppress(StorageError), files.changing(path):  # another run may end at the same moment
        known = _read(path)
        if known is None:
            return
        kind = settings.packed_like or ""
        known.packings[kind] = [*known.packings.get(kind, []), round(packing, 3)][-KEPT_RUNS:]
        key = _chosen_key(settings)
        if an_image is not None and key in known.chosen:
            known.chosen[key] = min(an_image, _MOST_SLOWER * known.chosen[key])
        elif an_image is not None and known.points and {"widths", "side"} <= settings.options.keys():
            known.points = _corrected(known, shape, settings, an_image)
        files.write_json(path, asdict(known))


def _corrected(
    known: Calibration, shape: tuple[int, int, int], settings: Settings, an_image: float
) -> list[tuple[int, float]]:
    """The points of a machine on which training `settings`, chosen for a budget, took `an_image` seconds.

    All of them move: a machine that is busy, or no longer so, is slower or faster in every network. Few images come
    in small batches, which tell nothing of larger ones.
    """
    widths, side = settings.options["widths"], settings.options["side"]
    if settings.recipe.batch_size != largest_batch(MODELS["fast"], shape, side):
        return known.points
    ratio = min(an_image * known.rate(cost_of_fast(shape, tuple(widths), side)), _MOST_SLOWER)
    return [(cost, seconds * ratio) for cost, seconds in known.points]


def _known(path: Path, dtype: str) -> Calibration:
    """What is kept at `path`, or the first thing that is measured.

    How fast a product is says how long packing takes, until a few runs do: it is looked at again until then, lest the
    first look fell into a busy moment.
    """
    known, processor = _read(path), framework.accelerator() is None
    if known is None:
        return Calibration(ceiling=matrix_product_rate(dtype, 2048 if processor else 8192))
    if processor and max(map(len, known.packings.values()), default=0) < AGREEING:
        known.ceiling = _faster(known.ceiling, matrix_product_rate("float32", 2048, 2))
        _keep(path, known)
    return known


def _faster(one: dict[str, float], other: dict[str, float]) -> dict[str, float]:
    return {name: max(rates.get(name, 0.0) for rates in (one, other)) for name in {**one, **other}}


def _learn(
    calibration: Calibration, widths: GroupWidths, side: int, shape: tuple[int, int, int], dtype: str, until: float
) -> bool:
    """Measure a network of `fast` where it is not known and there is time for it; whether it is known then."""
    cost = cost_of_fast(shape, widths, side)
    recipe = replace(MODELS["fast"], batch_size=largest_batch(MODELS["fast"], shape, side))
    if cost in dict(calibration.points):
        return True
    if calibration.points:
        takes = _PREPARING_SECONDS + (1 + _STEPS) * recipe.batch_size / calibration.rate(cost)
        if time.monotonic() + takes > until:
            return False
    model = build("fast", shape, 2, dtype=dtype, widths=widths, side=side)
    calibration.points.append(measure_training(model, recipe))
    return True


def cost_of_fast(shape: tuple[int, int, int], widths: GroupWidths, side: int) -> int:
    """Multiply-adds of one image of `shape` through `fast` with two classes, forward; to build it would take longer."""
    height, width = (size - 1 for size in looked_at(shape, side))
    channels = 8 * shape[2]
    total = height * width * 4 * shape[2] * channels
    for windows in widths:
        total += height * width * 9 * channels * windows
        if min(height, width) >= 2:
            height, width = height // 2, width // 2
        total += height * width * 9 * windows * windows
        channels = windows
    return total + 2 * channels


def multiply_adds(model: Any) -> int:
    """Of one image through `model`, forward."""
    return sum(row["multiply_adds"] for row in layer_costs(model))


def measure_training(model: Any, recipe: Recipe, until: float = math.inf) -> tuple[int, float]:
    """Multiply-adds of an image through `model`, forward, and the seconds that an image of training takes.

    Beside a step that compiles one is taken in any case, and more until `until`, on the clock of `time.monotonic`. None
    takes longer than the one that compiles, unless a slow moment fell into it.
    """
    random = np.random.default_rng(0)
    images = random.integers(256, size=(recipe.batch_size, *model.input.shape[1:])).astype(np.uint8)
    labels = random.integers(2, size=recipe.batch_size)
    step = compile_step(model, build_optimizer(recipe), label_smoothing=0.0)
    taken: list[float] = []
    while len(taken) < 2 or (len(taken) <= _STEPS and time.monotonic() < until):
        started = time.perf_counter()
        step(images, labels, 0.0, len(taken))
        taken.append(time.perf_counter() - started)
    compiling, *others = taken
    return multiply_adds(model), min(float(np.median(others)), compiling) / recipe.batch_size


def _file(folder: Path, shape: tuple[int, int, int], dtype: str) -> Path:
    machine, fast = describe_environment(), MODELS["fast"]
    threads = {name: value for name, value in machine["variables"].items() if name.endswith("_THREADS")}
    facts = [machine["processor"], machine["cores"], threads, machine["versions"], framework.describe_backend()]
    return folder / "calibration" / f"{_digest([*facts, shape, dtype, fast.batch_size, fast.step_pixels])}.json"


def _chosen_key(settings: Settings) -> str:
    # Where a file lies does not make another network of it.
    options = {name: value for name, value in settings.options.items() if name != "file"}
    initial = None if settings.initial is None else settings.initial.sha256
    return _digest([settings.model, options, settings.recipe.batch_size, initial])


def _digest(facts: Any) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


def _keep(path: Path, measured: Calibration) -> None:
    """Add what was measured to what is kept at `path`, where another run may have kept something meanwhile."""
    with suppress(StorageError), files.changing(path):  # it is measured again next time
        known = _read(path) or Calibration()
        costs = dict(known.points)
        points = [*known.points, *(point for point in measured.points if point[0] not in costs)]
        ceiling, chosen = _faster(measured.ceiling, known.ceiling), {**measured.chosen, **known.chosen}
        files.write_json(path, asdict(Calibration(points, ceiling, chosen, {**measured.packings, **known.packings})))


def _read(path: Path) -> Calibration | None:
    """What is kept at `path`; None where nothing is, or it is damaged: it is measured again then."""
    try:
        document = json.loads(path.read_bytes())
        calibration = Calibration(
            [(int(_positive(cost)), _positive(seconds)) for cost, seconds in document["points"]],
            {name: _positive(rate) for name, rate in document["ceiling"].items()},
            {key: _positive(seconds) for key, seconds in document["chosen"].items()},
            {file: [_positive(times) for times in told] for file, told in document["packings"].items()},
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return None
    return calibration if all(calibration.packings.values()) else None


def _positive(number: Any) -> float:
    if not 0 < float(number) < _UNBELIEVABLE:
        raise ValueError(f"Expected a positive number. Received: {number!r}.")
    return float(number)
