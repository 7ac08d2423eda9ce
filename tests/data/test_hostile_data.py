"""A person relies on: a small file, however it was made, neither fills the memory nor keeps the machine busy.

Each sample was found by reading the readers or by `bench/fuzz.py`. All are read in one process that tells how much
memory it took and cannot wait for ever: pytest's own timeout ends it.
"""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import tarfile
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from beholder.data.arrays import open_npz
from beholder.data.cifar.archive import open_archive
from beholder.data.cifar.pickles import loads
from beholder.data.corrections import read_corrections
from beholder.data.images.decode import ImageRules, decode
from beholder.data.opening import open_source
from beholder.data.progress import silent
from beholder.errors import BeholderError, DataError, ImageError

MOST = 400  # MB that reading one of them may take

READ = r"""
import resource, sys
from pathlib import Path
from beholder.data.arrays import open_npz
from beholder.data.cifar.archive import open_archive
from beholder.data.images.decode import ImageRules, decode
from beholder.data.progress import silent
from beholder.errors import BeholderError

def read(path):
    if path.suffix == ".npz":
        [reader] = open_npz(path).readers.values()
        reader(silent)
    elif path.suffix == ".gz":
        [reader, *_] = open_archive(path).readers.values()
        reader(silent)
    else:
        decode(path, ImageRules(8, 8, "RGB"))

before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    read(Path(sys.argv[1]))
    print("read")
except BeholderError as error:
    print(error)
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print((after - before) // (1 << 20 if sys.platform == "darwin" else 1 << 10))
"""


def npz(path: Path, **arrays: np.ndarray) -> Path:
    np.savez_compressed(path, allow_pickle=False, **arrays)
    return path


def empty_labels(path: Path) -> Path:
    """A million million labels of no bytes each."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|S0", "fortran_order": False, "shape": (1 << 40,)})
    np.savez(path, images=np.zeros((2, 8, 8), np.uint8))
    with zipfile.ZipFile(path, "a") as file:
        file.writestr("labels.npy", header.getvalue())
    return path


def webp(path: Path, side: int) -> Path:
    """A lossless WebP of one colour; its size stands in 28 bits, https://developers.google.com/speed/webp/docs."""
    stream = io.BytesIO()
    Image.new("RGB", (16, 16)).save(stream, "WEBP", lossless=True)
    content = bytearray(stream.getvalue())
    place = content.index(b"VP8L") + 9
    [bits] = struct.unpack_from("<I", content, place)
    struct.pack_into("<I", content, place, bits >> 28 << 28 | (side - 1) << 14 | (side - 1))
    path.write_bytes(content)
    return path


def png(path: Path, side: int, kind: int, bytes_a_pixel: int) -> Path:
    """A PNG of `side` × `side` zeros, written row by row."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    squeeze = zlib.compressobj(9)
    row = bytes(1 + side * bytes_a_pixel)
    pixels = b"".join([*(squeeze.compress(row) for _ in range(side)), squeeze.flush()])
    head = struct.pack(">IIBBBBB", side, side, 8, kind, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b""))
    return path


def tar(path: Path, **contents: bytes) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in contents.items():
            info = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


BOMBS = {
    "a hundred million images of one pixel": lambda folder: npz(
        folder / "a.npz", images=np.zeros((100_000_000, 1, 1), np.uint8), labels=np.zeros(100_000_000, np.uint8)
    ),
    "labels that are no bytes each": lambda folder: empty_labels(folder / "b.npz"),
    "more labels than images": lambda folder: npz(
        folder / "c.npz", images=np.zeros((2, 8, 8), np.uint8), labels=np.zeros(100_000_000, "S1")
    ),
    "a large WebP of one colour": lambda folder: webp(folder / "d.webp", 16_000),
    "a large PNG with transparency": lambda folder: png(folder / "e.png", 11_000, 6, 4),
    "a batch of zeros in a tar": lambda folder: tar(
        folder / "f.tar.gz", **{"batches.meta": b"N.", "data_batch_1": bytes(150_000_000)}
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("make", BOMBS.values(), ids=BOMBS)
def test_a_small_file_does_not_fill_the_memory(make: object, tmp_path: Path) -> None:
    path = make(tmp_path)  # type: ignore[operator]
    assert path.stat().st_size < 2_000_000
    done = subprocess.run([sys.executable, "-c", READ, str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told, taken = done.stdout.strip().rsplit("\n", 1)
    assert told.endswith(".")
    assert "\n" not in told
    assert int(taken) < MOST


def test_what_an_image_may_take_is_a_question_of_its_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("beholder.data.images.headers._MOST_BYTES", 1_000_000)
    noise = np.random.default_rng(0).integers(0, 256, (1000, 1000), dtype=np.uint8)
    for pixels, small in ((noise, False), (noise * 0, True)):
        stream = io.BytesIO()
        Image.fromarray(pixels).save(stream, "PNG")
        if small:
            with pytest.raises(ImageError, match="MB of memory"):
                decode(stream.getvalue(), ImageRules(8, 8, "L"))
        else:
            assert decode(stream.getvalue(), ImageRules(8, 8, "L")).shape == (8, 8, 1)


def keys(*values: bytes) -> bytes:
    """A pickled dict with these keys, in the opcodes of protocol 2 and above."""
    return b"\x80\x02}(" + b"".join(value + b"K\x01" for value in values) + b"u."


def doubled(times: int) -> list[bytes]:
    """A tuple of one tuple twice, and so on: 2 to the power of `times` leaves, and `times` opcodes."""
    return [b")q\x00", *(b"h" + bytes([n]) + b"h" + bytes([n]) + b"\x86q" + bytes([n + 1]) for n in range(times))]


def colliding(count: int) -> list[bytes]:
    """Whole numbers that all have the hash 0: multiples of 2**61 - 1, https://docs.python.org/3/library/stdtypes.html."""
    return [b"\x8a\x0a" + ((2**61 - 1) * number).to_bytes(10, "little") for number in range(1, count + 1)]


ARRAY = b"}(X\x04\x00\x00\x00datacnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\x00\x85U\x01btR"
DTYPE = b"cnumpy\ndtype\n(U\x02u1K\x00K\x01tR(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"


@pytest.mark.parametrize(
    "content",
    [
        keys(*doubled(200)),
        keys(*colliding(200_000)),
        ARRAY + b"(K\x01(" + b"J\xff\xff\xff\x7f" * 500_000 + b"t" + DTYPE + b"\x89U\x02abtbu.",
        b"(" + b"]" * 50_000_000 + b"l.",
    ],
    ids=["doubled tuples", "colliding numbers", "a shape of many sides", "fifty million lists"],
)
def test_a_pickle_that_would_take_for_ever_is_refused(content: bytes) -> None:
    with pytest.raises(DataError, match="'batch'"):
        loads(content, "batch")


def test_numpy_numbers_as_labels_are_still_read() -> None:
    import pickle

    labels = list(np.arange(5000))
    assert loads(pickle.dumps({"labels": labels, "large": 2**70}), "batch") == {
        "labels": list(range(5000)),
        "large": 2**70,
    }


def test_a_header_that_tarfile_searches_in_quadratic_time_is_refused(tmp_path: Path) -> None:
    """A PAX header of digits, as in CVE-2024-6232."""
    info = tarfile.TarInfo("pax")
    info.type, info.size = tarfile.XHDTYPE, 4_000_000
    path = tmp_path / "x.tar"
    path.write_bytes(info.tobuf(tarfile.GNU_FORMAT) + b"1" * info.size + bytes(-info.size % 512 + 1024))
    with pytest.raises(DataError, match=r"x\.tar"):
        open_archive(path)


def test_letters_that_are_none_are_refused(tmp_path: Path) -> None:
    """Found by fuzzing: NumPy's texts hold any 32 bits, Python's do not."""
    for name in ("labels", "names"):
        arrays: dict[str, np.ndarray] = {
            "images": np.zeros((2, 8, 8), np.uint8),
            "labels": np.arange(2),
            "names": np.array(["a", "b"]),
        }
        arrays[name] = np.array([0x110000, 97], np.uint32).view("U1")
        np.savez(tmp_path / "x.npz", allow_pickle=False, **arrays)
        with pytest.raises(DataError, match=r"x\.npz.*other than text"):
            open_npz(tmp_path / "x.npz")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_a_pipe_among_the_images_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(ImageError, match="pipe"):
        decode(tmp_path / "pipe.png", ImageRules(8, 8, "RGB"))


LINES = st.sampled_from(
    [b"path,action,label", b"a.png,keep,", b"b.png,relabel,cat", b'"', b"\0", b"\xff", b"\r", b",", b"\n"]
)


@settings(max_examples=200)
@given(lines=st.lists(LINES | st.binary(max_size=20)), end=st.sampled_from([b"\n", b"\r\n", b""]))
def test_any_corrections_is_read_or_refused(
    lines: list[bytes], end: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "any-corrections.csv"
    path.write_bytes(end.join(lines))
    try:
        read_corrections(path, ("cat", "dog"))
    except BeholderError as error:
        assert str(path) in str(error)  # noqa: PT017  (either outcome is right)
        assert "\n" not in str(error)  # noqa: PT017


FIELDS = st.sampled_from(
    [
        *(b"path", b"label", b"split", b"id", b"0.png", b"1.png", b"2", b"cat", b"dog", b"train", b"test", b"../0.png"),
        *(b"/", b'"', b'""', b"\0", b"\xff", b"\xe9", b"\xef\xbb\xbf", b"\xff\xfe", b"\\", b"1" * 5000, b"https://x/a"),
    ]
)
JSON = st.sampled_from(
    [
        *(b'{"path": "0.png", "label": "cat"}', b'{"path": "1.png", "label": 1.0}', b'{"path": null}', b"[]", b"{"),
        *(b'{"label": NaN, "id": 1}', b'{"path": "a\\u0000", "label": "a"}', b'{"path": {}, "label": []}'),
        b'{"path": "\\ud800", "label": ""}',
    ]
)


@settings(max_examples=150)
@given(
    head=st.sampled_from([b"path,label", b"id;label;split", b"path\tlabel", b""]),
    lines=st.lists(st.lists(FIELDS | st.binary(max_size=8), max_size=4), max_size=8),
    json_lines=st.lists(JSON, max_size=5),
    separators=st.tuples(st.sampled_from([b",", b";", b"\t"]), st.sampled_from([b"\n", b"\r\n", b"\r"])),
    suffix=st.sampled_from([".csv", ".tsv", ".jsonl", ".parquet"]),
    for_audit=st.booleans(),
)
def test_any_table_is_opened_or_refused_and_left_alone(
    head: bytes,
    lines: list[list[bytes]],
    json_lines: list[bytes],
    separators: tuple[bytes, bytes],
    suffix: str,
    for_audit: bool,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    root = tmp_path_factory.getbasetemp() / "any-table"
    if not root.exists():
        (root / "train").mkdir(parents=True)
        for number in range(3):
            Image.new("L", (8, 8), 50 * number).save(root / f"{number}.png")
    separator, end = separators
    rows = json_lines if suffix == ".jsonl" else [separator.join(fields) for fields in lines]
    path = root / f"labels{suffix}"
    path.write_bytes(end.join([head, *rows]) if suffix != ".jsonl" else b"\n".join(rows))
    before = {one: one.stat().st_mtime_ns for one in root.rglob("*")}
    try:
        for read in open_source(path, cache=root.parent / "any-cache", for_audit=for_audit).readers.values():
            read(silent)
    except BeholderError as error:
        assert "\n" not in str(error)  # noqa: PT017  (either outcome is right)
        assert str(error).endswith((".", "?"))  # noqa: PT017
    assert {one: one.stat().st_mtime_ns for one in root.rglob("*")} == before


NAMES = st.binary(min_size=1, max_size=12).filter(
    lambda name: not {0, ord("/")} & set(name) and name not in (b".", b"..")
)
FILES = st.sampled_from([b"", b"no image", b"\x89PNG\r\n\x1a\n", b"GIF89a"])
ENDS = st.sampled_from([b"", b".png", b".JPG", b".gif"])


@settings(max_examples=60)
@given(
    tree=st.dictionaries(
        st.sampled_from([b"train", b"test", b"a", b"b", b".c"]) | NAMES,
        st.lists(st.tuples(NAMES, ENDS, FILES), max_size=3),
        max_size=4,
    ),
    image=st.booleans(),
)
def test_any_folder_is_opened_or_refused_and_left_alone(
    tree: dict[bytes, list[tuple[bytes, bytes, bytes]]], image: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.mktemp("any") / "data"
    root.mkdir()
    for folder, entries in tree.items():
        home = root / os.fsdecode(folder)
        home.mkdir()
        for name, end, content in entries:
            (home / os.fsdecode(name + end)).write_bytes(content)
        for number in range(4 if image else 0):
            Image.new("L", (8, 8), number).save(home / f"own {number}.png")
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    try:
        for read in open_source(root, cache=root.parent / "cache").readers.values():
            read(silent)
    except BeholderError as error:
        assert "\n" not in str(error)  # noqa: PT017  (either outcome is right)
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == before
