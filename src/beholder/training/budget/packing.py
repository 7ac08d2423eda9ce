"""What packing is expected to take: a first guess by its work, corrected by what the last runs took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from beholder.training.steps import framework

# At the rate of a float32 product: of what is done whatever the network is, and of a look at an image, in its own
# multiply-adds. The int8 model looks at each too, and some training images are looked at.
_FIXED_GFLOP, _GFLOP_A_MULTIPLY_ADD, _INT8_SHARE, _TRAINING_IMAGES = 400.0, 2e-9, 0.5, 2000
_FEW_TRAINING_IMAGES = 200  # of a network of many layers
_LEAST_SECONDS, _MOST_SECONDS = 1.5, 30.0
_PROCESSOR_GFLOPS = 500.0  # an accelerator does not pack
_DEEP_SHARE = 0.4  # of that rate is reached by a network of many layers, most of them thin
_SECONDS_A_LAYER = 0.04  # more, for a network of many layers: its graphs are opened and quantised layer by layer
_CONVERTED_SECONDS_A_LAYER = 0.1  # in the place of these, where tf2onnx writes the graphs
_APART_SECONDS = 8.0  # more, where it does so in a process of its own
_MARGIN = 1.1  # times the fastest of the last runs
AGREEING = 3  # runs; fewer are not believed to take more than so many times the guess
_MOST_OVER_GUESS = 1.5
_OUTSIDE_SECONDS = 0.8  # that Python takes before a run's clock starts and after it stops
KEPT_RUNS = 5  # of which the fastest is believed, since a machine that was busy once need not be so again


@dataclass(frozen=True)
class Packing:
    """What there is to pack.

    Attributes:
        images: of the validation set, each view of one counted.
        kind: see `Settings.packed_like`; None for a network of few layers.
        layers: of a network of a kind.
        converted: by tf2onnx.
    """

    images: int
    kind: str | None = None
    layers: int = 0
    converted: bool = False

    def guess(self, multiply_adds: int, ceiling: Mapping[str, float]) -> float:
        """Seconds from the last step to the report, before any run has told.

        Args:
            multiply_adds: of one image through the network.
            ceiling: GFLOP/s of a plain matrix product in `float32`.
        """
        looks = self.images * (1 + _INT8_SHARE) + (_TRAINING_IMAGES if self.kind is None else _FEW_TRAINING_IMAGES)
        seeing = _GFLOP_A_MULTIPLY_ADD * multiply_adds * looks
        work = _FIXED_GFLOP + seeing / (1.0 if self.kind is None else _DEEP_SHARE)
        rate = min(ceiling.get("float32", _PROCESSOR_GFLOPS), _PROCESSOR_GFLOPS)
        seconds = min(max(work / rate, _LEAST_SECONDS), _MOST_SECONDS)
        if self.kind is not None:
            seconds += self.layers * (_CONVERTED_SECONDS_A_LAYER if self.converted else _SECONDS_A_LAYER)
            seconds += _APART_SECONDS if self.converted and framework.backend() != "tensorflow" else 0.0
        return seconds


def expected_seconds(guess: float, told: Sequence[float], most: float) -> float:
    """What packing and leaving are expected to take; packing no more than `most` seconds or the guess.

    Args:
        guess: before any run has told.
        told: how many times as long the last runs took as was guessed for them.
        most: seconds.
    """
    times = _MARGIN * min(told) if told else 1.0
    if told and len(told) < AGREEING:
        times = min(times, _MOST_OVER_GUESS)
    return min(times * guess, max(most, guess)) + _OUTSIDE_SECONDS
