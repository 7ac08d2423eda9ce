"""A restricted unpickler: reads the batches of the CIFAR archives and runs nothing that they name.

A pickle is a program. Three walls stand around it:

1. its opcodes are walked before it is loaded: only those of dicts, lists, texts, numbers and arrays pass, and no count
   may announce more than the file holds;
2. the few names an array needs lead to the stand-ins of this file, never to NumPy or to any other code;
3. an array is built here, from the bytes that are there, once its dtype and its shape agree with them.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beholder.arguments import checked_arguments
from beholder.data.pickles.opcodes import UnreadableError, byte_string, check_opcodes
from beholder.data.pickles.unpickler import Name, RefusedError, RestrictedUnpickler
from beholder.errors import DataError

# The dtypes of numbers, as NumPy's pickles spell them; no objects, no records, no texts.
_DTYPES = frozenset({"b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"})

_MOST_DIMENSIONS = 32  # as old NumPy; the product of a million numbers takes for ever


@checked_arguments()
def unpickle(file: str | Path) -> dict[str, Any]:
    """Read one batch of a CIFAR archive (python version), as the chapter does, without running anything in it.

    Args:
        file: a path such as `cifar-10-batches-py/data_batch_1`.

    Returns:
        The batch, with text keys: `data` (n, 3072) uint8, read-only, and what else it holds. Texts that Python 2
        wrote as bytes come back as `str`.

    Raises:
        DataError: the file cannot be read, is damaged, is no such batch, or asks to run code.
    """
    try:
        content = Path(file).read_bytes()
    except OSError as error:
        raise DataError(f"Cannot read {str(file)!r}: {error.strerror or error}; give the path of a batch.") from error
    return loads(content, str(file))


def loads(content: bytes, name: str) -> dict[str, Any]:
    """Read one pickled batch from `content`; `name` says in an error which file it was. See `unpickle`."""
    try:
        return _plain(_Unpickler(content, check_opcodes(content).large).load())
    except RefusedError as error:
        raise DataError(f"Refused to read {name!r}: {error}; get the archive from a source that you trust.") from error
    except Exception as error:
        reason = str(error) if isinstance(error, UnreadableError) else "it is damaged or not a pickle"
        raise DataError(f"Cannot read {name!r} as a CIFAR batch: {reason}; get a fresh copy of the archive.") from error


class _Unpickler(RestrictedUnpickler):
    """Finds the stand-ins below and nothing else.

    The standard unpickler would copy the pixels out of the content. So each large byte string is cut out of the
    program, a persistent id (pickle's own word for what is kept elsewhere) is put in its place, and the pixels stay
    where they are.
    """

    def __init__(self, content: bytes, large: list[slice]) -> None:
        program, kept = bytearray(), 0
        self._elsewhere: list[memoryview] = []
        for cut in large:
            program += content[kept : cut.start] + f"I{len(self._elsewhere)}\nQ".encode()
            self._elsewhere.append(byte_string(content, cut))
            kept = cut.stop
        program += memoryview(content)[kept:]
        # Each text is encoded once; whoever encodes more than the file holds wants to fill the memory.
        encode = _Encode(len(content))
        known: dict[tuple[str, str], Name] = {
            ("numpy", "ndarray"): Name(),
            ("numpy", "dtype"): _MakeDType(),
            ("_codecs", "encode"): encode,
        }
        for package in ("numpy.core", "numpy._core"):
            known[f"{package}.multiarray", "_reconstruct"] = _Reconstruct()
            known[f"{package}.multiarray", "scalar"] = _Scalar()
            known[f"{package}.numeric", "_frombuffer"] = _FromBuffer()
        super().__init__(program, known)

    def persistent_load(self, pid: Any) -> memoryview:
        return self._elsewhere[int(pid)]


class _DType:
    """Stands in for `numpy.dtype` until it has heard its byte order."""

    __slots__ = ("_code", "_order")

    def __init__(self, code: str) -> None:
        self._code, self._order = code, "="

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self._order = _text(state[1])

    def build(self) -> np.dtype[Any]:
        if self._code not in _DTYPES or self._order not in ("<", ">", "|", "="):
            raise UnreadableError(f"it holds an array of dtype {self._order + self._code!r} instead of numbers")
        return np.dtype(self._order + self._code)


class _Array:
    """Stands in for `numpy.ndarray` until it has heard its state."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value: NDArray[Any] | None = None

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        shape, dtype, by_column, content = state[-4:]  # a version number may come first
        self.fill(content, dtype, shape, "F" if by_column else "C")

    def fill(self, content: Any, dtype: Any, shape: Any, order: Any) -> None:
        if not (
            isinstance(dtype, _DType)
            and isinstance(content, bytes | bytearray | memoryview)
            and isinstance(shape, tuple)
        ):
            raise UnreadableError("an array in it is damaged")
        sides = len(shape) <= _MOST_DIMENSIONS and all(type(side) is int and side >= 0 for side in shape)
        if not sides or order not in ("C", "F"):
            raise UnreadableError("an array in it is damaged")
        made = dtype.build()
        if math.prod(shape) * made.itemsize != len(content):
            raise UnreadableError(f"an array in it declares shape {shape} and holds {len(content)} bytes")
        array = np.frombuffer(content, made).reshape(shape, order=order)
        array.flags.writeable = False
        self.value = array


class _MakeDType(Name):
    __slots__ = ()

    def __call__(self, code: Any, *_: Any) -> _DType:
        return _DType(_text(code))


class _Reconstruct(Name):
    __slots__ = ()

    def __call__(self, *_: Any) -> _Array:
        return _Array()


class _FromBuffer(Name):
    __slots__ = ()

    def __call__(self, content: Any, dtype: Any, shape: Any, order: Any, *_: Any) -> _Array:
        array = _Array()
        array.fill(content, dtype, shape, order)
        return array


class _Scalar(Name):
    __slots__ = ()

    def __call__(self, dtype: Any, content: Any) -> Any:
        array = _Array()
        array.fill(content, dtype, (), "C")
        return array.value.item() if array.value is not None else None


class _Encode(Name):
    """`_codecs.encode(text, "latin1")` is how a Python 3 writes bytes at protocol 2 and below."""

    __slots__ = ("_left",)

    def __init__(self, budget: int) -> None:
        self._left = budget

    def __call__(self, text: Any, encoding: Any) -> bytes:
        self._left -= len(text)
        if not isinstance(text, str) or _text(encoding) != "latin1" or self._left < 0:
            raise UnreadableError("a byte string in it is damaged")
        return text.encode("latin1")


def _text(value: Any) -> Any:
    if isinstance(value, memoryview):
        value = bytes(value)
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _plain(batch: Any) -> dict[str, Any]:
    if type(batch) is not dict:
        raise UnreadableError(f"it holds a {type(batch).__name__} instead of a dict")
    # Each value once, however often the batch holds it: a long one may not fill the memory by being used again.
    values = {key: _value(value) for key, value in {id(value): value for value in batch.values()}.items()}
    return {_key(key): values[id(value)] for key, value in batch.items()}


def _key(key: Any) -> str:
    text = _text(key)
    if not isinstance(text, str):
        raise UnreadableError(f"it has a {type(key).__name__} as a key instead of a text")
    return text


def _value(value: Any) -> Any:
    if isinstance(value, _Array):
        if value.value is None:
            raise UnreadableError("an array in it is missing its content")
        return value.value
    if type(value) is not list:
        return _text(value)
    texts = {id(item): _text(item) for item in {id(item): item for item in value}.values()}
    return [texts[id(item)] for item in value]
