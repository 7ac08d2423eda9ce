"""`manifest.json`: what an artifact says of itself."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from beholder import files
from beholder.data.decoding import Rules, rules_from_json
from beholder.errors import ArtifactError, DataError
from beholder.evaluation.decision import OperatingPoint
from beholder.schema import SCHEMA, why_damaged, why_unread

MANIFEST_FILE = "manifest.json"  # in the model folder


@dataclass(frozen=True)
class Manifest:
    """What is true of the graphs beside it.

    Attributes:
        model: name of the architecture.
        class_names: one a class, in the order of the graph's outputs.
        image: how an image is decoded, turned, coloured and resized before it enters the graph, or how a sound becomes
            images; all else that is done to it is inside the graph.
        views: what the graph averages: `["plain"]`, or `["plain", "mirrored"]`.
        temperature: divides the logits before the softmax, inside the graph.
        unsure_below: probability under which an answer is unsure; None where nothing can be promised of the others.
        risk: what is promised of the answers that are not unsure, as `risk_facts` tells it; None if nothing fitted it.
        point: the recall or precision that is promised of one class, as `choose_point` tells it; None without.
        familiar: `file` and `share` of what tells images that are unlike all that it was trained on; None without.
        int8: of the int8 model its `file`, its `accuracy` on the validation set, the `tolerance` of its golden
            probabilities, and its own `unsure_below`, `risk` and `point`; None where the network has none.
        layers: a row a layer: name, type, output_shape, window, stride, parameters, multiply_adds.
        validation: figures on the validation set, of the most probable classes.
        data: name and fingerprints of the data that it learned from.
        versions: packages it was made with.
        created: ISO 8601, UTC.
    """

    model: str
    class_names: tuple[str, ...]
    image: Rules
    views: tuple[str, ...]
    layers: tuple[dict[str, Any], ...]
    validation: dict[str, Any]
    data: dict[str, Any]
    versions: dict[str, str]
    created: str
    temperature: float = 1.0
    unsure_below: float | None = None
    risk: dict[str, Any] | None = None
    point: dict[str, Any] | None = None
    familiar: dict[str, Any] | None = None
    int8: dict[str, Any] | None = None
    schema: int = field(default=SCHEMA)

    def unsure_below_in(self, precision: str) -> float | None:
        """`unsure_below` of the network of this precision: the int8 model has a threshold of its own."""
        return self.int8.get("unsure_below") if precision == "int8" and self.int8 else self.unsure_below

    def risk_in(self, precision: str) -> dict[str, Any] | None:
        """`risk`, likewise."""
        return self.int8.get("risk") if precision == "int8" and self.int8 else self.risk

    def point_in(self, precision: str) -> dict[str, Any] | None:
        """`point`, likewise."""
        return self.int8.get("point") if precision == "int8" and self.int8 else self.point

    def operating_point(self, precision: str) -> OperatingPoint | None:
        """What decides which class the network of this precision answers; None: the most probable."""
        facts = self.point_in(precision)
        if facts is None or not facts["promised"]:
            return None
        return OperatingPoint(self.class_names.index(facts["class_name"]), facts["threshold"])

    def write(self, path: Path) -> None:
        """Write the manifest to `path` as JSON."""
        files.write_json(path, {"schema": self.schema, **asdict(self), "image": self.image.to_json()})


def read_manifest(path: Path) -> Manifest:
    """The manifest at `path`.

    Raises:
        ArtifactError: it is missing, damaged, or written by another version of Beholder.
    """
    try:
        document = json.loads(_content(path))
        schema = document["schema"]
        unread = why_unread(schema)
        if unread is not None:
            raise ArtifactError(f"{str(path)!r} {unread}; train again.")
        _check_names(path, document)
        lists = {name: tuple(document[name]) for name in ("class_names", "views", "layers")}
        manifest = Manifest(**{**document, **lists, "image": rules_from_json(document["image"])})
        _check_types(manifest)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ArtifactError(
            f"{str(path.parent)!r} is not a trained model (it has no {path.name}); give a RUN folder that `beholder "
            f"train` made."
        ) from error
    except DataError as error:  # image rules of another version, or impossible ones
        raise ArtifactError(f"{str(path)!r} is damaged, or was made by another version of Beholder: {error}") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ArtifactError(
            f"{str(path)!r} is damaged ({why_damaged(error)}); copy the model again or train again."
        ) from error
    return manifest


def _check_names(path: Path, document: dict[str, Any]) -> None:
    """Refuse a field that this version does not know: what it says of the model might matter."""
    unknown = sorted(document.keys() - {one.name for one in fields(Manifest)})
    if unknown:
        raise ArtifactError(
            f"{str(path)!r} has a field {unknown[0]!r}, which this version of Beholder does not know; update Beholder, "
            "or remove the field if you added it."
        )


def _content(path: Path) -> bytes:
    if path.is_fifo():  # reading a pipe waits for somebody to write to it
        raise FileNotFoundError
    return path.read_bytes()


def _check_types(manifest: Manifest) -> None:
    """Refuse a manifest whose values are of other kinds than those that reading it relies on, with a TypeError."""
    texts = (manifest.model, manifest.created, *manifest.class_names, *manifest.views, *manifest.versions.values())
    optional = [part for part in (manifest.risk, manifest.point, manifest.familiar, manifest.int8) if part is not None]
    if not all(isinstance(text, str) for text in texts):
        raise TypeError("a name in it is not text")
    if not all(isinstance(one, dict) for one in (*manifest.layers, manifest.validation, manifest.data, *optional)):
        raise TypeError("a part of it is not an object")
    numbers = [manifest.temperature, 0 if manifest.familiar is None else manifest.familiar["share"]]
    for precision in ("float32", "int8"):
        below, risk = manifest.unsure_below_in(precision), manifest.risk_in(precision)
        numbers += [] if below is None else [below]
        numbers += [] if risk is None else [risk[name] for name in ("asked", "confidence", "count", "coverage")]
        numbers += _point_numbers(manifest, manifest.point_in(precision))
    if not all(isinstance(number, int | float) and abs(number) < math.inf for number in numbers):
        raise TypeError("a value in it is not a number")
    if not manifest.class_names:
        raise ValueError("it names no classes")


def _point_numbers(manifest: Manifest, point: dict[str, Any] | None) -> list[Any]:
    """What must be numbers in an operating point, whose other values are looked at here."""
    if point is None:
        return []
    if point["class_name"] not in manifest.class_names or point["figure"] not in ("recall", "precision"):
        raise ValueError("it makes a promise about a class that it does not have")
    names = ["asked", "confidence", "count", "others", *(["threshold"] if point["promised"] else [])]
    names += [name for name in ("groups", "class_groups") if point.get(name) is not None]
    shares = [point[name] for name in ("recall", "precision", "false_alarms", "needed")]
    return [*(point[name] for name in names), *(share for share in shares if share is not None)]
