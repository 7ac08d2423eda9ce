"""A person relies on: each official layout is read pixel for pixel; a bad archive is one sentence, no traceback."""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import importlib.util
import io
import pickle
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from beholder.data.cifar import archive
from beholder.data.cifar.archive import is_archive, open_archive, read_data
from beholder.data.cifar.layouts import CIFAR10_PYTHON, LAYOUTS
from beholder.data.dataset import Dataset
from beholder.data.opening import open_source
from beholder.data.progress import silent
from beholder.errors import BeholderError, DataError, UsageError

SHARED = Path(__file__).resolve().parents[2] / ".." / "shared" / "data"

Files = dict[str, bytes]
COARSE = ["fish", "trees"]
FINE = [f"class {number:02d}" for number in range(10)]


def images(count: int, seed: int) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (count, 32, 32, 3)).astype(np.uint8)


def rows(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.stack([np.concatenate([image[:, :, channel].ravel() for channel in range(3)]) for image in images])


def cifar10_python(batches: int = 2) -> Files:
    files = {
        f"data_batch_{number}": pickle.dumps(
            {b"data": rows(images(3, number)), b"labels": [number % 10, 1, 9]}, protocol=2
        )
        for number in range(1, batches + 1)
    }
    files["test_batch"] = pickle.dumps(
        {"data": rows(images(2, 99)), "labels": np.array([4, 5]), "filenames": ["x_1.png", "y_2.png"]}
    )
    files["batches.meta"] = pickle.dumps({"label_names": FINE})
    return files


def cifar100_python() -> Files:
    def batch(count: int, seed: int) -> bytes:
        labels = {"fine_labels": [seed, *range(count - 1)], "coarse_labels": [row % 2 for row in range(count)]}
        return pickle.dumps({"data": rows(images(count, seed)), **labels})

    meta = pickle.dumps({"fine_label_names": FINE, "coarse_label_names": COARSE})
    return {"train": batch(3, 1), "test": batch(2, 9), "meta": meta}


def cifar10_binary() -> Files:
    def batch(count: int, seed: int) -> bytes:
        return b"".join(bytes([seed % 10]) + row.tobytes() for row in rows(images(count, seed)))

    names = ("\n".join(FINE) + "\n\n").encode()
    return {
        "data_batch_1.bin": batch(3, 1),
        "data_batch_2.bin": batch(3, 2),
        "test_batch.bin": batch(2, 99),
        "batches.meta.txt": names,
    }


def cifar100_binary() -> Files:
    def batch(count: int, seed: int) -> bytes:
        return b"".join(bytes([1, seed]) + row.tobytes() for row in rows(images(count, seed)))

    return {
        "train.bin": batch(3, 1),
        "test.bin": batch(2, 9),
        "fine_label_names.txt": "\n".join(FINE).encode(),
        "coarse_label_names.txt": "\r\n".join(COARSE).encode(),
    }


MAKERS: dict[str, tuple[str, Callable[[], Files]]] = {
    "cifar10 python": ("cifar-10-batches-py", cifar10_python),
    "cifar10 binary": ("cifar-10-batches-bin", cifar10_binary),
    "cifar100 python": ("cifar-100-python", cifar100_python),
    "cifar100 binary": ("cifar-100-binary", cifar100_binary),
}


def make_folder(folder: Path, files: Files) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def tar_bytes(files: Files, folder: str = "cifar-10-batches-py", *extra: tuple[tarfile.TarInfo, bytes]) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        top = tarfile.TarInfo(folder)
        top.type = tarfile.DIRTYPE
        tar.addfile(top)
        for name, content in files.items():
            entry = tarfile.TarInfo(f"{folder}/{name}")
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
        for entry, content in extra:
            tar.addfile(entry, io.BytesIO(content))
    return made.getvalue()


def read_all(path: Path, **options: Any) -> dict[str, Dataset]:
    source = open_archive(path, **options)
    return {set_name: reader(silent) for set_name, reader in source.readers.items()}


@pytest.mark.parametrize("form", ["folder", "above", "tar.gz", "tgz", "tar"])
@pytest.mark.parametrize("layout", MAKERS)
def test_every_layout_gives_its_images(layout: str, form: str, tmp_path: Path) -> None:
    folder, make = MAKERS[layout]
    if form in ("folder", "above"):
        path = make_folder(tmp_path / folder, make())
        path = tmp_path if form == "above" else path
    else:
        path = tmp_path / f"an archive.{form}"
        content = tar_bytes(make(), folder)
        path.write_bytes(content if form == "tar" else gzip.compress(content))
    assert is_archive(path)

    sets = read_all(path)
    assert list(sets) == ["train", "test"]
    train, test = sets["train"], sets["test"]
    expected = [images(3, 1), images(3, 2)] if "cifar10 " in layout else [images(3, 1)]
    np.testing.assert_array_equal(train.images, np.concatenate(expected))
    np.testing.assert_array_equal(test.images, images(2, 99 if "cifar10 " in layout else 9))
    assert np.asarray(train.images).flags.c_contiguous
    assert train.class_names == tuple(FINE)
    assert train.labels[0] == 1


def test_names_are_the_archives_own_or_batch_and_row(tmp_path: Path) -> None:
    sets = read_all(make_folder(tmp_path, cifar10_python()))
    assert sets["test"].names == ["x_1.png", "y_2.png"]
    assert sets["train"].names[4] == "data_batch_2/00001"


@pytest.mark.parametrize("layout", ["cifar100 python", "cifar100 binary"])
def test_superclasses_on_request(layout: str, tmp_path: Path) -> None:
    train = read_all(make_folder(tmp_path, MAKERS[layout][1]()), labels="coarse")["train"]
    assert train.class_names == tuple(COARSE)
    assert train.labels[1] == 1


def test_cifar10_has_no_superclasses(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"CIFAR-10.*coarse"):
        open_archive(make_folder(tmp_path, cifar10_python()), labels="coarse")


@pytest.mark.parametrize("kind", ["folder", "table", "zip", "npz", "arrays", "digits"])
def test_superclasses_of_other_data_are_refused(kind: str, tmp_path: Path) -> None:
    pixels, labels = images(6, 0), ["a", "b"] * 3
    for row, label in enumerate(labels):
        (tmp_path / "photos" / label).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels[row]).save(tmp_path / "photos" / label / f"{row}.png")
    lines = [f"photos/{label}/{row}.png,{label}" for row, label in enumerate(labels)]
    (tmp_path / "labels.csv").write_text("\n".join(["path,label", *lines]))
    with zipfile.ZipFile(tmp_path / "d.zip", "w") as packed:
        for file in (tmp_path / "photos").rglob("*.png"):
            packed.write(file, file.relative_to(tmp_path / "photos"))
    np.savez(tmp_path / "d.npz", images=pixels, labels=np.array(labels))
    data: dict[str, Any] = {
        "folder": tmp_path / "photos",
        "table": tmp_path / "labels.csv",
        "zip": tmp_path / "d.zip",
        "npz": tmp_path / "d.npz",
        "arrays": (pixels, labels),
        "digits": "digits",
    }
    with pytest.raises(UsageError, match=r"^--labels coarse is for CIFAR-100, which '.*' is not; leave it out\.$"):
        open_source(data[kind], labels="coarse", cache=tmp_path / "cache")


def test_batches_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    files = cifar10_python(batches=11)
    make_folder(tmp_path / "folder", files)
    (tmp_path / "x.tar").write_bytes(tar_bytes(dict(reversed(files.items()))))
    expected = np.concatenate([images(3, number) for number in range(1, 12)])
    for path in (tmp_path / "folder", tmp_path / "x.tar"):
        np.testing.assert_array_equal(read_all(path)["train"].images, expected)
        assert read_data(path)[2].tolist() == [n for number in range(1, 12) for n in (number % 10, 1, 9)]


def test_a_set_is_read_alone(tmp_path: Path) -> None:
    source = open_archive(make_folder(tmp_path, cifar10_python() | {"test_batch": b"damaged"}))
    assert len(source.readers["train"](silent)) == 6
    with pytest.raises(DataError, match="test_batch"):
        source.readers["test"](silent)


def test_progress_ends_when_all_is_read(tmp_path: Path) -> None:
    heard: list[tuple[int, int]] = []
    source = open_archive(make_folder(tmp_path, cifar10_python()))
    source.readers["train"](lambda _, done, total: heard.append((done, total)))
    assert heard == [(0, 2), (1, 2), (2, 2)]


def test_another_checksum_is_said_and_the_official_one_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "cifar-10-python.tar.gz"
    path.write_bytes(gzip.compress(tar_bytes(cifar10_python())))
    md5 = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
    [note] = open_archive(path).notes
    assert md5 in note
    assert "c58f30108f718f92721af3b95e74349a" in note
    official = dataclasses.replace(CIFAR10_PYTHON, md5=md5)
    monkeypatch.setattr(archive, "LAYOUTS", (official, *LAYOUTS[1:]))
    assert open_archive(path, name="cifar10").notes == ()
    assert open_archive(path, name="cifar10").name == "cifar10"


def test_reading_changes_nothing(tmp_path: Path) -> None:
    files = cifar10_python()
    read_all(make_folder(tmp_path, files))
    read_data(tmp_path)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == files


def test_what_is_no_archive(tmp_path: Path) -> None:
    (tmp_path / "train" / "cats").mkdir(parents=True)
    (tmp_path / "test").write_text("notes")
    assert not is_archive(tmp_path)
    assert not is_archive(tmp_path / "test")
    assert not is_archive(tmp_path / "missing.tar.gz")
    with pytest.raises(DataError, match="CIFAR-10 or CIFAR-100"):
        open_archive(tmp_path)
    with pytest.raises(DataError, match=r"missing\.tar\.gz.*No such file"):
        open_archive(tmp_path / "missing.tar.gz")


def test_read_data_is_the_chapters(tmp_path: Path) -> None:
    names, data, labels = read_data(str(make_folder(tmp_path, cifar10_python())))
    grey = np.concatenate([images(3, 1), images(3, 2)]).astype(np.float64).mean(axis=3)
    cropped = grey[:, 4:28, 4:28].reshape(6, 576)
    expected = (cropped - cropped.mean(1, keepdims=True)) / cropped.std(1, keepdims=True)
    assert names == FINE
    assert data.shape == (6, 576)
    assert str(data.dtype) == "float32"
    assert str(labels.dtype) == "int64"
    np.testing.assert_allclose(data, expected, atol=1e-5)
    assert labels.tolist() == [1, 1, 9, 2, 1, 9]


def batch(**changes: Any) -> bytes:
    content = {"data": rows(images(3, 0)), "labels": [0, 1, 2]} | changes
    return pickle.dumps({key: value for key, value in content.items() if value is not None})


BAD_BATCHES = {
    "no data": (batch(data=None), "no 'data'"),
    "no labels": (batch(labels=None), "no 'labels'"),
    "another shape": (batch(data=np.zeros((3, 3000), np.uint8)), r"Received: shape=\(3, 3000\)"),
    "another dtype": (batch(data=np.zeros((3, 3072), np.float32)), "dtype=float32"),
    "a list": (batch(data=[[1, 2, 3]]), "Received: list"),
    "no rows": (batch(data=np.zeros((0, 3072), np.uint8), labels=[]), "no images"),
    "too few labels": (batch(labels=[1]), "for each of its 3 images"),
    "labels that are texts": (batch(labels=["a", "b", "c"]), "for each of its 3 images"),
    "labels that nest": (batch(labels=[[0], [1], [2]]), "for each of its 3 images"),
    "huge labels": (batch(labels=[0, 1, 10**30]), "too large"),
    "labels outside": (batch(labels=[0, 1, 10]), "labels from 0 to 10"),
    "labels below": (batch(labels=[0, 1, -1]), "labels from -1 to 1"),
    "cut short": (batch()[:-1000], "cut short"),
    "no pickle": (b"PK\x03\x04 hello", "not a pickle"),
    "empty": (b"", "cut short"),
}


@pytest.mark.parametrize("kind", BAD_BATCHES)
def test_a_bad_batch_is_named(kind: str, tmp_path: Path) -> None:
    content, sentence = BAD_BATCHES[kind]
    folder = make_folder(tmp_path, cifar10_python() | {"data_batch_2": content})
    with pytest.raises(DataError, match=sentence) as caught:
        open_archive(folder).readers["train"](silent)
    assert "data_batch_2" in str(caught.value)
    with pytest.raises(DataError, match=sentence):
        read_data(folder)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"batches.meta": None}, "lacks 'batches.meta'"),
        ({"data_batch_1": None}, "lacks training batch 1"),
        ({"batches.meta": pickle.dumps({"names": FINE})}, "no 'label_names'"),
        ({"batches.meta": pickle.dumps({"label_names": [1, 2]})}, "no list of class names"),
        ({"batches.meta": b"nonsense"}, "batches.meta"),
    ],
)
def test_an_incomplete_archive_says_what_is_missing(
    changes: dict[str, bytes | None], sentence: str, tmp_path: Path
) -> None:
    files = {name: content for name, content in (cifar10_python() | changes).items() if content is not None}
    with pytest.raises(DataError, match=sentence):
        open_archive(make_folder(tmp_path, files))


@pytest.mark.parametrize("content", [b"", bytes(3072), bytes(2 * 3073 - 1), b"\x0a" + bytes(3072)])
def test_a_bad_binary_batch_is_named(content: bytes, tmp_path: Path) -> None:
    folder = make_folder(tmp_path, cifar10_binary() | {"data_batch_1.bin": content})
    with pytest.raises(DataError, match=r"data_batch_1\.bin"):
        open_archive(folder).readers["train"](silent)


def entry(name: str, kind: bytes = tarfile.REGTYPE, target: str = "", size: int = 0) -> tuple[tarfile.TarInfo, bytes]:
    made = tarfile.TarInfo(name)
    made.type, made.linkname, made.size = kind, target, size
    return made, bytes(size)


@pytest.mark.parametrize(
    ("extra", "sentence"),
    [
        (entry("/etc/passwd"), "leaves its folder"),
        (entry("cifar-10-batches-py/../../x"), "leaves its folder"),
        (entry("cifar-10-batches-py/link", tarfile.SYMTYPE, "/etc/passwd"), "is a link"),
        (entry("cifar-10-batches-py/link", tarfile.LNKTYPE, "data_batch_1"), "is a link"),
        (entry("cifar-10-batches-py/device", tarfile.CHRTYPE), "neither"),
        (entry("cifar-10-batches-py/disk", tarfile.BLKTYPE), "neither"),
        (entry("cifar-10-batches-py/pipe", tarfile.FIFOTYPE), "neither"),
        (entry("cifar-10-batches-py/data_batch_1", size=5), "twice"),
    ],
)
def test_a_tar_entry_that_no_data_set_needs_is_refused(
    extra: tuple[tarfile.TarInfo, bytes], sentence: str, tmp_path: Path
) -> None:
    path = tmp_path / "x.tar.gz"
    path.write_bytes(gzip.compress(tar_bytes(cifar10_python(), "cifar-10-batches-py", extra)))
    with pytest.raises(DataError, match=sentence) as caught:
        open_archive(path)
    assert "x.tar.gz" in str(caught.value)


@pytest.mark.parametrize("kind", [tarfile.REGTYPE, tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME])
def test_a_tar_that_announces_too_much_is_refused(kind: bytes, tmp_path: Path) -> None:
    made = tarfile.TarInfo("cifar-10-batches-py/data_batch_3")
    made.size, made.type = 1 << 40, kind
    content = tar_bytes(cifar10_python()).rstrip(b"\0")
    content += bytes(-len(content) % 512) + made.tobuf(tarfile.GNU_FORMAT) + bytes(1024)
    path = tmp_path / "x.tar.gz"
    path.write_bytes(gzip.compress(content))
    with pytest.raises(DataError, match=r"x\.tar\.gz"):
        open_archive(path)


WHOLE_TAR = tar_bytes(cifar10_python())
WHOLE = gzip.compress(WHOLE_TAR, mtime=0)


@settings(max_examples=100)
@given(length=st.integers(0, len(WHOLE) - 1))
def test_a_truncated_archive_is_refused(length: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "truncated.tar.gz"
    path.write_bytes(WHOLE[:length])
    with pytest.raises(DataError, match=r"truncated\.tar\.gz"):
        open_archive(path)


@settings(max_examples=150)
@given(bit=st.integers(10 * 8, len(WHOLE) * 8 - 1))  # the first ten bytes hold a time and such, which nobody checks
def test_a_flipped_bit_is_noticed_or_changes_nothing(bit: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "flipped.tar.gz"
    content = bytearray(WHOLE)
    content[bit // 8] ^= 1 << bit % 8
    path.write_bytes(content)
    try:
        train = read_all(path)["train"]
    except DataError as error:
        assert "flipped.tar.gz" in str(error)  # noqa: PT017  (nearly every bit matters; a few are padding)
    else:
        np.testing.assert_array_equal(train.images, np.concatenate([images(3, 1), images(3, 2)]))


@settings(max_examples=150)
@given(
    changes=st.lists(
        st.tuples(st.integers(0, len(WHOLE_TAR) // 512 - 1), st.integers(0, 511), st.integers(0, 255)), max_size=5
    ),
    blocks=st.integers(1, len(WHOLE_TAR) // 512),
)
def test_a_damaged_plain_tar_is_read_or_refused(
    changes: list[tuple[int, int, int]], blocks: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged.tar"
    content = bytearray(WHOLE_TAR)
    for block, place, value in changes:
        content[block * 512 + place] = value
    path.write_bytes(content[: blocks * 512] if blocks % 2 else content)
    try:
        sets = read_all(path)
        assert len(sets["train"]) == 6
    except BeholderError as error:
        assert "damaged.tar" in str(error)  # noqa: PT017  (either outcome is right)


def test_a_plain_tar_cut_between_two_files_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.tar"
    with tarfile.open(fileobj=io.BytesIO(WHOLE_TAR)) as tar:
        starts = [member.offset for member in tar.getmembers()]
    for start in starts:
        path.write_bytes(WHOLE_TAR[:start])
        with pytest.raises(DataError, match=r"x\.tar"):
            open_archive(path)


@pytest.mark.real
def test_real_images_in_the_format_of_python_2(tmp_path: Path) -> None:
    if not (SHARED / "cifar10-pictures.zip").is_file():
        pytest.skip("the shared real images are not here")
    spec = importlib.util.spec_from_file_location("make_cifar_archive", SHARED / "make_cifar_archive.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    with zipfile.ZipFile(SHARED / "cifar10-pictures.zip") as bundle:
        files = sorted(name for name in bundle.namelist() if name.endswith(".jpg"))[::500]
        images = np.stack([np.asarray(Image.open(io.BytesIO(bundle.read(name))).convert("RGB")) for name in files])
    classes = sorted({name.split("/")[1] for name in files})
    labels = [classes.index(name.split("/")[1]) for name in files]
    content = {"data": rows(images), "labels": labels, "filenames": [Path(name).name for name in files]}
    made = {
        "data_batch_1": script.python2_pickle(content),
        "batches.meta": script.python2_pickle({"label_names": classes}),
    }
    train = read_all(make_folder(tmp_path, made))["train"]
    np.testing.assert_array_equal(train.images, images)
    assert [train.class_names[label] for label in train.labels] == [name.split("/")[1] for name in files]
    assert list(train.names) == content["filenames"]


def kept_rows(path: Path, cache: Path, set_name: str = "train") -> tuple[Dataset, tuple[str, ...]]:
    source = open_archive(path, cache=cache)
    return source.readers[set_name](silent), source.notes


def packed(path: Path, files: Files) -> Path:
    path.write_bytes(gzip.compress(tar_bytes(files)))
    return path


def test_a_packed_archive_is_read_from_the_cache_while_it_is_the_same(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = packed(tmp_path / "cifar.tar.gz", cifar10_python())
    first, notes = kept_rows(path, cache)
    with monkeypatch.context() as patched:
        patched.setattr(archive, "_source", lambda *_: pytest.fail("the archive was opened again"))
        again, same_notes = kept_rows(path, cache)
    assert same_notes == notes
    assert again.fingerprint() == first.fingerprint()
    assert again.names == first.names
    np.testing.assert_array_equal(again.images, open_archive(path).readers["train"](silent).images)
    test, _ = kept_rows(path, cache, "test")
    assert len(test) == 2, "a set that nobody asked for before"


def test_another_archive_of_the_same_name_is_read_anew(tmp_path: Path, cache: Path) -> None:
    path = packed(tmp_path / "cifar.tar.gz", cifar10_python())
    first, _ = kept_rows(path, cache)
    other, _ = kept_rows(packed(path, cifar10_python(3)), cache)
    assert (len(first), len(other)) == (6, 9)


def test_a_damaged_copy_of_an_archive_in_the_cache_is_made_anew(tmp_path: Path, cache: Path) -> None:
    path = packed(tmp_path / "cifar.tar.gz", cifar10_python())
    first, _ = kept_rows(path, cache)
    [file] = (cache / "archives").iterdir()
    whole = file.read_bytes()
    for damaged in (b"", whole[:-100], whole[:5000] + b"\0" * 100 + whole[5100:]):
        file.write_bytes(damaged)
        assert kept_rows(path, cache)[0].fingerprint() == first.fingerprint()
