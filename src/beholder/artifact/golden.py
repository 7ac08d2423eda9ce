"""Golden images, or sounds: files with what each graph must say of them, replayed at each save and load."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beholder import files
from beholder.artifact.graph import Graph
from beholder.artifact.inside import Inside
from beholder.data.decoding import Rules, decode_rows, kind_of
from beholder.errors import ArtifactError
from beholder.evaluation.recordings import by_recording
from beholder.schema import why_damaged

_EXPECTED_FILE = "expected.json"
GOLDEN_TOLERANCE = 1e-3  # of a probability: other processors round differently, by about 1e-5
INSIDE_TOLERANCE = 1e-3  # of a logit, as a share of the largest one
INT8_TOLERANCE = 1e-2  # of a probability: a last bit elsewhere can move a value by a whole step, seen up to 0.0024

_Answer = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


def write_golden(
    folder: Path,
    graph: Graph,
    rules: Rules,
    contents: Mapping[str, bytes],
    inside: Inside | None = None,
    int8: Graph | None = None,
) -> None:
    """Keep files, by name, in `folder`, with what `graph`, `inside` and `int8` say of them."""
    for name, content in contents.items():
        files.write_bytes(folder / name, content)
    names = list(contents)
    decoded, recordings = _decoded(folder, names, rules)
    document: dict[str, Any] = {
        "tolerance": GOLDEN_TOLERANCE,
        "probabilities": _rounded(names, by_recording(graph(decoded).probabilities, recordings)[0]),
    }
    if inside is not None:
        logits = by_recording(inside(decoded, ("logits",))["logits"], recordings)[0]
        tolerance = INSIDE_TOLERANCE * max(1.0, float(np.abs(logits).max()))
        document["inside"] = {"tolerance": round(tolerance, 6), "logits": _rounded(names, logits)}
    if int8 is not None:
        probabilities = _rounded(names, by_recording(int8(decoded).probabilities, recordings)[0])
        document["int8"] = {"tolerance": INT8_TOLERANCE, "probabilities": probabilities}
    files.write_json(folder / _EXPECTED_FILE, document)


def replay_golden(folder: Path, graph: Graph, rules: Rules, section: str | None = None) -> None:
    """Answer the golden images again, with `model.onnx`, or with the int8 model where `section` is `"int8"`.

    Raises:
        ArtifactError: a probability differs from the expected one by more than that graph's tolerance.
    """
    _replay(folder, section, "probabilities", rules, lambda images: graph(images).probabilities)


def replay_inside(folder: Path, inside: Inside, rules: Rules) -> None:
    """Answer the golden images again, with the graph that explanations use.

    Raises:
        ArtifactError: a logit differs from the expected one by more than that graph's tolerance.
    """
    _replay(folder, "inside", "logits", rules, lambda images: inside(images, ("logits",))["logits"])


def _replay(folder: Path, section: str | None, key: str, rules: Rules, answer: _Answer) -> None:
    expected, tolerance = _expected(folder, section, key)
    decoded, recordings = _decoded(folder, list(expected), rules)
    for name, row in zip(expected, by_recording(answer(decoded), recordings)[0], strict=True):
        difference = float(np.abs(row - expected[name]).max()) if row.shape == expected[name].shape else np.inf
        if not difference <= tolerance:
            raise ArtifactError(
                f"The model answers its golden {kind_of(rules).name} {str(folder / name)!r} differently from when it "
                f"was saved (by {difference:.4f}, tolerance {tolerance}); it would mislead here, so train again on "
                "this machine."
            )


def _expected(folder: Path, section: str | None, key: str) -> tuple[dict[str, NDArray[np.float32]], float]:
    try:
        document = json.loads((folder / _EXPECTED_FILE).read_bytes())
        document = document if section is None else document[section]
        expected = {str(name): np.array(row, np.float32) for name, row in document[key].items()}
        tolerance = float(document["tolerance"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise ArtifactError(
            f"{str(folder)!r} is damaged ({why_damaged(error)}); copy the model again or train again."
        ) from error
    if not expected:
        raise ArtifactError(f"{str(folder)!r} holds no golden files; copy the model again.")
    if any(Path(name).name != name for name in expected):
        raise ArtifactError(f"{str(folder)!r} lists golden files that lie elsewhere; copy the model again.")
    return expected, tolerance


def _decoded(folder: Path, names: list[str], rules: Rules) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """(N, H, W, C) uint8, rows of the files, and which of them each row is of."""
    rows = [decode_rows(folder / name, rules) for name in names]
    return np.concatenate(rows), np.repeat(np.arange(len(rows)), list(map(len, rows)))


def _rounded(names: list[str], rows: NDArray[np.float32]) -> dict[str, list[float]]:
    return {name: [round(float(value), 7) for value in row] for name, row in zip(names, rows, strict=True)}
