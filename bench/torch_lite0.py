"""EfficientNet-Lite0 in PyTorch, for its rows in the tables: names as in the file of its weights, channels last."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional

GROUPS = (  # blocks; their window, stride of the first, expansion, channels
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
STEM, HEAD = 32, 1280


class Same(nn.Conv2d):
    """A convolution without bias that pads as TensorFlow does: the odd pixel at the bottom and on the right."""

    def __init__(self, before: int, after: int, window: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__(before, after, window, stride, groups=groups, bias=False)

    def forward(self, x: Any) -> Any:
        """(N, C, H, W) to (N, F, H / stride, W / stride)."""
        window, stride = self.kernel_size[0], self.stride[0]
        height, width = (max((-(-side // stride) - 1) * stride + window - side, 0) for side in x.shape[2:])
        if height or width:
            x = functional.pad(x, (width // 2, width - width // 2, height // 2, height - height // 2))
        return super().forward(x)


class Block(nn.Module):
    """Wider, a window over each map, narrower; the input is added where it fits."""

    def __init__(self, before: int, window: int, stride: int, expansion: int, after: int) -> None:
        super().__init__()
        wide = before * expansion
        if expansion > 1:
            self._expand_conv, self._bn0 = Same(before, wide, 1), _normalisation(wide)
        self._depthwise_conv, self._bn1 = Same(wide, wide, window, stride, wide), _normalisation(wide)
        self._project_conv, self._bn2 = Same(wide, after, 1), _normalisation(after)
        self.adds = stride == 1 and before == after

    def forward(self, x: Any) -> Any:
        """(N, C, H, W)."""
        before = x
        if hasattr(self, "_expand_conv"):
            x = functional.relu6(self._bn0(self._expand_conv(x)))
        x = functional.relu6(self._bn1(self._depthwise_conv(x)))
        x = self._bn2(self._project_conv(x))
        return x + before if self.adds else x


class Lite0(nn.Module):
    """(N, 3, H, W) float32 of 0 to 255 to (N, classes) logits."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self._conv_stem, self._bn0 = Same(3, STEM, 3, 2), _normalisation(STEM)
        blocks: list[nn.Module] = []
        before = STEM
        for repeats, window, stride, expansion, after in GROUPS:
            for repeat in range(repeats):
                blocks.append(Block(before, window, 1 if repeat else stride, expansion, after))
                before = after
        self._blocks = nn.ModuleList(blocks)
        self._conv_head, self._bn1 = Same(before, HEAD, 1), _normalisation(HEAD)
        self._fc = nn.Linear(HEAD, classes)

    def features(self, images: Any) -> Any:
        """(N, 1280)."""
        x = functional.relu6(self._bn0(self._conv_stem((images - 127) / 128)))
        for block in self._blocks:
            x = block(x)
        return functional.relu6(self._bn1(self._conv_head(x))).mean((2, 3))

    def forward(self, images: Any) -> Any:
        """Logits."""
        return self._fc(self.features(images))

    def train(self, mode: bool = True) -> Lite0:
        """Normalisation keeps what it learned, as Beholder's does: that is quicker and better for few images."""
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        return self


def learned(path: str, classes: int) -> Lite0:
    """The network with the weights of the file at `path`, and a last layer that is drawn."""
    model = Lite0(classes)
    tensors = torch.load(path, weights_only=True)
    model.load_state_dict({name: tensor for name, tensor in tensors.items() if "_fc" not in name}, strict=False)
    model.to(memory_format=torch.channels_last)
    return model


def _normalisation(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)
