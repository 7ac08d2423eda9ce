"""Which layers each layer works on, read from `inside.onnx`: a network need not be a chain."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from beholder.artifact.weights import SAME_VALUES, read_graph
from beholder.errors import ArtifactError


def read_sources(path: Path, layers: Sequence[str]) -> list[list[int]]:
    """For each layer the places in `layers` of those that it works on, ascending; -1 stands for the image.

    Args:
        path: `inside.onnx`.
        layers: names of its outputs, each after those that it works on.

    Raises:
        ArtifactError: the file is missing or damaged.
    """
    try:
        graph = read_graph(path)
        makers = {name: node for node in graph.node for name in node.output}
        constants = {tensor.name for tensor in graph.initializer}
    except Exception as error:  # Protocol Buffers answer damage with an exception of their own
        raise ArtifactError(f"{str(path)!r} cannot be read ({error}); copy the model again.") from error
    owners: dict[str, int] = {}  # whose output a tensor is, under whatever name and order
    for index, layer in enumerate(layers):
        name = layer
        owners.setdefault(name, index)
        while name in makers and makers[name].op_type in SAME_VALUES:
            before = makers[name].input[0]
            if before in owners or before not in makers:
                break
            name = before
            owners[name] = index
    return [_sources(index, owners, makers, constants) for index in range(len(layers))]


def _sources(index: int, owners: dict[str, int], makers: dict[str, Any], constants: set[str]) -> list[int]:
    """Walk back from all tensors of a layer to the nearest that another layer made, or that nobody did."""
    found: set[int] = set()
    waiting = [name for name, owner in owners.items() if owner == index]
    seen = set(waiting)
    while waiting:
        node = makers.get(waiting.pop())
        for name in () if node is None else node.input:
            if not name or name in seen or name in constants:
                continue
            seen.add(name)
            if name in owners:
                found.add(owners[name])
            elif name in makers:
                waiting.append(name)
            else:
                found.add(-1)
    return sorted(found - {index})
