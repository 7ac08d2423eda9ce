"""Keras and its backend, imported once, with the settings that every network here relies on.

TensorFlow is the backend on a processor. On an accelerator it is JAX, which the person asks for with KERAS_BACKEND=jax.
"""

from __future__ import annotations

import atexit
import gc
import importlib.util
import logging
import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from beholder.data.cache_folder import keep_in_cache
from beholder.errors import UsageError
from beholder.standard_error import muted_standard_error

# Of Keras, which draws and computes otherwise with others; our layers mean height, width, channels.
SETTINGS: dict[str, Any] = {"floatx": "float32", "epsilon": 1e-7, "image_data_format": "channels_last"}
BACKENDS = {"tensorflow": "TensorFlow", "jax": "JAX"}
# XLA then takes only algorithms that give the same bits every time, so that a resumed run ends as one never stopped.
_DETERMINISTIC = "--xla_gpu_deterministic_ops=true"


def backend() -> str:
    """The backend that training uses, `tensorflow` or `jax`; imports nothing.

    Raises:
        UsageError: the person wants another one.
    """
    wanted = os.environ.get("KERAS_BACKEND") or "tensorflow"
    if wanted not in BACKENDS:
        raise UsageError(
            f"Training runs on TensorFlow or, on an accelerator, on JAX, not on {wanted!r}; unset KERAS_BACKEND."
        )
    return wanted


def accelerator() -> str | None:
    """What kind of GPU or TPU training uses, such as `NVIDIA H100`; None where it uses the processor.

    JAX has to be imported to tell, and takes a second; with TensorFlow, which we take for processors only, nothing is.

    Raises:
        UsageError: another backend is wanted, or JAX is wanted and not installed.
    """
    if backend() == "tensorflow":
        return None
    device = import_jax().devices()[0]
    return None if device.platform == "cpu" else str(device.device_kind)


def describe_backend() -> dict[str, str | None]:
    """Backend and accelerator, JSON-ready, as the conditions of a figure.

    Raises:
        UsageError: as `accelerator`.
    """
    return {"backend": backend(), "accelerator": accelerator()}


def conditions() -> dict[str, Any]:
    """As `describe_backend`, and how Keras is set, JSON-ready: what the weights of one seed depend on.

    Raises:
        UsageError: as `accelerator`.
    """
    return {**describe_backend(), "keras": SETTINGS}


def advice(*, together: bool = False, local: bool = True) -> str | None:
    """A sentence for a person who would train faster another way; None where there is nothing to say.

    Args:
        together: several processes train.
        local: all of them on this machine.
    """
    if together and local and accelerator() is None:
        return (
            "One process on TensorFlow is faster than several on this machine, which has no accelerator: leave "
            "--processes out."
        )
    if not together and backend() == "jax" and accelerator() is None:
        return "JAX found no accelerator, and TensorFlow is several times faster on a processor: unset KERAS_BACKEND."
    return None


@contextmanager
def training_half(extras: str = "train") -> Iterator[None]:
    """Say what to install where a library of the training half, in these `extras`, is imported here and is not there.

    Raises:
        UsageError: it is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise UsageError(
            f"Training needs {error.name!r}, which is not installed; run `pip install 'beholder[{extras}]'`."
        ) from error


def start() -> None:
    """Import Keras with its backend. It takes seconds; the rest of this package may be imported after it.

    Raises:
        UsageError: Keras or its backend is not installed, or the person wants another backend.
    """
    keep_in_cache()
    os.environ["KERAS_BACKEND"] = backend()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    # TensorFlow takes oneDNN's kernels by itself only on processors with AVX512_VNNI; its own reach half their speed.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    if backend() == "jax":
        import_jax()
        _require_tensorflow()
    with training_half(), muted_standard_error(), _nothing_collected():
        import keras
    # It warns of functions that are compiled again, as those of several networks in one process are.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    # A person's own keras.json, or their script before us, may say otherwise.
    keras.config.set_dtype_policy(SETTINGS["floatx"])
    for name, value in SETTINGS.items():
        getattr(keras.config, f"set_{name}")(value)
    keras.config.disable_traceback_filtering()
    # What was imported is there to stay: whenever Python looks for cycles, and as it exits, that would take seconds.
    gc.freeze()
    atexit.register(gc.freeze)


@contextmanager
def _nothing_collected() -> Iterator[None]:
    """No search for cycles within: what an import makes is there to stay, and looking takes a tenth of its time."""
    wanted = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if wanted:
            gc.enable()


def set_random_seed(seed: int) -> None:
    """Make the weights that are drawn next a function of `seed`."""
    if backend() == "tensorflow":
        import keras

        keras.utils.set_random_seed(seed)
    else:
        # Keras's own function would import TensorFlow, only to seed it too; its layers draw their seeds from here.
        random.seed(seed)


def import_jax() -> Any:
    """JAX, which has not looked for its devices yet.

    Raises:
        UsageError: it is not installed.
    """
    keep_in_cache()  # processes that train together ask Keras for its devices before they start it
    flags = os.environ.get("XLA_FLAGS", "")
    if "xla_gpu_deterministic_ops" not in flags:  # read once, when JAX looks for its devices
        os.environ["XLA_FLAGS"] = f"{flags} {_DETERMINISTIC}".strip()
    with training_half("train,jax"):
        import jax
    return jax


def _require_tensorflow() -> None:
    # Said before training and not after it: a network from a file may have layers that only TensorFlow writes.
    if importlib.util.find_spec("tensorflow") is None:
        raise UsageError(
            "Training on JAX needs 'tensorflow' to write the model, which is not installed; "
            "run `pip install 'beholder[train,jax]'`."
        )
