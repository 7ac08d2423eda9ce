"""A person relies on: batches of any age are read as `pickle` reads them, and no pickle can do anything else."""

from __future__ import annotations

import pickle
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from beholder.data.cifar.pickles import loads, unpickle
from beholder.errors import DataError


def python2(value: dict[str, Any] | list[Any] | str | int | NDArray[np.uint8]) -> bytes:
    """`value` in the opcodes of Python 2's cPickle at protocol 2, memoised: byte strings, the old NumPy's names."""
    if isinstance(value, dict):
        return b"}q\x01(" + b"".join(python2(key) + python2(item) for key, item in value.items()) + b"u"
    if isinstance(value, list):
        return b"]q\x02(" + b"".join(map(python2, value)) + b"e"
    if isinstance(value, str):
        return b"U" + struct.pack("<B", len(value)) + value.encode() + b"r\x03\x00\x00\x00"
    if isinstance(value, int):
        return b"K" + struct.pack("<B", value)
    empty = b"cnumpy.core.multiarray\n_reconstruct\nq\x04(cnumpy\nndarray\nq\x05K\x00\x85U\x01btRq\x06"
    dtype = b"cnumpy\ndtype\n(U\x02u1K\x00K\x01tR(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    shape = b"(" + b"".join(b"J" + struct.pack("<i", side) for side in value.shape) + b"t"
    content = b"T" + struct.pack("<i", value.size) + value.tobytes()
    return empty + b"(K\x01" + shape + dtype + b"\x89" + content + b"tb"


def a_batch(rows: int = 40) -> dict[str, Any]:
    data = np.random.default_rng(0).integers(0, 256, (rows, 3072)).astype(np.uint8)
    return {
        "data": data,
        "labels": [row % 10 for row in range(rows)],
        "filenames": [f"a_{row}.png" for row in range(rows)],
    }


def assert_same(found: dict[str, Any], expected: dict[str, Any]) -> None:
    assert list(found) == list(expected)
    np.testing.assert_array_equal(found["data"], expected["data"])
    assert found["data"].dtype == np.uint8
    assert found["labels"] == expected["labels"]
    assert found["filenames"] == expected["filenames"]


@pytest.mark.parametrize("rows", [1, 40])  # below and above the size that is read where it lies
def test_reads_what_python_2_wrote(rows: int, tmp_path: Path) -> None:
    file = tmp_path / "data_batch_1"
    file.write_bytes(b"\x80\x02" + python2(a_batch(rows)) + b".")
    # Our writer against the standard reader, then our reader against both.
    assert_same(pickle.loads(file.read_bytes(), encoding="latin1"), a_batch(rows))
    assert_same(unpickle(file), a_batch(rows))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("order", ["C", "F"])
def test_reads_what_todays_python_writes(protocol: int, order: Any) -> None:
    for rows in (2, 40):
        batch = a_batch(rows)
        batch["data"] = np.asarray(batch["data"], order=order)
        assert_same(loads(pickle.dumps(batch, protocol), "batch"), batch)


def test_byte_keys_and_numpy_numbers_become_plain() -> None:
    content = pickle.dumps({b"labels": [np.int64(3), 4], "mean": np.float32(0.5), b"name": b"caf\xc3\xa9"})
    assert loads(content, "batch") == {"labels": [3, 4], "mean": 0.5, "name": "café"}


@pytest.mark.parametrize("dtype", ["<i2", ">i4", "<f4", "|b1", ">u8"])
def test_arrays_of_numbers_keep_dtype_and_byte_order(dtype: str) -> None:
    array = np.array([[0, 1, 2], [1, 0, 1]]).astype(dtype)
    found = loads(pickle.dumps({"x": array}, 2), "batch")["x"]
    assert found.dtype == array.dtype
    np.testing.assert_array_equal(found, array)


class _Runs:
    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_code_is_refused_before_it_runs(protocol: int, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    content = pickle.dumps({"data": _Runs(exec, f"open({str(victim)!r}, 'w')"), "labels": [_Runs(print)]}, protocol)
    with pytest.raises(DataError, match=r"'bad'.*builtin.*exec.*nothing in it was run"):
        loads(content, "bad")
    assert not victim.exists()


@pytest.mark.parametrize(
    "content",
    [
        b"cnumpy\nfromfile\n.",
        b"cposix\nsystem\n(U\x02lstR.",
        b"(U\x02lsiposix\nsystem\n.",  # INST
        b"\x80\x04\x8c\x05numpy\x8c\x0endarray.tofile\x93.",
        b"cnumpy\nndarray\n}(U\x07__new__K\x01ub.",  # BUILD on a name
        b"cnumpy\nndarray\n(N}(U\x08__call__K\x01utb.",
        b"cnumpy\nndarray\n)\x81.",  # NEWOBJ
        b"\x82\x01.",  # EXT1
        b"U\x01xQ.",  # BINPERSID
        b"\x80\x05\x97.",  # NEXT_BUFFER
    ],
)
def test_other_ways_to_run_something_are_refused(content: bytes) -> None:
    with pytest.raises(DataError):
        loads(content, "bad")


def test_an_array_of_objects_is_refused() -> None:
    with pytest.raises(DataError, match="array"):
        loads(pickle.dumps({"data": np.array([1, "a"], dtype=object)}), "bad")


BOMBS = r"""
import resource, sys
from beholder.data.cifar.pickles import loads
from beholder.errors import DataError
array = b"}(U\x04datacnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\x00\x85U\x01btR"
dtype = b"cnumpy\ndtype\n(U\x02u1K\x00K\x01tR(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
doubled = b"".join(b"q%ch%ch%c\x86" % (index, index, index) for index in range(40))
text = b"X\x00\x00\x10\x00" + b"a" * (1 << 20) + b"q\x00"
bombs = [
    array + b"(K\x01(J\xff\xff\xff\x7fJ\xff\xff\xff\x7ft" + dtype + b"\x89U\x02abtbu.",  # announces 4 EB
    b"K\x01r\xff\xff\xff\x0f.",  # a memo of 2 GB
    b"K\x01p268435455\n.",
    b"T\xff\xff\xff\x7fabc.",  # a text of 2 GB
    b"\x80\x05\x96\xff\xff\xff\xff\x00\x00\x00\x00abc.",
    b"}" + b")" + b"\x85" * 1_000_000 + b"K\x01s.",  # a key that overflows the stack when it is hashed
    b"}U\x01x](" + text + b"c_codecs\nencode\n(h\x00U\x06latin1tR" * 3000 + b"es.",  # 3000 copies of a megabyte
    b"}U\x01xcnumpy\ndtype\n" + b")" + b"\x85" * 1_000_000 + b"\x85Rs.",  # a dtype that nests as deep
    b"}U\x01xcnumpy\ndtype\n)" + doubled + b"\x85Rs.",  # one of 2^40 empty tuples
    array + b"(K\x01)" + doubled + b"\x85" + dtype + b"\x89U\x02abtbu.",  # a shape, likewise
    b"\x80\x04})" + doubled + b"q\x00h\x00h\x00\x93K\x01s.",  # the name of a function, likewise
    b"}" + b"".join(b"U\x01xp%d\n0" % (index * ((1 << 61) - 1)) for index in range(3000)) + b".",  # indices of one hash
]
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for number, bomb in enumerate(bombs):
    try:
        loads(bomb, "bomb")
    except DataError:
        continue
    sys.exit(f"bomb {number} was read")
again = loads(b"}U\x01x](T" + text[1:] + b"h\x00" * 3000 + b"es.", "one text 3000 times")["x"]
assert len(again) == 3001 and len({id(one) for one in again}) == 1
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print((after - before) // (1 << 20 if sys.platform == "darwin" else 1 << 10))
"""


def test_a_small_file_cannot_fill_the_memory_or_end_the_process() -> None:
    done = subprocess.run([sys.executable, "-c", BOMBS], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 100  # MB


@pytest.mark.parametrize("content", [b"", b"hello", b"\x80\x02", b"K\x01.", pickle.dumps([1]), pickle.dumps({1: 2})])
def test_what_is_no_batch_is_one_sentence_with_the_name(content: bytes) -> None:
    with pytest.raises(DataError, match="'some file'") as caught:
        loads(content, "some file")
    assert str(caught.value).count(". ") == 0


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nowhere"):
        unpickle(tmp_path / "nowhere")


SEEDS = [
    b"\x80\x02" + python2(a_batch(1)) + b".",
    *(pickle.dumps(a_batch(1), protocol) for protocol in (0, 2, 4, 5)),
]


@settings(max_examples=300)
@given(
    seed=st.sampled_from(SEEDS),
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=6),
    front=st.booleans(),
    cut=st.floats(0.5, 1),
)
def test_a_damaged_batch_is_read_or_refused(
    seed: bytes, changes: list[tuple[float, int]], front: bool, cut: float
) -> None:
    content = bytearray(seed)
    pixels = seed.find(a_batch(1)["data"].tobytes()[:50])
    for place, value in changes:
        # Pixels may be anything: most changes go to the program around them.
        where = int(place * pixels) if front and pixels > 0 else int(place * len(content))
        content[where] = value
    try:
        assert type(loads(bytes(content[: int(cut * len(content))] if cut < 0.75 else content), "batch")) is dict
    except DataError as error:
        assert "'batch'" in str(error)  # noqa: PT017  (either outcome is right)


@settings(max_examples=200)
@given(st.lists(st.sampled_from([bytes([code]) for code in range(256)] + [b"cnumpy\ndtype\n", b"K\x01", b"U\x02u1"])))
def test_a_random_program_is_read_or_refused(opcodes: list[bytes]) -> None:
    try:
        assert type(loads(b"\x80\x02" + b"".join(opcodes) + b".", "batch")) is dict
    except DataError as error:
        assert "'batch'" in str(error)  # noqa: PT017  (either outcome is right)


def test_a_batch_as_python_2_writes_it_by_default_is_read() -> None:
    content = b"(dp0\nS'labels'\np1\n(lp2\nI3\naI5\nasS'batch_label'\np3\nS'caf\\xc3\\xa9'\np4\ns."
    assert loads(content, "batch") == {"labels": [3, 5], "batch_label": "café"}
