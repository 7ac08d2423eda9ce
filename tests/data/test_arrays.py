"""A person relies on: arrays of the usual shapes become images, and others are refused in words."""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from beholder.data.arrays import from_arrays, open_npz
from beholder.data.digits import open_digits
from beholder.data.progress import silent
from beholder.errors import DataError


def random_images(*shape: int) -> Any:
    return np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)


def save(path: Path, **arrays: Any) -> Path:
    np.savez_compressed(path, **arrays)
    return path


def npy(array: Any) -> bytes:
    content = io.BytesIO()
    np.save(content, array)
    return content.getvalue()


@pytest.mark.parametrize("shape", [(4, 9, 7), (4, 9, 7, 1), (4, 9, 7, 3)])
def test_an_npz_gives_its_images(shape: tuple[int, ...], tmp_path: Path) -> None:
    images = random_images(*shape)
    path = save(tmp_path / "a b.npz", images=images, labels=[2, 0, 1, 0], names=["ant", "bee", "cat"])
    source = open_npz(path)
    assert list(source.readers) == ["all"]
    assert source.class_names == ("ant", "bee", "cat")
    assert source.notes == ()
    data = source.readers["all"](silent)
    np.testing.assert_array_equal(data.images, images.reshape(4, 9, 7, -1))
    assert data.labels.tolist() == [2, 0, 1, 0]
    assert data.names[3] == "images/00003"


@pytest.mark.parametrize(
    ("labels", "names", "indices", "class_names"),
    [
        ([7, 5, 7], None, [1, 0, 1], ("5", "7")),
        ([[1], [0], [1]], ["no", "yes"], [1, 0, 1], ("no", "yes")),
        (["b", "a", "b"], None, [1, 0, 1], ("a", "b")),
        (["b", "a", "b"], ["b", "a", "unused"], [0, 1, 0], ("b", "a", "unused")),
        (np.array([b"\xc3\xa9", b"a", b"a"]), None, [1, 0, 0], ("a", "é")),
        (np.array(["x", "y", "x"], dtype=object), None, [0, 1, 0], ("x", "y")),
    ],
)
def test_labels_are_numbers_or_texts(labels: Any, names: Any, indices: list[int], class_names: tuple[str, ...]) -> None:
    data = from_arrays(random_images(3, 5, 5), labels, names)
    assert data.labels.tolist() == indices
    assert data.class_names == class_names


def test_plain_arrays_are_not_copied() -> None:
    images = random_images(3, 5, 5, 3)
    assert np.shares_memory(from_arrays(images, [0, 1, 1]).images, images)


def test_plain_lists_will_do() -> None:
    data = from_arrays([[[0.0, 1.0], [0.5, 0.25]]], ["x"])
    assert data.images[0][:, :, 0].tolist() == [[0, 255], [128, 64]]


def test_floats_are_scaled_and_a_note_says_so(tmp_path: Path) -> None:
    images = random_images(50, 5, 5, 3)
    path = save(tmp_path / "x.npz", images=images / np.float32(255), labels=np.arange(50) % 2)
    source = open_npz(path)
    [note] = source.notes
    assert "x.npz" in note
    assert "0..255" in note
    np.testing.assert_array_equal(source.readers["all"](silent).images, images)


def test_booleans_are_black_and_white_and_a_note_says_so(tmp_path: Path) -> None:
    images = random_images(50, 5, 5) > 99
    source = open_npz(save(tmp_path / "x.npz", images=images, labels=np.arange(50) % 2))
    assert "bool" in source.notes[0]
    np.testing.assert_array_equal(np.asarray(source.readers["all"](silent).images)[..., 0], np.where(images, 255, 0))


def test_floats_of_any_width_that_overshoot_by_rounding_are_scaled() -> None:
    for dtype in (np.float16, np.float32, ">f4", np.float64):
        images = np.linspace(-1e-6, 1 + 1e-6, 32).reshape(2, 4, 4).astype(dtype)
        found = np.asarray(from_arrays(images, [0, 1]).images)
        np.testing.assert_allclose(found[..., 0], np.clip(images, 0, 1).astype(float) * 255, atol=0.6)


def test_names_of_numpy_are_plain_texts() -> None:
    data = from_arrays(random_images(2, 5, 5), np.array(["a", "b"]), np.array(["a", "b"]))  # type: ignore[arg-type]
    assert [type(name) for name in data.class_names] == [str, str]


def test_alpha_is_laid_on_white() -> None:
    images = random_images(5, 6, 7, 4)
    found = from_arrays(images, [0, 1, 0, 1, 0]).images
    for loaded, image in zip(images, found, strict=True):
        white = Image.new("RGBA", (7, 6), "white")
        expected = np.asarray(Image.alpha_composite(white, Image.fromarray(loaded, "RGBA")).convert("RGB"))
        assert np.abs(expected.astype(int) - image).max() <= 1  # Pillow rounds in another way


@pytest.mark.parametrize(
    ("images", "labels", "names", "sentence"),
    [
        (random_images(3, 5), [0, 1, 1], None, r"Received: shape=\(3, 5\)"),
        (random_images(3, 3, 32, 32), [0, 1, 1], None, r"Received: shape.* np.moveaxis\(images, 1, -1\)"),
        (random_images(32, 32, 3, 9), [0, 1, 1], None, r"np.moveaxis\(images, -1, 0\)"),
        (random_images(3, 784), [0, 1, 1], None, r"images.reshape\(N, H, W\)"),
        (random_images(3, 784, 1), [0, 1, 1], None, "at least 2 x 2 pixels"),
        (np.uint8(3), 0, None, r"shape=\(\)"),
        (random_images(0, 5, 5), [], None, "N > 0"),
        (random_images(3, 5, 5).astype(np.int32), [0, 1, 1], None, r"dtype=int32; give images.astype\(np.uint8\)"),
        (random_images(3, 5, 5).astype(np.uint16), [0, 1, 1], None, "largest possible value"),
        (random_images(3, 5, 5).astype(object), [0, 1, 1], None, "one array of numbers"),
        (random_images(3, 5, 5) / 127.5 - 1, [0, 1, 1], None, r"Received: -.* to "),
        (np.ma.masked_array(random_images(3, 5, 5)), [0, 1, 1], None, "without a mask"),
        (random_images(3, 5, 5) * 1.0, [0, 1, 1], None, "floats? .*from 0 to 1"),
        (np.full((3, 5, 5), 1.00002), [0, 1, 1], None, r"Received: 1\.00002 to 1\.00002; scale"),
        (np.full((3, 5, 5), 1 + 1.1e-5), [0, 1, 1], None, r"Received: 1\.00001.* to"),
        (np.full((3, 5, 5), np.inf), [0, 1, 1], None, "Received: inf to inf"),
        (np.full((3, 5, 5), np.nan), [0, 1, 1], None, "Received: NaN, which is not a number; scale"),
        (random_images(3, 5, 5), [0, 1], None, "Received: 2 for 3"),
        (random_images(3, 5, 5), [0.0, 1.0, 1.0], None, r"whole numbers or texts.* labels.astype\(int\)"),
        (random_images(3, 5, 5), np.eye(3, dtype=int), None, r"np.argmax\(labels, axis=1\)"),
        (
            random_images(3, 5, 5),
            ["a", "b", 1.5],
            None,
            r"Expected texts alone .* Received: 1\.5 in row 2; write it as text",
        ),
        *(
            (
                random_images(3, 5, 5),
                ["a", "b", missing],
                None,
                "1 of 3 texts in 'labels' is missing, the first in row 2",
            )
            for missing in (None, "", " ", float("nan"))
        ),
        (random_images(3, 5, 5), [0, None, None], None, r"2 of 3 .* are missing, .* row 1 \(None\); leave them out"),
        (random_images(3, 5, 5), 1, None, r"shape=\(\)"),
        (random_images(3, 5, 5), [0, 1, 1], "ab", "Expected a list of class names"),
        (random_images(3, 5, 5), ["a", "b", "b"], {"b": 1, "a": 0}, "Expected a list of class names"),
        (random_images(5, 5, 3), [0, 1, 1], None, r"5 images, 3 labels|Received: 3 for 5"),
        (random_images(3, 5, 5), [0, 1, 2], ["a", "b"], "from 0 to 1"),
        (random_images(3, 5, 5), [0, 1, -1], ["a", "b"], "-1 to 1"),
        (random_images(3, 5, 5), ["a", "b", "c"], ["a", "b"], "'c'"),
        (random_images(3, 5, 5), [0, 1, 1], ["a", "a"], "differ"),
        (random_images(3, 5, 5), [0, 1, 1], ["a", 2], "texts"),
        ([[1], [1, 2]], [0, 1], None, "differ from row to row"),
    ],
)
def test_other_arrays_are_refused(images: Any, labels: Any, names: Any, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        from_arrays(images, labels, names)


class _Code:
    def __reduce__(self) -> Any:
        return exec, ("raise SystemExit('it ran')",)


def test_objects_in_an_npz_are_refused_unread(tmp_path: Path) -> None:
    code = np.array([_Code(), _Code()], dtype=object)
    assert b"it ran" in pickle.dumps(code)
    for arrays in ({"images": random_images(2, 5, 5), "labels": code}, {"images": code, "labels": [0, 1]}):
        with pytest.raises(DataError, match="Python objects"):
            open_npz(save(tmp_path / "x.npz", **arrays))


@pytest.mark.parametrize("key", ["images", "labels"])
def test_a_missing_array_is_named(key: str, tmp_path: Path) -> None:
    arrays = {"images": random_images(2, 5, 5), "labels": np.array([0, 1])}
    del arrays[key]
    with pytest.raises(DataError, match=f"{key!r}"):
        open_npz(save(tmp_path / "x.npz", **arrays))


def test_what_is_no_npz_is_named(tmp_path: Path) -> None:
    for content in (b"", b"hello", npy(np.zeros(3))):
        (tmp_path / "x.npz").write_bytes(content)
        with pytest.raises(DataError, match=r"x\.npz"):
            open_npz(tmp_path / "x.npz")
    with pytest.raises(DataError, match="No such file"):
        open_npz(tmp_path / "missing.npz")


def npy_header(*shape: int) -> bytes:
    content = io.BytesIO()
    np.lib.format.write_array_header_1_0(content, {"descr": "|u1", "fortran_order": False, "shape": shape})
    return content.getvalue()


@pytest.mark.parametrize(
    ("shape", "sentence"), [((99, 5, 5), "cut short or damaged"), ((10**12, 5, 5), "too many to load")]
)
def test_an_array_that_announces_more_than_it_holds_is_refused(
    shape: tuple[int, ...], sentence: str, tmp_path: Path
) -> None:
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as file:
        file.writestr("images.npy", npy_header(*shape) + bytes(250))
        file.writestr("labels.npy", npy(np.zeros(10, int)))
    with pytest.raises(DataError, match=sentence):
        open_npz(tmp_path / "x.npz")


def test_a_zip_bomb_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        with file.open("images.npy", "w", force_zip64=True) as stream:
            stream.write(npy_header(300, 1024, 1024))
            for _ in range(300):
                stream.write(bytes(1 << 20))
        file.writestr("labels.npy", npy(np.zeros(300, int)))
    with pytest.raises(DataError, match="too many to load"):
        open_npz(tmp_path / "x.npz")


SAVED = io.BytesIO()
np.savez_compressed(SAVED, images=random_images(6, 5, 5), labels=np.arange(6) % 3, names=np.array(["a", "b", "c"]))


@settings(max_examples=300)
@given(
    changes=st.lists(st.tuples(st.integers(0, len(SAVED.getvalue()) - 1), st.integers(0, 255)), min_size=1, max_size=4),
    length=st.integers(0, 2 * len(SAVED.getvalue())),
)
def test_a_damaged_npz_is_read_or_refused(
    changes: list[tuple[int, int]], length: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged.npz"
    content = bytearray(SAVED.getvalue())
    for place, value in changes:
        content[place] = value
    path.write_bytes(content[:length])
    try:
        assert len(open_npz(path).readers["all"](silent)) == 6
    except DataError as error:
        assert "damaged.npz" in str(error)  # noqa: PT017  (either outcome is right)


def test_the_digits_are_scikit_learns() -> None:
    datasets = pytest.importorskip("sklearn.datasets", reason="scikit-learn is not installed")
    source = open_digits()
    data = source.readers["all"](silent)
    original = datasets.load_digits()
    assert data.images.shape == (1797, 8, 8, 1)
    images = np.asarray(data.images)
    assert (images.min(), images.max()) == (0, 255)
    assert np.abs(images[..., 0] / 255 * 16 - original.images).max() <= 0.5 / 255 * 16 + 1e-9
    assert data.labels.tolist() == original.target.tolist()
    assert data.class_names == source.class_names == tuple("0123456789")
    assert data.names[1] == "digits/0001"


def test_names_that_are_no_row_of_texts_are_told(tmp_path: Path) -> None:
    arrays = {"images": random_images(3, 5, 5), "labels": np.arange(3)}
    for names in (5, [1, 2, 3], [["a"], ["b"], ["c"]]):
        with pytest.raises(DataError, match="row of texts"):
            open_npz(save(tmp_path / "x.npz", names=names, **arrays)).readers["all"](silent)
