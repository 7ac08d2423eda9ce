"""The 15 corruptions of Hendrycks and Dietterich, and how strong each is in 5 severities, at any resolution.

Source: D. Hendrycks and T. Dietterich, Benchmarking Neural Network Robustness to Common Corruptions and Perturbations,
ICLR 2019. The constants are those of CIFAR-10-C (github.com/hendrycks/robustness, `make_cifar_c.py`), for images of
32 pixels; lengths in pixels go with the shorter side. The images are made anew, so that figures are near the
published ones and not equal to them; frost, whose photographs we do not have, is drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beholder.data.chunks import chunks
from beholder.data.image_rows import Images
from beholder.data.progress import Progress, silent
from beholder.evaluation.corruptions import blur, digital, noise, weather
from beholder.evaluation.corruptions.noise import Floats

SEVERITIES = 5
_SIDE = 32  # pixels of the images that the constants are for
_BATCH_PIXELS = 1 << 20  # corrupted at a time


@dataclass(frozen=True)
class Corruption:
    """One kind of corruption."""

    family: str  # noise, blur, weather or digital
    # What makes it, from images, random numbers where it `draws`, and the constants by name
    apply: Callable[..., Floats]
    constants: tuple[str, ...]  # their names
    # Their values, a row a severity, the mildest first; one that stands alone is no row
    severities: tuple[float | tuple[float, ...], ...]
    lengths: tuple[str, ...] = ()  # names of the constants that are pixels
    draws: bool = True  # whether it needs random numbers

    def given(self, severity: int, side: int) -> dict[str, float]:
        """The constants of `severity` (1 to 5) for images whose shorter side is `side` pixels."""
        row = self.severities[severity - 1]
        values = row if isinstance(row, tuple) else (row,)
        pairs = zip(self.constants, values, strict=True)
        return {name: value * side / _SIDE if name in self.lengths else value for name, value in pairs}


CORRUPTIONS: dict[str, Corruption] = {
    "gaussian_noise": Corruption("noise", noise.gaussian_noise, ("deviation",), (0.04, 0.06, 0.08, 0.09, 0.10)),
    "shot_noise": Corruption("noise", noise.shot_noise, ("photons",), (500, 250, 100, 75, 50)),
    "impulse_noise": Corruption("noise", noise.impulse_noise, ("share",), (0.01, 0.02, 0.03, 0.05, 0.07)),
    "defocus_blur": Corruption(
        "blur",
        blur.defocus_blur,
        ("radius", "softness"),
        ((0.3, 0.4), (0.4, 0.5), (0.5, 0.6), (1, 0.2), (1.5, 0.1)),
        lengths=("radius", "softness"),
        draws=False,
    ),
    "glass_blur": Corruption(
        "blur",
        blur.glass_blur,
        ("deviation", "reach", "times"),
        ((0.05, 1, 1), (0.25, 1, 1), (0.4, 1, 1), (0.25, 1, 2), (0.4, 1, 2)),
        lengths=("deviation", "reach"),
    ),
    "motion_blur": Corruption(
        "blur",
        blur.motion_blur,
        ("length", "deviation"),
        ((6, 1), (6, 1.5), (6, 2), (8, 2), (9, 2.5)),
        lengths=("length", "deviation"),
    ),
    "zoom_blur": Corruption("blur", blur.zoom_blur, ("furthest",), (1.05, 1.10, 1.15, 1.20, 1.25), draws=False),
    "snow": Corruption(
        "weather",
        weather.snow,
        ("mean", "deviation", "size", "threshold", "length", "smear", "clear"),
        (
            (0.1, 0.2, 1, 0.6, 8, 3, 0.95),
            (0.1, 0.2, 1, 0.5, 10, 4, 0.9),
            (0.15, 0.3, 1.75, 0.55, 10, 4, 0.9),
            (0.25, 0.3, 2.25, 0.6, 12, 6, 0.85),
            (0.3, 0.3, 1.25, 0.65, 14, 12, 0.8),
        ),
        lengths=("size", "length", "smear"),
    ),
    "frost": Corruption(
        "weather", weather.frost, ("clear", "ice"), ((1, 0.2), (1, 0.3), (0.9, 0.4), (0.85, 0.4), (0.75, 0.45))
    ),
    "fog": Corruption(
        "weather", weather.fog, ("thickness", "smoothness"), ((0.2, 3), (0.5, 3), (0.75, 2.5), (1, 2), (1.5, 1.75))
    ),
    "brightness": Corruption("weather", weather.brightness, ("added",), (0.05, 0.1, 0.15, 0.2, 0.3), draws=False),
    "contrast": Corruption("digital", digital.low_contrast, ("kept",), (0.75, 0.5, 0.4, 0.3, 0.15), draws=False),
    "elastic_transform": Corruption(
        "digital",
        digital.elastic_transform,
        ("bend", "smoothness", "skew"),
        ((0, 0, 2.56), (1.6, 6.4, 2.24), (2.56, 1.92, 1.92), (3.2, 1.28, 1.6), (3.2, 0.96, 0.96)),
        lengths=("bend", "smoothness", "skew"),
    ),
    "pixelate": Corruption("digital", digital.pixelate, ("share",), (0.95, 0.9, 0.85, 0.75, 0.65), draws=False),
    "jpeg_compression": Corruption(
        "digital", digital.jpeg_compression, ("quality",), (80, 65, 58, 50, 40), draws=False
    ),
}


def corrupted(images: Images, name: str, severity: int, *, seed: int = 0) -> Iterator[NDArray[np.uint8]]:
    """`images` (N, H, W, 1 or 3) uint8 with the corruption `name` of a severity from 1 to 5, batch by batch, in order.

    Equal arguments give equal results.
    """
    corruption = CORRUPTIONS[name]
    random = np.random.default_rng([seed, list(CORRUPTIONS).index(name), severity])
    drawn = (random,) if corruption.draws else ()
    constants = corruption.given(severity, min(images.shape[1:3]))
    for rows in chunks(len(images), images.shape[1:], _BATCH_PIXELS):
        values = images[rows].astype(np.float32) / 255
        changed = corruption.apply(values, *drawn, **constants)
        yield np.rint(255 * changed.clip(0, 1)).astype(np.uint8)


def corruption_figures(
    answer: Callable[[NDArray[np.uint8]], NDArray[np.int64]],
    images: Images,
    labels: NDArray[np.int64],
    *,
    seed: int = 0,
    progress: Progress = silent,
) -> dict[str, Any]:
    """What is left of the accuracy under each corruption of `images`, one at least, of the true classes `labels`.

    What `answer` gives for N images is their (N,) int64 classes. The `seed` fixes every random choice, so that every
    model is shown the same corrupted images.

    Returns:
        `seed`; `count`, N; `mean_accuracy`, over all 75 copies; `by_severity`, five means; `worst`, the `name` and
        `accuracy` of the kind with the lowest mean; `kinds`, a list of `name`, `family`, `accuracies` (five, the
        mildest first) and `accuracy`, their mean. All from 0 to 1.
    """
    kinds: list[dict[str, Any]] = []
    done, total = 0, len(CORRUPTIONS) * SEVERITIES * len(images)
    for name, corruption in CORRUPTIONS.items():
        accuracies = []
        for severity in range(1, SEVERITIES + 1):
            predictions = []
            for batch in corrupted(images, name, severity, seed=seed):
                predictions.append(answer(batch))
                done += len(batch)
                progress("Answering corrupted images", done, total)
            accuracies.append(float((np.concatenate(predictions) == labels).mean()))
        mean = sum(accuracies) / SEVERITIES
        kinds.append({"name": name, "family": corruption.family, "accuracies": accuracies, "accuracy": mean})
    worst = min(kinds, key=lambda kind: kind["accuracy"])
    return {
        "seed": seed,
        "count": len(labels),
        "mean_accuracy": sum(kind["accuracy"] for kind in kinds) / len(kinds),
        "by_severity": [sum(kind["accuracies"][row] for kind in kinds) / len(kinds) for row in range(SEVERITIES)],
        "worst": {"name": worst["name"], "accuracy": worst["accuracy"]},
        "kinds": kinds,
    }
