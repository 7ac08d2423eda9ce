"""`manifest.json`: what an artifact says of itself."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from beholder import files
from beholder.data.pictures import PictureRules
from beholder.errors import ArtifactError, DataError

SCHEMA = 1


@dataclass(frozen=True)
class Manifest:
    """What is true of the graphs beside it.

    Attributes:
        model: name of the architecture.
        class_names: one a class, in the order of the graph's outputs.
        picture: how a picture is decoded, turned, coloured and resized before it enters the graph; all else that is
            done to it is inside the graph.
        views: what the graph averages: `["plain"]`, or `["plain", "mirrored"]`.
        temperature: divides the logits before the softmax, inside the graph.
        unsure_below: probability under which an answer is unsure; None until something fitted it.
        twin: of the int8 twin its `file`, its `accuracy` on the validation part, and the `tolerance` of its golden
            probabilities; None where the network has none.
        layers: a row a layer: name, type, output_shape, window, stride, parameters, multiply_adds.
        validation: figures on the validation part.
        data: name and fingerprints of the data that it learned from.
        versions: packages it was made with.
        created: ISO 8601, UTC.
    """

    model: str
    class_names: tuple[str, ...]
    picture: PictureRules
    views: tuple[str, ...]
    layers: tuple[dict[str, Any], ...]
    validation: dict[str, Any]
    data: dict[str, Any]
    versions: dict[str, str]
    created: str
    temperature: float = 1.0
    unsure_below: float | None = None
    twin: dict[str, Any] | None = None
    schema: int = field(default=SCHEMA)

    def write(self, path: Path) -> None:
        """Write the manifest to `path` as JSON."""
        files.write_json(path, {"schema": self.schema, **asdict(self), "picture": self.picture.to_json()})


def read_manifest(path: Path) -> Manifest:
    """The manifest at `path`.

    Raises:
        ArtifactError: it is missing, damaged, or of a newer schema than this Beholder knows.
    """
    try:
        document = json.loads(path.read_bytes())
        schema = document["schema"]
        if schema > SCHEMA:
            raise ArtifactError(
                f"{str(path.parent)!r} was made by a newer Beholder (schema {schema}, this one knows {SCHEMA}); "
                f"update Beholder."
            )
        lists = {name: tuple(document[name]) for name in ("class_names", "views", "layers")}
        return Manifest(**{**document, **lists, "picture": PictureRules.from_json(document["picture"])})
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ArtifactError(
            f"{str(path.parent)!r} is not a trained model (it has no {path.name}); give a RUN folder that `beholder "
            f"train` made."
        ) from error
    except DataError as error:  # picture rules of another version, or impossible ones
        raise ArtifactError(f"{str(path)!r} is damaged or made by another Beholder: {error}") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ArtifactError(f"{str(path)!r} is damaged ({error!r}); copy the model again or train again.") from error
