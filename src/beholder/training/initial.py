"""What a run starts from instead of weights that are drawn: an earlier run, or a network in a file.

Reading what it is takes no framework where it is a run; `first_weights` does.
"""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from beholder import files
from beholder.artifact.manifest import MANIFEST_FILE, read_manifest
from beholder.artifact.store import KERAS_FILE, check_seal
from beholder.data.sounds.rules import SoundRules
from beholder.errors import RunError, UsageError
from beholder.models import MODELS, PRETRAINED
from beholder.runs.run_folder import open_run
from beholder.training.settings import Initial, Settings


@dataclass(frozen=True)
class Start:
    """An earlier network, found and checked.

    Attributes:
        file: the Keras file.
        model: its name, for `Settings`.
        options: what its `build` takes.
        initial: what the run keeps of it.
    """

    file: Path
    model: str
    options: dict[str, Any]
    initial: Initial


def open_start(path: Path, input_range: tuple[float, float]) -> Start:
    """What `train --from path` starts from: a RUN folder, or a `.keras` file, whose opening starts the framework.

    Args:
        path: of either.
        input_range: what 0 and 255 become before the network in a file sees them.

    Raises:
        RunError, ArtifactError: the run is not one, or its model is damaged.
        UsageError: nothing is there, the file cannot be opened safely.
    """
    if path.is_dir():
        return _of_run(path)
    if not path.is_file() and str(path) in MODELS:
        raise UsageError(f"{str(path)!r} is the name of a model, not of a file; give it with --model {path}.")
    if not path.is_file():
        raise UsageError(f"Nothing is at {str(path)!r}; give the RUN folder or the FILE.keras to start --from.")
    return _of_file(path, input_range)


def keep_start(file: Path, initial: Initial, kept: Path) -> None:
    """Copy the Keras file that a run starts from to `kept`, into the run, so that it can be resumed without the other.

    Raises:
        RunError: `file` is gone, or not what it was when the run was planned.
        StorageError: it cannot be written.
    """
    check_start(file, initial)
    with files.replacing(kept) as target, file.open("rb") as source:
        shutil.copyfileobj(source, target)


def check_start(file: Path, initial: Initial) -> None:
    """Make sure that `file` is the network that a run was planned to start from.

    Raises:
        RunError: it is gone, or another.
    """
    if not file.is_file() or _sha256(file) != initial.sha256:
        raise RunError(
            f"{str(file)!r} is not, or no longer, the network of {initial.source!r} that the run started from; "
            "restore it, or train again with --from."
        )


def first_weights(model: Any, file: Path, earlier: tuple[str, ...], class_names: tuple[str, ...]) -> None:
    """Give `model` the weights in the Keras `file` of the same network with another head.

    Of the head, the weights of the classes that both know are kept; the others stay as drawn.

    Args:
        model: built for `class_names`.
        file: of a run.
        earlier: class names of the network in the file.
        class_names: those to be learned.
    """
    import keras

    from beholder.models import layers as _registers_our_layers  # noqa: F401

    trained = keras.saving.load_model(file, compile=False, safe_mode=True)
    for layer in model.layers:
        if layer.weights and layer.name != "logits":
            layer.set_weights(trained.get_layer(layer.name).get_weights())
    shared = [(class_names.index(name), earlier.index(name)) for name in class_names if name in earlier]
    if shared:
        to, of = (list(columns) for columns in zip(*shared, strict=True))
        head = model.get_layer("logits")
        weights = head.get_weights()
        for values, known in zip(weights, trained.get_layer("logits").get_weights(), strict=True):
            values[..., to] = known[..., of]
        head.set_weights(weights)


def _of_run(path: Path) -> Start:
    run, config = open_run(path)
    manifest = read_manifest(run.model_folder / MANIFEST_FILE)
    check_seal(run.model_folder)
    settings = Settings.from_json(config["settings"])
    file = run.model_folder / KERAS_FILE
    rules = manifest.image
    sound, fit = (rules.to_json(), None) if isinstance(rules, SoundRules) else (None, rules.fit)
    initial = Initial(str(path.resolve()), _sha256(file), manifest.class_names, *rules.shape, fit, sound)
    return Start(file, settings.model, settings.options, initial)


def _of_file(path: Path, input_range: tuple[float, float]) -> Start:
    from beholder.training.steps import framework

    framework.start()
    from beholder.models.pretrained import input_shape

    height, width, channels = input_shape(path)
    initial = Initial(str(path.resolve()), _sha256(path), (), height, width, channels, None)
    return Start(path, PRETRAINED, {"input_range": list(input_range), "file": str(path)}, initial)


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
