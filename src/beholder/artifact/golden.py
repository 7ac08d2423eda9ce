"""Golden pictures: files with the probabilities that they must get, replayed at each save and load."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from beholder import files
from beholder.artifact.graph import Graph
from beholder.data.pictures import PictureRules, decode
from beholder.errors import ArtifactError

COUNT = 8
TOLERANCE = 1e-3  # of a probability: other processors round differently, by about 1e-5


def write_golden(folder: Path, graph: Graph, rules: PictureRules, pictures: NDArray[np.uint8]) -> None:
    """Keep `pictures` (N, H, W, C) uint8 as PNG files in `folder`, with what `graph` says of them.

    The last is kept enlarged and on its side's wrong proportions, so that the resizing is replayed too.
    """
    names = [f"{number}.png" for number in range(len(pictures))]
    for number, (name, picture) in enumerate(zip(names, pictures, strict=True)):
        image = Image.fromarray(picture[..., 0] if rules.mode == "L" else picture)
        if number == len(pictures) - 1:
            image = image.resize((rules.width * 2, rules.height * 3), Image.Resampling.BICUBIC)
        buffer = io.BytesIO()
        image.save(buffer, "PNG")
        files.write_bytes(folder / name, buffer.getvalue())
    probabilities = _answers(folder, names, graph, rules)
    expected = {name: [round(float(p), 7) for p in row] for name, row in zip(names, probabilities, strict=True)}
    files.write_json(folder / "expected.json", {"tolerance": TOLERANCE, "probabilities": expected})


def replay_golden(folder: Path, graph: Graph, rules: PictureRules) -> None:
    """Answer the golden pictures again.

    Raises:
        ArtifactError: a probability differs from the expected one by more than the tolerance.
    """
    try:
        document = json.loads((folder / "expected.json").read_bytes())
        expected = {str(name): np.array(row, np.float32) for name, row in document["probabilities"].items()}
        tolerance = float(document["tolerance"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ArtifactError(f"{str(folder)!r} is damaged ({error!r}); copy the model again.") from error
    if not expected:
        raise ArtifactError(f"{str(folder)!r} holds no golden pictures; copy the model again.")
    answers = _answers(folder, list(expected), graph, rules)
    for name, answer in zip(expected, answers, strict=True):
        difference = float(np.abs(answer - expected[name]).max()) if answer.shape == expected[name].shape else np.inf
        if not difference <= tolerance:
            raise ArtifactError(
                f"The model answers its golden picture {str(folder / name)!r} otherwise than when it was saved "
                f"(by {difference:.4f}, tolerance {tolerance}); it would mislead here, so train again on this machine."
            )


def _answers(folder: Path, names: list[str], graph: Graph, rules: PictureRules) -> NDArray[np.float32]:
    return graph(np.stack([decode(folder / name, rules) for name in names])).probabilities
