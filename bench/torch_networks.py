"""The networks of Beholder in PyTorch, for its rows in the tables: the same layers, channels last.

Images come as (N, H, W, C), as they lie in memory: the permuted view is what PyTorch calls channels last.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional


class Air(nn.Module):
    """`fast` in PyTorch: (N, H, W, 3) uint8 to (N, classes) logits in the dtype of its weights."""

    def __init__(self, widths: Sequence[int] = (64, 256, 256), classes: int = 10) -> None:
        super().__init__()
        self.whitening = nn.Conv2d(3, 24, 2)
        self.whitening.weight.requires_grad = False
        layers: list[Any] = []
        channels = 24
        for width in widths:
            layers += [_filters(channels, width), nn.MaxPool2d(2), _normalisation(width), nn.ReLU()]
            layers += [_filters(width, width), _normalisation(width), nn.ReLU()]
            channels = width
        self.groups = nn.Sequential(*layers)
        self.logits = nn.Linear(channels, classes)

    def forward(self, images: Any) -> Any:
        """Scale to -1 … 1 and answer."""
        x = images.permute(0, 3, 1, 2).to(self.whitening.bias.dtype) / 127.5 - 1
        x = functional.relu(self.whitening(x))
        return self.logits(self.groups(x).amax((2, 3)))

    def load(self, weights: Mapping[str, NDArray[np.float32]]) -> None:
        """Take the weights of a trained `fast`, by the names `LAYER/VARIABLE` that Keras gives them."""
        convolutions = [layer for layer in self.groups if isinstance(layer, nn.Conv2d)]
        normalisations = [layer for layer in self.groups if isinstance(layer, nn.BatchNorm2d)]
        names = [f"group_{group}_{{}}{half}" for group in range(1, len(convolutions) // 2 + 1) for half in (1, 2)]
        with torch.no_grad():
            _set_filters(self.whitening.weight, weights["whitening/kernel"])
            self.whitening.bias.copy_(torch.tensor(weights["whitening/bias"]))
            for name, convolution, layer in zip(names, convolutions, normalisations, strict=True):
                _set_filters(convolution.weight, weights[name.format("convolution_") + "/kernel"])
                normalisation = name.format("") + "_normalisation"
                layer.bias.copy_(torch.tensor(weights[f"{normalisation}/offset"]))
                layer.running_mean.copy_(torch.tensor(weights[f"{normalisation}/moving_mean"]))
                layer.running_var.copy_(torch.tensor(weights[f"{normalisation}/moving_variance"]))
            self.logits.weight.copy_(torch.tensor(weights["logits/kernel"].T.copy()))
            self.logits.bias.copy_(torch.tensor(weights["logits/bias"]))


class Book(nn.Module):
    """The chapter's network in PyTorch: (N, 24, 24, 1) cleaned images to (N, classes) logits."""

    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        self.convolution_1 = nn.Conv2d(1, 64, 5, padding=2)
        self.convolution_2 = nn.Conv2d(64, 64, 5, padding=2)
        self.pool = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.normalisation = ChannelNormalisation(64)
        self.features = nn.Linear(6 * 6 * 64, 1024)
        self.dropout = nn.Dropout(0.5)
        self.logits = nn.Linear(1024, classes)

    def forward(self, images: Any) -> Any:
        """Answer."""
        x = images.permute(0, 3, 1, 2).to(self.logits.weight.dtype)
        x = self.normalisation(self.pool(functional.relu(self.convolution_1(x))))
        x = self.pool(self.normalisation(functional.relu(self.convolution_2(x))))
        x = functional.relu(self.features(x.flatten(1)))
        return self.logits(self.dropout(x))


class ChannelNormalisation(nn.Module):
    """Local response normalisation as a 1 × 1 convolution, as ours: PyTorch's own has no bfloat16."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        channel = torch.arange(channels)
        band = ((channel[:, None] - channel).abs() <= 4).float()
        self.register_buffer("band", band[:, :, None, None])

    def forward(self, x: Any) -> Any:
        """Each value divided by (1 + 0.001 / 9 · Σ squares of nine channels) ** 0.75."""
        root = torch.rsqrt(1 + 0.001 / 9 * functional.conv2d(x * x, self.band))
        return x * (root * torch.sqrt(root))


def _filters(channels: int, width: int) -> Any:
    return nn.Conv2d(channels, width, 3, padding=1, bias=False)


def _normalisation(width: int) -> Any:
    layer = nn.BatchNorm2d(width, eps=1e-3, momentum=0.2)
    layer.weight.requires_grad = False
    return layer


def _set_filters(weight: Any, kernel: NDArray[np.float32]) -> None:
    weight.copy_(torch.tensor(kernel.transpose(3, 2, 0, 1).copy()))
