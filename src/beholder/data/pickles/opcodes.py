"""The first wall around a pickle: its program is walked, opcode by opcode, before any of it is loaded.

The opcodes are documented in the standard library's `pickletools`.
"""

from __future__ import annotations

import pickletools
from typing import NamedTuple

# The opcodes that texts, numbers, dicts, lists and arrays need.
_OPCODES = frozenset(
    [
        *("PROTO", "FRAME", "STOP", "MARK", "NONE", "NEWTRUE", "NEWFALSE"),
        *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "FLOAT", "BINFLOAT"),
        *("STRING", "BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"),
        *("UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"),
        *("EMPTY_DICT", "DICT", "SETITEM", "SETITEMS", "EMPTY_LIST", "LIST", "APPEND", "APPENDS"),
        *("EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3"),
        *("GET", "BINGET", "LONG_BINGET", "PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"),
        *("GLOBAL", "STACK_GLOBAL", "REDUCE", "BUILD"),
    ]
)
_UNKNOWN = -100
# From opcode to the width of its argument in bytes; below zero where the argument itself says where it ends.
_WIDTHS = [_UNKNOWN] * 256
for _opcode in pickletools.opcodes:
    if _opcode.name in _OPCODES:
        _WIDTHS[ord(_opcode.code)] = _opcode.arg.n if _opcode.arg else 0
# The opcode that asks for what is kept beside the program, as PyTorch's are; in a batch of images it is refused.
_PERSISTENT_ID = ord("Q")
_COUNT_BYTES = {
    pickletools.TAKEN_FROM_ARGUMENT1: 1,
    pickletools.TAKEN_FROM_ARGUMENT4: 4,
    pickletools.TAKEN_FROM_ARGUMENT4U: 4,
    pickletools.TAKEN_FROM_ARGUMENT8U: 8,
}
# The byte strings with a count of four or eight bytes, and the width of that count.
_BYTES = {ord("T"): 4, ord("B"): 4, 0x8E: 8, 0x96: 8}
_TUPLES, _PUTS, _GETS, _INTEGERS = b"t\x85\x86\x87", b"qrp\x94", b"hjg", b"IL\x8a"
_WATCHED = frozenset(b"." + _TUPLES + _PUTS + _GETS + _INTEGERS) | frozenset(_BYTES)
# What they leave on the stack may be a tuple.
_LEAVES_TUPLE = frozenset(b")b" + _TUPLES + _PUTS + _GETS + b"(\x80\x95")
_LARGE = 1 << 16
# Python hashes nested tuples by recursion in C and falls off the stack at about 60,000; a batch holds a dozen.
_MOST_TUPLES = 20_000
# Each may cost some eighty bytes; a batch of 50,000 images holds 350,000.
_MOST_OPCODES = 4_000_000
# A tuple of one tuple twice, of that one twice, and so on: hashing it takes for ever. NumPy shares one or two.
_MOST_SHARED_TUPLES = 8
# Whole numbers can be chosen so that they all have one hash: a dict of many takes for ever. None of ours is as long.
_MOST_LONG_INTEGERS, _LONG = 1000, 9


class UnreadableError(Exception):
    """Why this is not what it should be; half a sentence, for the reader of the file to complete."""


class Checked(NamedTuple):
    """A program that may be loaded.

    Attributes:
        large: where its large byte strings are, each with its opcode; `byte_string` finds the bytes in one.
        end: where it ends; other things may follow.
    """

    large: list[slice]
    end: int


def check_opcodes(content: bytes, start: int = 0, *, persistent_ids: bool = False) -> Checked:
    """Walk the program without running it: known opcodes, arguments that are there, nothing that grows out of hand.

    Args:
        content: of the file.
        start: where in it the program begins.
        persistent_ids: whether it may ask for what is kept beside it.

    Raises:
        UnreadableError, ValueError, IndexError: it is damaged, or no pickle of numbers.
    """
    position, opcodes, tuples, long_integers, last = start, 0, 0, 0, 0
    large: list[slice] = []
    memo = _Memo()
    while position < len(content):
        opcode = content[position]
        width = 0 if persistent_ids and opcode == _PERSISTENT_ID else _WIDTHS[opcode]
        end = position + 1 + width if width >= 0 else _variable_end(content, position, width)
        opcodes += 1
        if opcode in _WATCHED:
            if opcode in b".":
                return Checked(large, end)
            tuples += opcode in _TUPLES
            long_integers += opcode in _INTEGERS and end - position > _LONG
            if tuples > _MOST_TUPLES:
                raise UnreadableError("it nests too deeply")
            if opcode in _PUTS:
                memo.put(content[position + 1 : end], opcode, opcodes, last in _LEAVES_TUPLE)
            elif opcode in _GETS:
                memo.get(content[position + 1 : end], opcode)
            elif opcode in _BYTES and end - position > _LARGE:
                large.append(slice(position, end))
        if opcodes > _MOST_OPCODES or long_integers > _MOST_LONG_INTEGERS:
            raise UnreadableError("it holds more than any such file does")
        position, last = end, opcode
    raise UnreadableError("it is cut short")


class _Memo:
    """What the unpickler will keep to use again, as far as it may be a tuple."""

    def __init__(self) -> None:
        self._indices: set[int] = set()
        self._tuples: set[int] = set()
        self._shared = 0

    def put(self, argument: bytes, opcode: int, opcodes: int, may_be_tuple: bool) -> None:
        index = _index(argument, opcode) if argument else len(self._indices)
        # The unpickler makes room for every smaller index: one flipped bit in this one would cost gigabytes.
        if not 0 <= index <= opcodes:
            raise UnreadableError("a number in it is damaged")
        self._indices.add(index)
        (self._tuples.add if may_be_tuple else self._tuples.discard)(index)

    def get(self, argument: bytes, opcode: int) -> None:
        self._shared += _index(argument, opcode) in self._tuples
        if self._shared > _MOST_SHARED_TUPLES:
            raise UnreadableError("it nests too deeply")


def _variable_end(content: bytes, position: int, kind: int) -> int:
    """Where the opcode at `position` ends that has no fixed width; the kinds are the constants of `pickletools`."""
    opcode, start = content[position], position + 1
    if kind == _UNKNOWN:
        raise UnreadableError(f"it is not a pickle of numbers (opcode {opcode})")
    if kind == pickletools.UP_TO_NEWLINE:
        end = content.index(b"\n", start) + 1
        return content.index(b"\n", end) + 1 if opcode in b"c" else end  # GLOBAL: a module, a name
    count = _COUNT_BYTES[kind]
    end = start + count + int.from_bytes(content[start : start + count], "little")
    if end > len(content):
        raise UnreadableError("it is cut short")
    return end


def _index(argument: bytes, opcode: int) -> int:
    return int(argument) if opcode in b"pg" else int.from_bytes(argument, "little")


def byte_string(content: bytes, where: slice) -> memoryview:
    """The bytes of the large byte string that `check_opcodes` found at `where`, not copied."""
    return memoryview(content)[where.start + 1 + _BYTES[content[where.start]] : where.stop]
