"""The readers of data as functions of bytes, with whole files to begin from; `fuzz.py` feeds them.

A target is right when it reads the bytes or raises a `BeholderError`. Archives of arrays are packed here from the bytes
of their members: a flipped bit in a zip would nearly always end at its checksum.
"""

from __future__ import annotations

import gzip
import io
import json
import pickle
import struct
import tarfile
import wave
import zipfile
from collections.abc import Callable
from contextlib import suppress
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
from beholder.data.images.headers import RefusedError
from beholder.data.opening import open_source
from beholder.data.progress import silent
from beholder.data.sounds.ogg import vorbis_streams
from beholder.data.sounds.reading import sound_header
from beholder.data.sounds.rules import SoundRules
from beholder.data.sounds.wav import read_wav_header
from beholder.data.sounds.windows import decode_sound
from beholder.errors import ImageError
from beholder.models.weights.torch_stream import read_tensors

SEPARATOR = b"\xff\x00\xfe\x01"  # between the members of an archive of arrays
RULES = ImageRules(8, 8, "RGB")
SOUNDS = Path(__file__).resolve().parent.parent / "tests" / "data" / "sounds"


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


def _weights(_: Path, content: bytes) -> None:
    for array in read_tensors(content, "weights").values():
        array.max()  # each number is there


def _torch_streams() -> list[bytes]:
    """Files as PyTorch wrote them before version 1.6: two views of six numbers, and a whole number."""
    facts = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}
    header = b"".join(pickle.dumps(value, 2) for value in (0x1950A86A20F9469CFC6C, 1001, facts))

    def view(name: bytes, kind: bytes, key: bytes, count: bytes, place: bytes) -> bytes:
        storage = b"(X\7\0\0\0storagectorch\n" + kind + b"Storage\nX\1\0\0\0" + key + b"X\3\0\0\0cpuK" + count + b"NtQ"
        made = b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + place + b"\x89ccollections\nOrderedDict\n)RtR"
        return b"X\1\0\0\0" + name + made

    turned = view(b"a", b"Float", b"7", b"\6", b"K\0(K\3K\2t(K\1K\3t")
    part = view(b"b", b"Float", b"7", b"\6", b"K\4K\2\x85K\1\x85")
    whole = view(b"c", b"Long", b"9", b"\1", b"K\0))")
    numbers, number = struct.pack("<q6f", 6, *range(6)), struct.pack("<qq", 1, -3)
    made = []
    for views, keys, stored in (((turned, part, whole), ["7", "9"], numbers + number), ((whole,), ["9"], number)):
        program = b"\x80\2ccollections\nOrderedDict\n)R(" + b"".join(views) + b"u}X\t\0\0\0_metadata}sb."
        made.append(header + program + pickle.dumps(keys, 2) + stored)
    return made


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


def _sound(_: Path, content: bytes) -> None:
    """As far as it is read by Python; what a C program decodes is `fuzz_sounds.py`'s."""
    header = sound_header(content)
    if header.format == "OGG":
        with suppress(RefusedError):
            vorbis_streams(content)
    elif header.format == "WAV" and read_wav_header(io.BytesIO(content), header.place).plain:
        decode_sound(content, SoundRules(8_000, 0.1))


def _sounds() -> list[bytes]:
    """WAVs of several kinds, and the start of other formats."""
    made = [path.read_bytes()[:4096] for path in sorted(SOUNDS.glob("tone.*"))]
    for width, channels in ((1, 1), (2, 2), (3, 1), (4, 1)):
        stream = io.BytesIO()
        with wave.open(stream, "wb") as file:
            file.setparams((channels, width, 11_025, 0, "NONE", ""))
            file.writeframes(bytes(range(240)) * width * channels)
        made.append(stream.getvalue())
    return made


def _corrections(folder: Path, content: bytes) -> None:
    path = folder / "corrections.csv"
    path.write_bytes(content)
    read_corrections(path, ("cat", "dog"))


def _table(suffix: str) -> Callable[[Path, bytes], None]:
    """A table beside four images, read as far as its sets."""

    def read(folder: Path, content: bytes) -> None:
        if not (folder / "0.png").exists():
            for row in range(4):
                Image.new("L", (8, 8), 50 * row).save(folder / f"{row}.png")
        path = folder / f"x{suffix}"
        path.write_bytes(content)
        _open(path)

    return read


def _tables() -> list[bytes]:
    rows = ["0.png{0}cat", "1.png{0}dog", "2{0}cat", '"3.png"{0} "dog"', "1.png{0}cat", "4.png{0}", "a{0}dog"]
    whole = [end.join(["path{0}label", *rows]).format(one) for one, end in ((",", "\n"), (";", "\r\n"), ("\t", "\r"))]
    split = b"id,class,split\n0,10,train\n1,9,train\n2,10,val\n3,9,test\n"
    return [
        *(one.encode() for one in whole),
        whole[0].encode("utf-16"),
        "path,label\n0.png,\xe9".encode("latin-1"),
        split,
    ]


def _lines() -> list[bytes]:
    rows = [{"file_name": f"{row}.png", "label": row % 2} for row in range(4)]
    return ["\n".join(map(json.dumps, rows)).encode(), b'{"path": "0.png", "label": true, "x": [1, {"a": 1e9}]}\n']


def _zip(folder: Path, content: bytes) -> None:
    path = folder / "x.zip"
    path.write_bytes(content)
    _open(path)


def _open(path: Path) -> None:
    """All that reading does but for the cache, which is a file that is written."""
    source = open_source(path, cache=path.parent / "cache", for_audit=True)
    for name in (name for names in source.files.values() for name in names):
        if source.place is not None:
            with suppress(ImageError):
                decode(source.place.image(name), RULES)


def _zips() -> list[bytes]:
    made = []
    for names, table in (
        (("a/0.png", "a/1.png", "b/0.png", "b/1.png"), b""),
        (("0.png", "1.png"), b"id,label\n0,a\n1,b\n"),
    ):
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED if table else zipfile.ZIP_STORED) as file:
            for number, name in enumerate(names):
                image = io.BytesIO()
                Image.new("L", (8, 8), 40 * number).save(image, "PNG")
                file.writestr(f"top/{name}", image.getvalue())
            if table:
                file.writestr("top/labels.csv", table)
        made.append(stream.getvalue())
    return made


def targets() -> dict[str, Target]:
    """Readers of data by their names."""
    return {
        "pickle": Target(lambda _, content: void(loads(content, "batch")), _pickles(), 20),
        "weights": Target(_weights, _torch_streams(), 12),
        "tar": Target(_tar, _tars(), 6),
        "npz": Target(_npz, _npzs(), 8),
        "image": Target(_image, images(), 16),
        "sound": Target(_sound, _sounds(), 8),
        "corrections": Target(_corrections, [b"path,action,label\r\na.png,keep,\r\nb.png,relabel,cat\r\n"], 12),
        "table": Target(_table(".csv"), _tables(), 4),
        "json_lines": Target(_table(".jsonl"), _lines(), 2),
        "zip": Target(_zip, _zips(), 4),
    }


def void(_: object) -> None:
    """Forget what was read."""
