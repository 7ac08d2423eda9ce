"""A person relies on: a part is whole or not there, what is written is known, strangers' folders are left alone."""

from __future__ import annotations

import io
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from beholder.errors import StorageError, UsageError

pytest.importorskip("pyarrow", reason="the extra cluster is not installed")

import pyarrow.parquet as pq

from beholder.answering.bulk.destination import Destination, part_name

FACTS = {"schema": 2, "source": "images", "model": "abc", "top": 3}
ROWS: list[dict[str, Any]] = [
    {"path": "a.jpg", "label": "cat", "probability": 0.75, "unsure": None, "unlike": False, "top": []},
    {"path": "é☃ \\xff.jpg", "error": "Cannot read it.", "top": []},
]
WRITES_FOR_EVER = """
import sys
from beholder.answering.bulk.destination import Destination
destination = Destination(sys.argv[1])
destination.begin({}, resume=False)
rows = [{"path": f"{number}.jpg", "label": "x" * 50, "probability": 0.5, "top": []} for number in range(20000)]
for number in range(10**6):
    destination.write_part(f"part-{number}.parquet", rows, by_row=False)
"""


def test_rows_come_back_and_are_known_as_written(tmp_path: Path) -> None:
    destination = Destination(str(tmp_path / "out"))
    assert destination.begin(FACTS, resume=False) == []
    name = part_name(["a.jpg"])
    destination.write_part(name, ROWS, by_row=False)
    rows = pq.read_table(tmp_path / "out").to_pylist()
    assert [row["path"] for row in rows] == [row["path"] for row in ROWS]
    assert rows[0]["probability"] == 0.75
    assert rows[1]["error"] == "Cannot read it."
    assert rows[1]["label"] is None
    names = Destination(str(tmp_path / "out")).begin(FACTS, resume=True)
    assert names == [name]
    keys = ["b.jpg", "a.jpg", "é☃ \\xff.jpg", "zz"]
    assert destination.written(names).missing(keys) == [True, False, False, True]
    assert destination.written([]).missing(keys) == [True] * 4


def test_an_object_store_is_a_destination_too(store: tuple[Any, str]) -> None:
    client, options = store
    address = f"s3://me:secret@pics/out{options}"
    destination = Destination(address)
    assert destination.begin(FACTS, resume=False) == []
    destination.write_part("part-1.parquet", ROWS, by_row=False)
    with pytest.raises(UsageError, match="--resume") as raised:
        Destination(address).begin(FACTS, resume=False)
    assert "secret" not in str(raised.value)
    again = Destination(address)
    assert again.begin(FACTS, resume=True) == ["part-1.parquet"]
    assert again.written(["part-1.parquet"]).missing(["a.jpg", "b.jpg"]) == [False, True]
    body = client.get_object(Bucket="pics", Key="out/part-1.parquet")["Body"].read()
    assert [row["path"] for row in pq.read_table(io.BytesIO(body)).to_pylist()] == [row["path"] for row in ROWS]
    with pytest.raises(StorageError, match=r"s3://gone/out.*check the address") as refused:
        Destination(f"s3://me:secret@gone/out{options}").begin(FACTS, resume=False)
    assert "secret" not in str(refused.value)


def test_rows_of_a_data_set_are_known_by_their_row_and_not_by_their_path(tmp_path: Path) -> None:
    destination = Destination(str(tmp_path))
    rows = [{"path": "same.jpg", "row": f"x.parquet#{number}", "top": []} for number in range(3)]
    destination.write_part("part-1.parquet", rows, by_row=True)
    assert destination.written(["part-1.parquet"]).missing(["x.parquet#2", "x.parquet#3"]) == [False, True]


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "diary.txt").write_text("mine")
    for resume in (False, True):
        with pytest.raises(UsageError):
            Destination(str(tmp_path)).begin(FACTS, resume=resume)
    assert [path.name for path in tmp_path.iterdir()] == ["diary.txt"]


def test_another_model_or_source_does_not_go_on(tmp_path: Path) -> None:
    Destination(str(tmp_path)).begin(FACTS, resume=False)
    with pytest.raises(UsageError, match="--resume"):
        Destination(str(tmp_path)).begin(FACTS, resume=False)
    with pytest.raises(UsageError, match="model 'abc', not 'def'"):
        Destination(str(tmp_path)).begin({**FACTS, "model": "def"}, resume=True)


def test_a_place_that_cannot_be_written_to_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError):
        Destination(str(tmp_path / "file" / "out")).begin(FACTS, resume=False)


def test_a_damaged_part_is_named(tmp_path: Path) -> None:
    (tmp_path / "part-1.parquet").write_bytes(b"PAR1")
    with pytest.raises(StorageError, match=r"part-1\.parquet"):
        Destination(str(tmp_path)).written(["part-1.parquet"])


def test_a_kill_in_the_middle_of_writing_leaves_whole_parts(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with subprocess.Popen([sys.executable, "-c", WRITES_FOR_EVER, str(out)]) as process:
        while not len(list(out.glob("part-*"))) > 2:
            assert process.poll() is None
            time.sleep(0.01)
        process.kill()
    parts = list(out.glob("part-*"))
    assert all(pq.read_metadata(path).num_rows == 20000 for path in parts)
    Destination(str(out)).begin({}, resume=True)
    assert {path.name for path in out.iterdir()} == {"_beholder.json", *(path.name for path in parts)}


def test_a_name_is_a_function_of_the_keys() -> None:
    assert part_name(["a", "b"]) == part_name(["a", "b"]) != part_name(["b", "a"])
