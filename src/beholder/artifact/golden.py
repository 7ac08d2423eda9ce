"""Golden images: files with what each graph must say of them, replayed at each save and load."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from beholder import files
from beholder.artifact.graph import Graph
from beholder.artifact.inside import Inside
from beholder.data.images.decode import ImageRules, decode
from beholder.errors import ArtifactError
from beholder.figures.png import png

COUNT = 8
GOLDEN_TOLERANCE = 1e-3  # of a probability: other processors round differently, by about 1e-5
INSIDE_TOLERANCE = 1e-3  # of a logit, as a share of the largest one
INT8_TOLERANCE = 1e-2  # of a probability: a last bit elsewhere can move a value by a whole step, seen up to 0.0024

_Answer = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


def write_golden(
    folder: Path,
    graph: Graph,
    rules: ImageRules,
    images: NDArray[np.uint8],
    inside: Inside | None = None,
    int8: Graph | None = None,
) -> None:
    """Keep `images` (N, H, W, C) uint8 as PNG files in `folder`, with what `graph`, `inside` and `int8` say of them.

    The last is kept enlarged and out of proportion, so that the resizing is replayed too.
    """
    names = [f"{number}.png" for number in range(len(images))]
    last = Image.fromarray(images[-1, ..., 0] if rules.mode == "L" else images[-1])
    enlarged = np.asarray(last.resize((rules.width * 2, rules.height * 3), Image.Resampling.BICUBIC))
    for name, image in zip(names, [*images[:-1], enlarged], strict=True):
        files.write_bytes(folder / name, png(image, level=6))
    decoded = _decoded(folder, names, rules)
    document: dict[str, Any] = {
        "tolerance": GOLDEN_TOLERANCE,
        "probabilities": _rounded(names, graph(decoded).probabilities),
    }
    if inside is not None:
        logits = inside(decoded, ("logits",))["logits"]
        tolerance = INSIDE_TOLERANCE * max(1.0, float(np.abs(logits).max()))
        document["inside"] = {"tolerance": round(tolerance, 6), "logits": _rounded(names, logits)}
    if int8 is not None:
        probabilities = _rounded(names, int8(decoded).probabilities)
        document["int8"] = {"tolerance": INT8_TOLERANCE, "probabilities": probabilities}
    files.write_json(folder / "expected.json", document)


def replay_golden(folder: Path, graph: Graph, rules: ImageRules, section: str | None = None) -> None:
    """Answer the golden images again, with `model.onnx`, or with the int8 model where `section` is `"int8"`.

    Raises:
        ArtifactError: a probability differs from the expected one by more than that graph's tolerance.
    """
    _replay(folder, section, "probabilities", rules, lambda images: graph(images).probabilities)


def replay_inside(folder: Path, inside: Inside, rules: ImageRules) -> None:
    """Answer the golden images again, with the graph that explanations use.

    Raises:
        ArtifactError: a logit differs from the expected one by more than that graph's tolerance.
    """
    _replay(folder, "inside", "logits", rules, lambda images: inside(images, ("logits",))["logits"])


def _replay(folder: Path, section: str | None, key: str, rules: ImageRules, answer: _Answer) -> None:
    expected, tolerance = _expected(folder, section, key)
    for name, row in zip(expected, answer(_decoded(folder, list(expected), rules)), strict=True):
        difference = float(np.abs(row - expected[name]).max()) if row.shape == expected[name].shape else np.inf
        if not difference <= tolerance:
            raise ArtifactError(
                f"The model answers its golden image {str(folder / name)!r} otherwise than when it was saved "
                f"(by {difference:.4f}, tolerance {tolerance}); it would mislead here, so train again on this machine."
            )


def _expected(folder: Path, section: str | None, key: str) -> tuple[dict[str, NDArray[np.float32]], float]:
    try:
        document = json.loads((folder / "expected.json").read_bytes())
        document = document if section is None else document[section]
        expected = {str(name): np.array(row, np.float32) for name, row in document[key].items()}
        tolerance = float(document["tolerance"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise ArtifactError(f"{str(folder)!r} is damaged ({error!r}); copy the model again or train again.") from error
    if not expected:
        raise ArtifactError(f"{str(folder)!r} holds no golden images; copy the model again.")
    if any(Path(name).name != name for name in expected):
        raise ArtifactError(f"{str(folder)!r} names golden images outside of it; copy the model again.")
    return expected, tolerance


def _decoded(folder: Path, names: list[str], rules: ImageRules) -> NDArray[np.uint8]:
    return np.stack([decode(folder / name, rules) for name in names])


def _rounded(names: list[str], rows: NDArray[np.float32]) -> dict[str, list[float]]:
    return {name: [round(float(value), 7) for value in row] for name, row in zip(names, rows, strict=True)}
