"""Writes files as PyTorch saved them before version 1.6, opcode by opcode, so that they can be wrong in any way."""

from __future__ import annotations

import pickle
import struct

HEADER = b"".join(
    pickle.dumps(value, 2)
    for value in (
        0x1950A86A20F9469CFC6C,
        1001,
        {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}},
    )
)


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def numbers(*values: int) -> bytes:
    return b"(" + b"".join(b"J" + struct.pack("<i", value) for value in values) + b"t"


def tensor(
    key: str, count: int, shape: tuple[int, ...], strides: tuple[int, ...], offset: int = 0, kind: str = "Float"
) -> bytes:
    """A view of the storage called `key`, in the opcodes that PyTorch 1.5 wrote."""
    storage = text("storage") + f"ctorch\n{kind}Storage\n".encode() + text(key) + text("cpu")
    storage += b"J" + struct.pack("<i", count) + b"N"
    place = b"J" + struct.pack("<i", offset)
    empty = b"ccollections\nOrderedDict\n)R"
    view = b"((" + storage + b"tQ" + place + numbers(*shape) + numbers(*strides) + b"\x89" + empty + b"tR"
    return b"ctorch._utils\n_rebuild_tensor_v2\n" + view


def stream(tensors: dict[str, bytes], storages: dict[str, bytes], more: bytes = b"") -> bytes:
    """A whole file: `tensors` by name, and for each key of `storages` how many numbers, and these."""
    named = b"".join(text(name) + value for name, value in tensors.items())
    program = b"\x80\x02ccollections\nOrderedDict\n)R(" + named + b"u}" + text("_metadata") + b"}sb."
    return HEADER + program + pickle.dumps(list(storages), 2) + b"".join(storages.values()) + more


def floats(*values: float) -> bytes:
    return struct.pack("<q", len(values)) + struct.pack(f"<{len(values)}f", *values)
