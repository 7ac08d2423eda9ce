"""Reads the pickled batches of the CIFAR archives, and runs nothing that they name.

A pickle is a program for a stack machine, and Python's own runs every function that the program names. The machine here
knows only the opcodes of texts, numbers, lists, dicts and arrays, and the few names that an array of NumPy's is written
with; these lead to the functions of this file. An array is built from the bytes that are there, once its dtype and its
shape agree with them; large ones are not copied. The opcodes are documented in the standard library's `pickletools`.
"""

from __future__ import annotations

import io
import math
import pickle
import pickletools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from beholder.errors import DataError

# The dtypes of numbers, as NumPy's pickles spell them; no objects, no records, no texts.
_DTYPES = frozenset({"b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"})
_MOST_DIMENSIONS = 32  # as old NumPy; the product of a million numbers takes for ever
_MOST_OPCODES = 4_000_000  # each may cost some eighty bytes; a batch of 50,000 images holds 350,000
_MOST_TEXT = 4  # times the size of the file: a text may be used again, but one of a megabyte not a thousand times
_LARGE = 1 << 16  # bytes of a byte string that is not copied

# From the code of a byte string to the width of its count, and from that of another value to the reader of it.
_BYTES = {
    **dict.fromkeys((pickle.SHORT_BINSTRING, pickle.SHORT_BINBYTES), 1),
    **dict.fromkeys((pickle.BINSTRING, pickle.BINBYTES), 4),
    **dict.fromkeys((pickle.BINBYTES8, pickle.BYTEARRAY8), 8),
}
_VALUES = (
    *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "FLOAT", "BINFLOAT"),
    *("STRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"),
)
_KNOWN = {one.code.encode("latin1"): (one.name, one.arg.reader if one.arg else None) for one in pickletools.opcodes}
_ARGUMENTS = {code: read for code, (name, read) in _KNOWN.items() if read and name in _VALUES}


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
        return _Machine(content).run()
    except _RefusedError as error:
        raise DataError(f"Refused to read {name!r}: {error}; get the archive from a source that you trust.") from error
    except Exception as error:
        reason = str(error) if isinstance(error, _UnreadableError) else "it is damaged or no pickle"
        raise DataError(f"Cannot read {name!r} as a CIFAR batch: {reason}; get a fresh copy of the archive.") from error


class _UnreadableError(Exception):
    """Why this is no batch; half a sentence."""


class _RefusedError(Exception):
    """What this pickle wanted to run."""


class _DType:
    """What becomes a `numpy.dtype` once its byte order was told."""

    def __init__(self, code: str) -> None:
        self._code, self._order = code, "="

    def tell(self, state: Sequence[Any]) -> None:
        self._order = _text(state[1])

    def made(self) -> np.dtype[Any]:
        if self._code not in _DTYPES or self._order not in ("<", ">", "|", "="):
            raise _UnreadableError(f"it holds an array of dtype {self._order + self._code!r} instead of numbers")
        return np.dtype(self._order + self._code)


class _Array:
    """What becomes an array, or a number where its shape is `()`, once its state was told."""

    def __init__(self, content: Any = None, dtype: Any = None, shape: Any = None, order: Any = None) -> None:
        self._content, self._dtype, self._shape, self._order = content, dtype, shape, order

    def tell(self, state: Sequence[Any]) -> None:
        self._shape, self._dtype, by_column, self._content = state[-4:]  # a version number may come first
        self._order = "F" if by_column else "C"

    def made(self) -> Any:
        content, shape = self._content, self._shape
        whole = isinstance(content, bytes | memoryview) and isinstance(shape, tuple) and isinstance(self._dtype, _DType)
        if not whole or len(shape) > _MOST_DIMENSIONS or self._order not in ("C", "F"):
            raise _UnreadableError("an array in it is damaged")
        dtype = self._dtype.made()
        if any(type(side) is not int or side < 0 for side in shape) or math.prod(shape) * dtype.itemsize != len(
            content
        ):
            raise _UnreadableError(f"an array in it announces shape {shape} and holds {len(content)} bytes")
        array = np.frombuffer(content, dtype).reshape(shape, order=self._order)
        array.flags.writeable = False
        return array if shape else array.item()


class _Name(str):
    """A key of `_FUNCTIONS`."""

    __slots__ = ()


class _Machine:
    """The stack machine; what it makes of lists and dicts is plain from the start."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._stream = io.BytesIO(content)
        self._stack: list[Any] = []
        self._marks: list[int] = []
        self._memo: dict[int, Any] = {}
        self._text_left = _MOST_TEXT * len(content)

    def run(self) -> dict[str, Any]:
        for _ in range(_MOST_OPCODES):
            code = self._stream.read(1)
            if code in _BYTES:
                self._stack.append(self._bytes(_BYTES[code]))
            elif code in _ARGUMENTS:
                self._stack.append(_ARGUMENTS[code](self._stream))
            elif code == pickle.STOP:
                [batch] = self._popped(1)
                if type(batch) is not dict:
                    raise _UnreadableError(f"it holds a {type(batch).__name__} instead of a dict")
                return batch
            elif code in _KNOWN:
                name, read = _KNOWN[code]
                self._do(name, read(self._stream) if read else None)
            else:
                raise _UnreadableError("it is no pickle of images" if code else "it is cut short")
        raise _UnreadableError("it holds more than a batch does")

    def _bytes(self, width: int) -> bytes | memoryview:
        """A byte string, after its count of `width` bytes; a large one stays where it is."""
        count = int.from_bytes(self._stream.read(width), "little")
        start = self._stream.tell()
        if start + count > len(self._content):
            raise _UnreadableError("it is cut short")
        if count <= _LARGE:
            return self._stream.read(count)
        self._stream.seek(start + count)
        return memoryview(self._content)[start : start + count]

    def _do(self, name: str, argument: Any) -> None:  # noqa: C901, PLR0912  one case an opcode
        stack = self._stack
        match name:
            case "PROTO" | "FRAME":
                pass
            case "PUT" | "BINPUT" | "LONG_BINPUT":
                self._memo[argument] = stack[-1]
            case "MEMOIZE":
                self._memo[len(self._memo)] = stack[-1]
            case "GET" | "BINGET" | "LONG_BINGET":
                stack.append(self._memo[argument])
            case "MARK":
                self._marks.append(len(stack))
            case "NONE":
                stack.append(None)
            case "NEWTRUE" | "NEWFALSE":
                stack.append(name == "NEWTRUE")
            case "EMPTY_TUPLE" | "TUPLE1" | "TUPLE2" | "TUPLE3":
                stack.append(tuple(self._popped(int(name[-1]) if name != "EMPTY_TUPLE" else 0)))
            case "TUPLE":
                stack.append(tuple(self._marked()))
            case "EMPTY_LIST" | "LIST":
                stack.append(self._plain(self._marked()) if name == "LIST" else [])
            case "EMPTY_DICT" | "DICT":
                stack.append(self._pairs(self._marked()) if name == "DICT" else {})
            case "APPEND" | "APPENDS":
                values = self._popped(1) if name == "APPEND" else self._marked()
                self._top(list).extend(self._plain(values))
            case "SETITEM" | "SETITEMS":
                values = self._popped(2) if name == "SETITEM" else self._marked()
                self._top(dict).update(self._pairs(values))
            case "GLOBAL":
                stack.append(_named(*argument.split(" ", 1)))
            case "STACK_GLOBAL":
                stack.append(_named(*self._popped(2)))
            case "REDUCE":
                stack.append(self._called(*self._popped(2)))
            case "BUILD":
                [state] = self._popped(1)
                self._top(_DType, _Array).tell(state)
            case _:
                raise _UnreadableError(f"it is no pickle of images (opcode {name})")

    def _popped(self, count: int) -> list[Any]:
        """The topmost values, which leave the stack; the topmost last."""
        if count > len(self._stack):
            raise _UnreadableError("it is damaged or no pickle")
        start = len(self._stack) - count
        values = self._stack[start:]
        del self._stack[start:]
        return values

    def _marked(self) -> list[Any]:
        """The values above the last mark."""
        return self._popped(max(0, len(self._stack) - self._marks.pop()))

    def _top(self, *kinds: type) -> Any:
        if type(self._stack[-1]) not in kinds:
            raise _UnreadableError("it tries to change what cannot be changed")
        return self._stack[-1]

    def _called(self, name: Any, arguments: Any) -> Any:
        function = _FUNCTIONS[name] if type(name) is _Name else None
        if function is None:
            raise _UnreadableError("it tries to call what is no function")
        if function is _encoded:
            self._spend(arguments[0])
        return function(*arguments)

    def _pairs(self, values: list[Any]) -> dict[str, Any]:
        """A dict; its keys are texts alone, since the hash of other things can be made to take for ever."""
        keys, items = self._plain(values[::2]), self._plain(values[1::2])
        for key in keys:
            if type(key) is not str:
                raise _UnreadableError(f"it has a {type(key).__name__} as a key instead of a text")
        return dict(zip(keys, items, strict=True))

    def _plain(self, values: list[Any]) -> list[Any]:
        """Texts for bytes, and arrays and numbers for their stand-ins."""
        plain = []
        for value in values:
            if isinstance(value, bytes | memoryview):
                self._spend(value)
                plain.append(_text(value))
            elif isinstance(value, _Array):
                plain.append(value.made())
            elif isinstance(value, _Name | _DType):
                raise _UnreadableError("it holds a function instead of a value")
            else:
                plain.append(value)
        return plain

    def _spend(self, value: Sequence[Any]) -> None:
        self._text_left -= len(value)
        if self._text_left < 0:
            raise _UnreadableError("it holds more than a batch does")


def _named(module: Any, name: Any) -> _Name:
    asked = f"{_text(module)}.{_text(name)}"
    if asked not in _FUNCTIONS:
        raise _RefusedError(f"it asks for {asked[:80]!r}, which no batch of images needs, and nothing in it was run")
    return _Name(asked)


def _text(value: Any) -> Any:
    return str(value, "utf-8", "replace") if isinstance(value, bytes | memoryview) else value


def _encoded(text: str, encoding: Any) -> bytes:
    """How a Python 3 writes bytes at protocol 2 and below."""
    if _text(encoding) != "latin1":
        raise _UnreadableError("a byte string in it is damaged")
    return text.encode("latin1")


_FUNCTIONS: dict[str, Callable[..., Any] | None] = {
    "numpy.ndarray": None,  # only mentioned
    "numpy.dtype": lambda code, *_: _DType(_text(code)),
    "_codecs.encode": _encoded,
}
for _package in ("numpy.core", "numpy._core"):
    _FUNCTIONS[f"{_package}.multiarray._reconstruct"] = lambda *_: _Array()
    _FUNCTIONS[f"{_package}.multiarray.scalar"] = lambda dtype, content: _Array(content, dtype, (), "C")
    _FUNCTIONS[f"{_package}.numeric._frombuffer"] = lambda *state: _Array(*state[:4])
