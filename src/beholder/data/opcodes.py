"""The first wall around a pickle: its program is walked, opcode by opcode, before any of it is loaded.

The opcodes are documented in the standard library's `pickletools`.
"""

from __future__ import annotations

import pickletools

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
_COUNT_BYTES = {
    pickletools.TAKEN_FROM_ARGUMENT1: 1,
    pickletools.TAKEN_FROM_ARGUMENT4: 4,
    pickletools.TAKEN_FROM_ARGUMENT4U: 4,
    pickletools.TAKEN_FROM_ARGUMENT8U: 8,
}
# The byte strings with a count of four or eight bytes, and the width of that count.
_BYTES = {ord("T"): 4, ord("B"): 4, 0x8E: 8, 0x96: 8}
_WATCHED = frozenset(b".qrpt\x85\x86\x87") | frozenset(_BYTES)
_LARGE = 1 << 16
# Python hashes nested tuples by recursion in C and falls off the stack at about 60,000; a batch holds a dozen.
_MOST_TUPLES = 20_000


class UnreadableError(Exception):
    """Why this is no batch; half a sentence, for `beholder.data.pickles` to complete."""


def check_opcodes(content: bytes) -> list[slice]:
    """Walk the program without running it: known opcodes, arguments that are there, a memo no larger than it.

    Returns:
        Where the large byte strings are, each with its opcode; `byte_string` finds the bytes in one.

    Raises:
        UnreadableError, ValueError, IndexError: it is damaged, or no pickle of pictures.
    """
    position, opcodes, tuples = 0, 0, 0
    large: list[slice] = []
    while position < len(content):
        opcode = content[position]
        width = _WIDTHS[opcode]
        end = position + 1 + width if width >= 0 else _variable_end(content, position, width)
        opcodes += 1
        if opcode in _WATCHED:
            if opcode in b".":
                return large
            tuples += opcode in b"t\x85\x86\x87"
            if tuples > _MOST_TUPLES:
                raise UnreadableError("it nests too deep")
            # The unpickler makes room for every smaller index: one flipped bit in this one would cost gigabytes.
            if opcode in b"qrp" and not 0 <= _index(content[position + 1 : end], opcode) <= opcodes:
                raise UnreadableError("a number in it is damaged")
            if opcode in _BYTES and end - position > _LARGE:
                large.append(slice(position, end))
        position = end
    raise UnreadableError("it is cut short")


def _variable_end(content: bytes, position: int, kind: int) -> int:
    """Where the opcode at `position` ends that has no fixed width; the kinds are the constants of `pickletools`."""
    opcode, start = content[position], position + 1
    if kind == _UNKNOWN:
        raise UnreadableError(f"it is no pickle of pictures (opcode {opcode})")
    if kind == pickletools.UP_TO_NEWLINE:
        end = content.index(b"\n", start) + 1
        return content.index(b"\n", end) + 1 if opcode in b"c" else end  # GLOBAL: a module, a name
    count = _COUNT_BYTES[kind]
    end = start + count + int.from_bytes(content[start : start + count], "little")
    if end > len(content):
        raise UnreadableError("it is cut short")
    return end


def _index(argument: bytes, opcode: int) -> int:
    return int(argument) if opcode in b"p" else int.from_bytes(argument, "little")


def byte_string(content: bytes, where: slice) -> memoryview:
    """The bytes of the large byte string that `check_opcodes` found at `where`, not copied."""
    return memoryview(content)[where.start + 1 + _BYTES[content[where.start]] : where.stop]
