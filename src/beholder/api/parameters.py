"""Parameters: what each layer of a network costs, and the chapter's argument for convolutions in numbers."""

from __future__ import annotations

import contextlib
import hashlib
import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import beholder.models
from beholder import __version__, files
from beholder.api.results import LayerCosts, ParametersResult
from beholder.arguments import checked_arguments
from beholder.artifact.manifest import MANIFEST_FILE, read_manifest
from beholder.data.cache_folder import default_cache
from beholder.errors import ArtifactError, StorageError, UsageError
from beholder.models import recipe
from beholder.models.costs import convolution_weights, fully_connected_weights

_MODEL, _SIDE, _CLASSES = "book", 32, 10  # unless the person says otherwise: the chapter's network on CIFAR-10
_LARGEST_SIDE = 4096  # pixels
_MOST_CLASSES = 10_000

# The chapter's example: one fully connected layer and one convolution on a grey image, and on a larger one.
SIDES, NEURONS, WINDOW, WINDOWS = (256, 300), 10, 5, 64


@checked_arguments()
def parameters(
    run: str | Path | None = None,
    *,
    model: str | None = None,
    size: int | None = None,
    classes: int | None = None,
) -> ParametersResult:
    """What each layer of a trained or of a named network costs, and the chapter's argument.

    A RUN is read from its manifest. A named network is built once by Keras with TensorFlow behind it, which takes
    seconds (Keras's NumPy backend would need JAX), and its table is kept in the cache folder.

    Args:
        run: a RUN folder or a model folder.
        model: a network by its name instead; `book` by default.
        size: height and width, in pixels, of the colour images that the named network is built for; 32 by default.
        classes: how many; 10 by default.

    Raises:
        UsageError: a RUN and a network's name at once, an unknown name, or a size or number out of range.
        ArtifactError: not a RUN with a model in it, or it is damaged.
    """
    if run is not None:
        given = {"model": model, "size": size, "classes": classes}
        for name, value in given.items():
            if value is not None:
                raise UsageError(f"{str(run)!r} has a network of its own; leave --{name} {value} out.")
        name, layers = _of_run(Path(run))
    else:
        name = model or _MODEL
        layers = _of_model(name, _SIDE if size is None else size, _CLASSES if classes is None else classes)
    total = sum(layer["parameters"] for layer in layers)
    return ParametersResult(
        model=name,
        layers=tuple(LayerCosts(**layer, share=layer["parameters"] / total if total else 0.0) for layer in layers),
        parameters=total,
        multiply_adds=sum(layer["multiply_adds"] for layer in layers),
        argument=argument(),
    )


def argument() -> dict[str, Any]:
    """Why convolution is cheap: weights of both kinds of layer on the chapter's image and on a larger one."""
    return {
        "fully_connected": {
            "neurons": NEURONS,
            "at": [
                {
                    "image": [side, side],
                    "weights": fully_connected_weights(side, NEURONS),
                    "weights_a_neuron": fully_connected_weights(side, 1),
                }
                for side in SIDES
            ],
        },
        "convolution": {
            "window": [WINDOW, WINDOW],
            "windows": WINDOWS,
            "at": [{"image": [side, side], "weights": convolution_weights(WINDOW, WINDOWS)} for side in SIDES],
        },
    }


def _of_run(run: Path) -> tuple[str, list[dict[str, Any]]]:
    folder = run / "model" if (run / "model").is_dir() else run
    manifest = read_manifest(folder / MANIFEST_FILE)
    known = {one.name for one in fields(LayerCosts)} - {"share"}
    if any(not isinstance(layer, dict) or layer.keys() != known for layer in manifest.layers):
        raise ArtifactError(f"The layers in {str(folder / 'manifest.json')!r} are damaged; copy the model again.")
    return manifest.model, list(manifest.layers)


def _of_model(name: str, side: int, classes: int) -> list[dict[str, Any]]:
    recipe(name)
    if not 2 <= classes <= _MOST_CLASSES:
        raise UsageError(f"Expected from 2 to {_MOST_CLASSES:,} classes. Received: {classes}.")
    if side > _LARGEST_SIDE:
        raise UsageError(f"Expected images of at most {_LARGEST_SIDE:,} pixels per side. Received: {side}.")
    kept = default_cache() / "parameters" / f"{name}-{side}-{classes}-{_fingerprint()}.json"
    try:
        layers: list[dict[str, Any]] = json.loads(kept.read_bytes())["layers"]
    except (OSError, ValueError, KeyError, TypeError):
        layers = _build(name, side, classes)
        with contextlib.suppress(StorageError, OSError):  # it is only there for speed
            files.write_json(kept, {"layers": layers})
    return layers


def _build(name: str, side: int, classes: int) -> list[dict[str, Any]]:
    # The framework takes seconds; a kept table and a RUN do without.
    from beholder.training.steps import framework

    framework.start()
    from beholder.models.costs import layer_costs

    return layer_costs(beholder.models.build(name, (side, side, 3), classes))


def _fingerprint() -> str:
    """Changes with the code of the networks, so that a kept table is never that of another network."""
    digest = hashlib.sha256(__version__.encode())
    for path in sorted(Path(beholder.models.__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
