"""The readers of data as functions of bytes, with whole files to begin from; `fuzz.py` feeds them.

A target is right when it reads the bytes or raises a `BeholderError`. Archives of arrays are packed here from the bytes
of their members: a flipped bit in a zip would nearly always end at its checksum.
"""

from __future__ import annotations

import gzip
import io
import json
import pickle
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from beholder.data.arrays import open_npz
from beholder.data.cifar.archive import open_archive
from beholder.data.cifar.pickles import loads
from beholder.data.corrections import read_corrections
from beholder.data.images.decode import ImageRules, decode, read_size
from beholder.data.progress import silent

SEPARATOR = b"\xff\x00\xfe\x01"  # between the members of an archive of arrays
RULES = ImageRules(8, 8, "RGB")


@dataclass(frozen=True)
class Target:
    """A reader under attack.

    Attributes:
        read: given a folder of its own and bytes, lets the reader read them.
        seeds: whole inputs to begin from.
        share: of all inputs, relative to the other targets: cheap readers get more.
    """

    read: Callable[[Path, bytes], None]
    seeds: list[bytes]
    share: int


def _pickles() -> list[bytes]:
    small = {"data": np.arange(6, dtype=np.uint8).reshape(2, 3), "labels": [0, np.int64(1)], b"name": b"cat"}
    return [pickle.dumps(small, protocol) for protocol in (0, 2, 4, 5)]


def _tar(folder: Path, content: bytes) -> None:
    path = folder / "x.tar"
    path.write_bytes(content)
    source = open_archive(path)
    for read in source.readers.values():
        read(silent)


def _tars() -> list[bytes]:
    meta = pickle.dumps({"label_names": ["cat", "dog"]}, 2)
    batch = pickle.dumps({"data": np.zeros((1, 3072), np.uint8), "labels": [1], "filenames": ["a.png"]}, 4)
    members = {"batches.meta": meta, "data_batch_1": batch}
    made = []
    for kind in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w", format=kind) as tar:
            for name, content in members.items():
                info = tarfile.TarInfo(f"{'long' * 30}/{name}")
                info.size, info.mtime = len(content), 1.5
                tar.addfile(info, io.BytesIO(content))
        whole = stream.getvalue().rstrip(b"\0")
        whole += bytes(-len(whole) % tarfile.BLOCKSIZE + 2 * tarfile.BLOCKSIZE)
        made += [whole, gzip.compress(whole, 1)]
    return made


def npy(array: Any) -> bytes:
    """`array` as a `.npy` file."""
    stream = io.BytesIO()
    np.save(stream, np.asarray(array), allow_pickle=False)
    return stream.getvalue()


def text(value: Any) -> bytes:
    """JSON as our archives keep it: an array of bytes."""
    return npy(np.frombuffer(json.dumps(value).encode(), np.uint8))


def pack(path: Path, names: tuple[str, ...], content: bytes, *fixed: tuple[str, bytes]) -> None:
    """Write a zip: a member for each of `names` from the pieces of `content`, and those that are `fixed`."""
    with zipfile.ZipFile(path, "w") as file:
        for name, piece in [*zip(names, content.split(SEPARATOR), strict=False), *fixed]:
            file.writestr(f"{name}.npy", piece)


def _npz(folder: Path, content: bytes) -> None:
    path = folder / "x.npz"
    if content[:1] == b"P":
        path.write_bytes(content)
    else:
        pack(path, ("images", "labels", "names"), content)
    for read in open_npz(path).readers.values():
        read(silent)


def _npzs() -> list[bytes]:
    images = np.arange(3 * 16, dtype=np.uint8).reshape(3, 4, 4)
    whole = io.BytesIO()
    np.savez(whole, images=images, labels=np.arange(3))
    return [
        SEPARATOR.join([npy(images), npy([0, 1, 1]), npy(["cat", "dog"])]),
        SEPARATOR.join([npy(images / 255.0), npy([b"cat", b"dog", b"dog"])]),
        whole.getvalue(),
    ]


def _image(_: Path, content: bytes) -> None:
    read_size(content)
    decode(content, RULES)


def images() -> list[bytes]:
    """A small file of each format, and of what each can do besides."""
    kinds: list[tuple[str, str, dict[str, Any]]] = [
        *(("RGB", kind, {}) for kind in ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")),
        ("RGBA", "PNG", {}),
        ("I;16", "PNG", {}),
        ("1", "PNG", {"optimize": True}),
        ("P", "PNG", {"transparency": 0}),
        (
            "L",
            "JPEG",
            {"progressive": True, "exif": b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0"},
        ),
        ("RGBA", "WEBP", {"lossless": True}),
        ("RGB", "TIFF", {"compression": "tiff_lzw"}),
        ("1", "TIFF", {"compression": "group4"}),
    ]
    made = []
    for mode, kind, options in kinds:
        stream = io.BytesIO()
        image = Image.fromarray((np.arange(12 * 12 * 3) % 251).astype(np.uint8).reshape(12, 12, 3))
        (Image.new(mode, (12, 12), 77) if mode == "I;16" else image.convert(mode)).save(stream, kind, **options)
        made.append(stream.getvalue())
    return made


def _corrections(folder: Path, content: bytes) -> None:
    path = folder / "corrections.csv"
    path.write_bytes(content)
    read_corrections(path, ("cat", "dog"))


def targets() -> dict[str, Target]:
    """Readers of data by their names."""
    return {
        "pickle": Target(lambda _, content: void(loads(content, "batch")), _pickles(), 20),
        "tar": Target(_tar, _tars(), 6),
        "npz": Target(_npz, _npzs(), 8),
        "image": Target(_image, images(), 16),
        "corrections": Target(_corrections, [b"path,action,label\r\na.png,keep,\r\nb.png,relabel,cat\r\n"], 12),
    }


def void(_: object) -> None:
    """Forget what was read."""
