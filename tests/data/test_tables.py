"""A person relies on: a table of images and labels is read as people write it, or a sentence says what to change."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from beholder.data.opening import open_source
from beholder.data.source import Source
from beholder.data.split import Split
from beholder.errors import BeholderError, DataError, UsageError

ROWS = [(f"{name}-{number}.png", name) for name in ("cat", "Hündin") for number in range(6)]
Writer = Callable[[Path], None]


@pytest.fixture
def photos(root: Path) -> Path:
    """Two times six different images, right in one folder."""
    root.mkdir()
    random = np.random.default_rng(0)
    for path, _ in ROWS:
        Image.fromarray(random.integers(0, 256, (16, 16, 3), dtype=np.uint8)).save(root / path)
    return root


def opened(path: Path, **options: object) -> Source:
    return open_source(path, cache=path.parent.parent / "cache", **options)  # type: ignore[arg-type]


def labels_of(source: Source) -> dict[str, str]:
    return {
        path: label
        for name in source.files
        for path, label in zip(source.files[name], source.classes[name], strict=True)
    }


def text(head: str, separator: str = ",", end: str = "\n", rows: Sequence[tuple[str, ...]] | None = None) -> str:
    return end.join([head, *(separator.join(row) for row in (ROWS if rows is None else rows)), ""])


def write_parquet(path: Path) -> None:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    labels = pa.array([label for _, label in ROWS]).dictionary_encode()
    pq.write_table(pa.table({"file_name": [path for path, _ in ROWS], "label": labels}), path)


FORMS: dict[str, tuple[str, bytes | Writer]] = {
    "commas": ("labels.csv", text("path,label").encode()),
    "semicolons": ("labels.csv", text("path;label", ";").encode()),
    "tabs": ("labels.tsv", text("path\tlabel", "\t").encode()),
    "tabs in a .csv": ("labels.csv", text("path\tlabel", "\t").encode()),
    "a mark of UTF-8": ("labels.csv", text("path,label").encode("utf-8-sig")),
    "Latin-1": ("labels.csv", text("path,label").encode("latin-1")),
    "UTF-16": ("labels.csv", text("path\tlabel", "\t").encode("utf-16")),
    "CRLF": ("labels.csv", text("path,label", end="\r\n").encode()),
    "quotes": (
        "labels.csv",
        text("path,note,label", rows=[(f'"{a}"', '"a, b\nand ""c"""', f' "{b}"') for a, b in ROWS]).encode(),
    ),
    "an index of pandas": (
        "labels.csv",
        text(",filename,breed", rows=[(str(row), *one) for row, one in enumerate(ROWS)]).encode(),
    ),
    "empty columns and rows": (
        "labels.CSV",
        text("Path,Class Name,,", rows=[(*one, "", "") for one in ROWS]).encode() + b",,,\n\n",
    ),
    "backslashes": ("labels.csv", text("path,label", rows=[(f".\\{a}", b) for a, b in ROWS]).encode()),
    "JSON Lines": (
        "labels.jsonl",
        "\n".join(json.dumps({"label": b, "file_name": a, "box": [1, 2]}) for a, b in ROWS).encode(),
    ),
    "Parquet": ("labels.parquet", write_parquet),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_table_is_read_in_every_form(photos: Path, form: str) -> None:
    name, content = FORMS[form]
    if callable(content):
        content(photos / name)
    else:
        (photos / name).write_bytes(content)
    source = opened(photos / name)
    assert labels_of(source) == dict(ROWS)
    assert source.class_names == ("Hündin", "cat")
    assert len(Split(source).train()) + len(Split(source).validation()) + len(Split(source).test()) == 12
    assert any("not UTF-8" in note for note in source.notes) == (form == "Latin-1")


@pytest.mark.parametrize(
    ("head", "said"),
    [
        ("image,target", "named by the column 'image', labels taken from 'target'"),
        ("id,breed", "named by the column 'id', labels taken from 'breed' (the only other column)"),
        ("Image Path,Category", "named by the column 'Image Path', labels taken from 'Category'"),
    ],
)
def test_columns_are_found_by_their_names_and_said(photos: Path, head: str, said: str) -> None:
    (photos / "labels.csv").write_text(text(head))
    assert said in opened(photos / "labels.csv").notes[0]


def test_a_person_names_the_columns(photos: Path) -> None:
    rows = [(str(row), path, "x", label) for row, (path, label) in enumerate(ROWS)]
    (photos / "labels.csv").write_text(text("id,where,label,kind", rows=rows))
    source = opened(photos / "labels.csv", path_column="where", label_column="Kind")
    assert labels_of(source) == dict(ROWS)
    assert source.table.path_column == "where"


def test_numbers_as_labels_are_classes_in_their_order(photos: Path) -> None:
    rows = [(path, str(row % 6 + 6)) for row, (path, _) in enumerate(ROWS)]
    (photos / "labels.csv").write_text(text("path,label", rows=rows))
    assert opened(photos / "labels.csv").class_names == ("6", "7", "8", "9", "10", "11")
    lines = [json.dumps({"path": path, "label": int(label)}) for path, label in rows]
    (photos / "labels.jsonl").write_text("\n".join(lines))
    assert opened(photos / "labels.jsonl").class_names == ("6", "7", "8", "9", "10", "11")


def test_a_column_of_sets_is_obeyed(photos: Path) -> None:
    rows = [(*one, "Train" if row % 3 else "dev") for row, one in enumerate(ROWS)]
    (photos / "labels.csv").write_text(text("path,label,split", rows=rows))
    source = opened(photos / "labels.csv")
    assert {name: len(files) for name, files in source.files.items()} == {"train": 8, "validation": 4}
    assert "sets from 'split'" in source.notes[0]
    assert "'dev' is taken for the validation set" in source.notes[1]


def test_folds_that_are_numbers_are_no_sets(photos: Path) -> None:
    rows = [(*one, str(row % 3)) for row, one in enumerate(ROWS)]
    (photos / "labels.csv").write_text(text("path,label,fold", rows=rows))
    source = opened(photos / "labels.csv")
    assert list(source.files) == ["all"]
    assert "The column 'fold' names no sets (such as '0', '1', '2') and is not used." in source.notes
    with pytest.raises(DataError, match=r"Row 2 of .* has '0' in the column 'fold' \(4 in all\)"):
        opened(photos / "labels.csv", split_column="fold")


def test_ids_find_their_files_as_kaggle_packs_them(tmp_path: Path, photos: Path) -> None:
    pack = tmp_path / "pack"
    for folder in ("train_images", "test_images"):
        (pack / folder).mkdir(parents=True)
        for path, _ in ROWS:
            (pack / folder / path).hardlink_to(photos / path)
    (pack / "train.csv").write_text(text("id_code,diagnosis", rows=[(Path(path).stem, label) for path, label in ROWS]))
    source = opened(pack / "train.csv")
    assert labels_of(source) == {f"train_images/{path}": label for path, label in ROWS}
    assert any(
        "12 images were found by an end of the path (for example 'Hündin-0' is 'train_images/Hündin-0.png'" in note
        for note in source.notes
    )
    (pack / "labels.csv").write_text((pack / "train.csv").read_text())  # neither folder is meant
    with pytest.raises(DataError, match=r"Row 8 names 'Hündin-0': it may be 'test_images/Hündin-0\.png' or"):
        opened(pack / "labels.csv")


def test_paths_are_relative_to_the_table_or_to_the_root_or_absolute(tmp_path: Path, photos: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "labels.csv").write_text(text("path,label"))
    assert labels_of(opened(elsewhere / "labels.csv", image_root=photos)) == dict(ROWS)
    rows = [(str(photos / path), label) for path, label in ROWS]
    (elsewhere / "labels.csv").write_text(text("path,label", rows=rows))
    assert len(Split(opened(elsewhere / "labels.csv")).train()) == 8
    with pytest.raises(DataError, match=r"Cannot find a folder at .*--image-root"):
        opened(elsewhere / "labels.csv", image_root=tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["metadata.csv", "metadata.jsonl"])
def test_a_folder_of_metadata_is_a_table(photos: Path, name: str) -> None:
    lines = [json.dumps({"file_name": path, "label": label}) for path, label in ROWS]
    (photos / name).write_text(text("file_name,label") if name.endswith("csv") else "\n".join(lines))
    assert labels_of(opened(photos)) == dict(ROWS)


def test_each_folder_of_a_set_may_have_its_metadata(tmp_path: Path, photos: Path) -> None:
    for folder in ("train", "test"):
        (tmp_path / "hub" / folder).mkdir(parents=True)
        for path, _ in ROWS:
            (tmp_path / "hub" / folder / path).hardlink_to(photos / path)
        (tmp_path / "hub" / folder / "metadata.csv").write_text(text("file_name,label"))
    source = opened(tmp_path / "hub")
    assert {name: len(files) for name, files in source.files.items()} == {"train": 12, "test": 12}
    assert source.files["test"][0] == "test/Hündin-0.png"


def test_folders_of_sets_are_named_as_what_says_the_sets(tmp_path: Path, photos: Path) -> None:
    """A column of the tables in them may say something else: it is neither read nor named."""
    for folder in ("train", "test"):
        (tmp_path / "hub" / folder).mkdir(parents=True)
        for path, _ in ROWS:
            (tmp_path / "hub" / folder / path).hardlink_to(photos / path)
        rows = [(*one, "val", "0") for one in ROWS]
        (tmp_path / "hub" / folder / "metadata.csv").write_text(text("file_name,label,split,fold", rows=rows))
    source = opened(tmp_path / "hub")
    assert sorted(source.files) == ["test", "train"]
    [said] = [note for note in source.notes if note.startswith("Files are named")]
    assert "sets from the folders; --path-column and --label-column decide otherwise" in said
    [said] = [
        note for note in opened(tmp_path / "hub", split_column="split").notes if note.startswith("Files are named")
    ]
    assert "sets from the folders and not from 'split';" in said


def test_of_several_tables_it_is_said_which_is_read(photos: Path) -> None:
    for name in ("metadata.jsonl", "metadata.csv", "more.csv", "._metadata.csv"):
        (photos / name).write_text(text("file_name,label"))
    assert opened(photos).notes[0] == "Labels are read from 'metadata.csv', not from 'metadata.jsonl' or 'more.csv'."


def test_metadata_beside_folders_of_classes_changes_nothing(photos: Path) -> None:
    for path, label in ROWS:
        (photos / label).mkdir(exist_ok=True)
        (photos / path).rename(photos / label / path)
    (photos / "metadata.csv").write_text(text("file_name,label", rows=[(f"{b}/{a}", "one") for a, b in ROWS]))
    assert opened(photos).class_names == ("Hündin", "cat")


THREE = [(*one, "") for one in ROWS]
REFUSED = {
    "empty": ("", "is empty; begin it with the names"),
    "no rows": ("path,label\n", "has no rows"),
    "no names of columns": (text("cat-0.png,cat"), "begins with a row that names an image"),
    "no column of paths": (text("a,b"), r"None of the columns 'a', 'b' .* --path-column"),
    "no column of labels": (text("path,a,b", rows=THREE), r"'a', 'b' .* --label-column"),
    "two columns of labels": (text("path,label,class", rows=THREE), "'label', 'class'.*choose one with --label-column"),
    "two columns of one name": (text("path,label,label", rows=THREE), "2 columns of .* are called 'label'"),
    "no quotes": (text("path,label") + "a,b.png,cat\n", "Row 14 of .* has 3 fields, where the first has 2"),
    "a quote that is open": (text("path,label") + '"a.png,cat\n', "Row 14 of .* cannot be read"),
    "bytes": ("path,label\n\0\0\0", "is not text"),
    "one class": (text("path,label", rows=[(path, "cat") for path, _ in ROWS]), "have the label 'cat'"),
    "classes alike": (text("path,label", rows=[*ROWS[1:], ("cat-0.png", "CAT")]), r"'CAT' and 'cat'.*write them alike"),
    "no labels": (text("path,label", rows=[(path, "") for path, _ in ROWS]), "no file with a label"),
    "no files": (text("path,label", rows=[(f"no/{a}", b) for a, b in ROWS]), r"None of the 12 image files .* Row 8"),
    "addresses": (text("path,label", rows=[(f"https://x/{a}", b) for a, b in ROWS]), "nothing is fetched"),
    "a row without its set": (
        text("path,label,split", rows=[(*one, "train" * (row > 0)) for row, one in enumerate(ROWS)]),
        "Row 2 of .* has nothing in the column 'split'",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_read_is_refused_in_one_sentence(photos: Path, what: str) -> None:
    content, said = REFUSED[what]
    (photos / "labels.csv").write_text(content)
    with pytest.raises(DataError) as refused:
        opened(photos / "labels.csv")
    assert re.search(said, str(refused.value))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "line", ["[1]", "{", '{"path": "a", "label": "\\ud800"}', '{"path": ["a"], "label": "b"}', "[" * 100_000]
)
def test_damaged_json_lines_are_told_by_their_number(photos: Path, line: str) -> None:
    good = [json.dumps({"path": path, "label": label}) for path, label in ROWS]
    (photos / "labels.jsonl").write_text("\n".join([*good, line]))
    with pytest.raises(DataError, match="Line 13 of"):
        opened(photos / "labels.jsonl")


def test_a_column_that_is_not_there_is_told(photos: Path) -> None:
    (photos / "labels.csv").write_text(text("path,label"))
    with pytest.raises(UsageError, match="no column 'lable' for --label-column; did you mean 'label'"):
        opened(photos / "labels.csv", label_column="lable")
    with pytest.raises(UsageError, match="Expected a text for label_column"):
        opened(photos / "labels.csv", label_column=1)


@pytest.mark.parametrize("option", ["path_column", "label_column", "split_column", "image_root"])
def test_options_of_a_table_are_refused_for_other_data(photos: Path, option: str) -> None:
    for data in ("digits", photos, (np.zeros((2, 8, 8), np.uint8), [0, 1])):
        with pytest.raises(BeholderError, match=f"--{option.replace('_', '-')}"):
            open_source(data, cache=photos.parent / "cache", **{option: "x"})  # type: ignore[arg-type]


def test_the_cache_may_lie_beside_a_table_but_not_be_its_folder(photos: Path) -> None:
    (photos / "labels.csv").write_text(text("path,label"))
    assert len(Split(open_source(photos / "labels.csv", cache=photos / ".cache")).train()) == 8
    with pytest.raises(UsageError, match="never written to"):
        open_source(photos / "labels.csv", cache=photos)
