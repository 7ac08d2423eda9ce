"""A person relies on: bulk answers see the images that `predict` sees, in its order, wherever these lie."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from beholder.answering.inputs import expand
from beholder.errors import DataError, ImageError, UsageError

pytest.importorskip("pyarrow", reason="the extra cluster is not installed")

import pyarrow as pa
import pyarrow.parquet as pq

from beholder.answering.bulk.locations import plain
from beholder.answering.bulk.sources import BulkSource, open_bulk_source

NAMES = ["a.jpg", "a/b.png", "a/.hidden.png", "a b.JPEG", "a/c/d.jpg", "a-1/e.jpg", "notes.txt", "y.heic", "z.webp"]


@pytest.fixture
def images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    for name in NAMES:
        path = tmp_path / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    (tmp_path / "images" / os.fsdecode(b"no text \xff.jpg")).write_bytes(b"odd")
    monkeypatch.chdir(tmp_path)
    return "images"


@pytest.fixture(scope="module")
def bucket(store: tuple[Any, str]) -> str:
    """Options of an address on an S3-compatible server on this machine, whose bucket `pics` holds images."""
    client, options = store
    for name in NAMES:
        client.put_object(Bucket="pics", Key=f"in/{name}", Body=name.encode())
    return options


def said(source: BulkSource, size: int = 3) -> list[str]:
    return [path for part in source.parts(size) for path, _, _ in source.fetch(part)]


def contents(source: BulkSource, size: int = 3) -> dict[str, object]:
    return {path: image for part in source.parts(size) for path, _, image in source.fetch(part)}


def escaped(path: str) -> str:
    return os.fsencode(path).decode("utf-8", "backslashreplace")


@pytest.mark.parametrize(
    "argument",
    ["images", "images/", "images/a", "images/*.jpg", "images/**/*.jpg", "images/*/*", "images/a.jpg"],
)
def test_folders_and_globs_are_those_of_predict_in_its_order(images: str, argument: str) -> None:
    expected = [escaped(path) for path in expand([argument])]
    source = open_bulk_source(argument)
    assert said(source) == expected
    assert source.count() == len(expected) > 0


def test_parts_are_the_same_each_time_and_cover_every_image_once(images: str) -> None:
    source = open_bulk_source(images)
    first = [source.keys(part) for part in source.parts(2)]
    assert [source.keys(part) for part in source.parts(2)] == first
    keys = [key for part in first for key in part]
    assert len(set(keys)) == len(keys) == source.count()
    assert max(map(len, first)) == 2


def test_nothing_to_answer_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no image")
    with pytest.raises(UsageError, match="holds no images"):
        open_bulk_source(str(tmp_path))
    with pytest.raises(DataError, match="No such file"):
        open_bulk_source(str(tmp_path / "missing"))
    with pytest.raises(DataError, match="not an address that can be read"):
        open_bulk_source("nonsense://somewhere")


def test_a_column_of_paths_names_files(images: str, tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    rows = ["images/a.jpg", "images/z.webp", "images/a.jpg", None, "images/a/b.png"]
    pq.write_table(pa.table({"path": rows, "other": range(5)}), tmp_path / "set" / "one.parquet", row_group_size=4)
    source = open_bulk_source("set")
    found = [fetched for part in source.parts(2) for fetched in source.fetch(part)]
    assert [key for _, key, _ in found] == [f"set/one.parquet#{row}" for row in range(5)]
    assert [image for _, _, image in found if isinstance(image, str)] == [row for row in rows if row]
    assert isinstance(found[3][2], ImageError)
    assert source.count() == 5


@pytest.mark.parametrize("named", [True, False])
def test_a_column_of_bytes_holds_images(tmp_path: Path, named: bool) -> None:
    contents = [b"one", None, b"three", b"four", b"five"]
    columns = {"bytes": contents} | ({"path": list("abcde")} if named else {})
    for number, part in enumerate((slice(0, 3), slice(3, 5))):
        table = pa.table({name: column[part] for name, column in columns.items()})
        pq.write_table(table, tmp_path / f"{number}.parquet", row_group_size=2)
    (tmp_path / "_other.parquet").write_bytes(b"not read")
    source = open_bulk_source(str(tmp_path))
    found = [fetched for part in source.parts(99) for fetched in source.fetch(part)]
    assert [image for _, _, image in found if isinstance(image, bytes)] == [c for c in contents if c is not None]
    assert isinstance(found[1][2], ImageError)
    keys = [f"{tmp_path}/{file}.parquet#{row}" for file, row in ((0, 0), (0, 1), (0, 2), (1, 0), (1, 1))]
    assert [key for _, key, _ in found] == keys
    assert [path for path, _, _ in found] == (list("abcde") if named else keys)
    last = list(source.parts(99))[-1].only([False, True])
    assert [key for _, key, _ in source.fetch(last)] == keys[-1:]


def test_parquet_without_images_or_damaged_is_one_sentence(tmp_path: Path) -> None:
    pq.write_table(pa.table({"name": ["a"], "width": [3]}), tmp_path / "data.parquet")
    with pytest.raises(UsageError, match=r"no column called bytes or path .* its columns: name, width"):
        open_bulk_source(str(tmp_path))
    (tmp_path / "data.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(DataError, match="Cannot read the Parquet file"):
        open_bulk_source(str(tmp_path))


def test_an_object_store_is_a_folder_and_a_glob(bucket: str) -> None:
    folder = open_bulk_source(f"s3://me:secret@pics/in{bucket}")
    images = sorted(f"s3://pics/in/{name}" for name in NAMES if name not in ("notes.txt", "a/.hidden.png"))
    assert said(folder) == images
    assert contents(folder)["s3://pics/in/a/b.png"] == b"a/b.png"
    assert folder.count() == len(images)
    glob = open_bulk_source(f"s3://me:secret@pics/in/**/*.jpg{bucket}")
    assert said(glob) == [path for path in images if path.endswith(".jpg")]


def test_an_object_that_is_gone_is_an_error_of_its_own(bucket: str) -> None:
    source = open_bulk_source(f"s3://me:secret@pics/in{bucket}")
    part = next(source.parts(2))
    gone = type(part)(("pics/in/gone.jpg", *part.paths))
    first, *others = source.fetch(gone)
    assert isinstance(first[2], ImageError)
    assert "s3://pics/in/gone.jpg" in str(first[2])
    assert all(isinstance(image, bytes) for _, _, image in others)


def test_what_is_told_of_an_address_holds_no_secret() -> None:
    assert plain("s3://me:secret@pics/in?region=x&token=y") == "s3://pics/in"
    assert plain("a?b.png") == "a?b.png"
