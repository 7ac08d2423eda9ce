"""Reads weights that PyTorch saved before version 1.6, without PyTorch, and runs nothing that the file names.

Such a file is a stream: five pickles (a magic number, a version, the sizes of C's types, the tensors by name, and the
keys of their storages), then for each key how many numbers its storage has, and these. Two walls stand around the
pickles, those of `beholder.data.pickles`; a tensor is a view of numbers that are there.
Source: torch/serialization.py of PyTorch 1.5, `_legacy_save`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beholder.data.pickles.opcodes import UnreadableError, check_opcodes
from beholder.data.pickles.unpickler import Name, RefusedError, RestrictedUnpickler
from beholder.errors import DataError

_MAGIC, _VERSION = 0x1950A86A20F9469CFC6C, 1001
_COUNT_BYTES = 8
_MOST_DIMENSIONS = 32  # as old NumPy

Tensors = dict[str, NDArray[Any]]


def read_tensors(content: bytes, name: str) -> Tensors:
    """The tensors in `content`, by their names: float32 or int64, read-only.

    Args:
        content: of the file.
        name: says in an error which file it was.

    Raises:
        DataError: it is damaged, no such file, or asks to run code.
    """
    try:
        return _tensors(content)
    except RefusedError as error:
        raise DataError(f"Refused to read {name!r}: {error}; get the file from a source that you trust.") from error
    except Exception as error:
        reason = str(error) if isinstance(error, UnreadableError) else "it is damaged"
        raise DataError(f"Cannot read {name!r} as PyTorch's weights: {reason}; get a fresh copy.") from error


def _tensors(content: bytes) -> Tensors:
    magic, position, _ = _load(content, 0)
    version, position, _ = _load(content, position)
    if (magic, version) != (_MAGIC, _VERSION):
        raise UnreadableError("it is not a PyTorch file")
    sizes, position, _ = _load(content, position)
    if type(sizes) is not dict or sizes.get("little_endian") is not True:
        raise UnreadableError("its numbers are in another byte order")
    tensors, position, storages = _load(content, position)
    keys, position, _ = _load(content, position)
    if type(keys) is not list or not all(isinstance(key, str) for key in keys) or sorted(keys) != sorted(storages):
        raise UnreadableError("its keys are not those of its storages")
    numbers: dict[str, NDArray[Any]] = {}
    for key in keys:
        numbers[key], position = _numbers(content, position, storages[key])
    if position != len(content):
        raise UnreadableError("it holds more data than it declares")
    if not isinstance(tensors, _Tensors) or not all(isinstance(name, str) for name in tensors):
        raise UnreadableError("it holds no tensors by name")
    return {name: _view(tensor, numbers) for name, tensor in tensors.items()}


def _load(content: bytes, start: int) -> tuple[Any, int, dict[str, _Storage]]:
    """What the pickle at `start` holds, where it ends, and the storages that it refers to, by key."""
    end = check_opcodes(content, start, persistent_ids=True).end
    unpickler = _Unpickler(content[start:end])
    return unpickler.load(), end, unpickler.storages


def _numbers(content: bytes, position: int, storage: _Storage) -> tuple[NDArray[Any], int]:
    """The numbers of the storage at `position`, and where they end."""
    start = position + _COUNT_BYTES
    end = start + storage.count * storage.dtype.itemsize
    if int.from_bytes(content[position:start], "little") != storage.count or end > len(content):
        raise UnreadableError("a storage in it is cut short")
    return np.frombuffer(content[start:end], storage.dtype), end


def _view(tensor: Any, numbers: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
    """The tensor as a view of the numbers of its storage."""
    if not isinstance(tensor, _Tensor):
        raise UnreadableError("it holds something other than tensors")
    flat, shape, strides = numbers[tensor.storage.key], tensor.shape, tensor.strides
    count = math.prod(shape)
    last = tensor.offset + sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))
    if not 0 < count <= flat.size or last >= flat.size:
        raise UnreadableError("a tensor in it reaches beyond its storage")
    steps = [stride * flat.itemsize if size > 1 else 0 for size, stride in zip(shape, strides, strict=True)]
    return np.lib.stride_tricks.as_strided(flat[tensor.offset :], shape, steps, writeable=False)


@dataclass(frozen=True)
class _Storage:
    """So many numbers, which follow after the pickles."""

    key: str
    dtype: np.dtype[Any]
    count: int


@dataclass(frozen=True)
class _Tensor:
    """A view of a storage; offset and strides in numbers."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class _Unpickler(RestrictedUnpickler):
    """Finds the stand-ins below and nothing else, and keeps which storages are referred to."""

    def __init__(self, program: bytes) -> None:
        known = {
            ("collections", "OrderedDict"): _MakeTensors(),
            ("torch._utils", "_rebuild_tensor_v2"): _MakeTensor(),
            ("torch", "FloatStorage"): _Kind("<f4"),
            ("torch", "LongStorage"): _Kind("<i8"),
        }
        super().__init__(program, known)
        self.storages: dict[str, _Storage] = {}

    def persistent_load(self, pid: Any) -> _Storage:
        """The storage that a pickle refers to."""
        if type(pid) is not tuple or len(pid) != 6:
            raise UnreadableError("a storage in it is damaged")
        kind, key, count = pid[1], pid[2], pid[4]
        if not (isinstance(kind, _Kind) and isinstance(key, str) and _is_count(count) and pid[5] is None):
            raise UnreadableError("a storage in it is damaged")
        storage = _Storage(key, kind.dtype, count)
        if self.storages.setdefault(key, storage) != storage:
            raise UnreadableError("two storages in it have one key")
        return storage


class _Kind(Name):
    """Stands in for a class of storages."""

    __slots__ = ("dtype",)

    def __init__(self, code: str) -> None:
        self.dtype = np.dtype(code)


class _MakeTensor(Name):
    __slots__ = ()

    def __call__(self, storage: Any, offset: Any, shape: Any, strides: Any, *_: Any) -> _Tensor:
        fits = isinstance(storage, _Storage) and _is_count(offset) and _are_counts(shape) and _are_counts(strides)
        if not fits or len(shape) != len(strides):
            raise UnreadableError("a tensor in it is damaged")
        return _Tensor(storage, offset, shape, strides)


class _MakeTensors(Name):
    __slots__ = ()

    def __call__(self) -> _Tensors:
        return _Tensors()


class _Tensors(dict[Any, Any]):
    """Stands in for the ordered dict of tensors by name."""

    __slots__ = ()

    def __setstate__(self, state: object) -> None:
        """Versions of the layers that wrote them, which nobody needs."""


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _are_counts(values: Any) -> bool:
    return type(values) is tuple and len(values) <= _MOST_DIMENSIONS and all(map(_is_count, values))
