"""A person relies on: a corrections file says in one plain file what to drop and relabel, and does nothing else."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beholder.data.correction_names import validation_note
from beholder.data.corrections import Correction, Corrections, corrected, read_corrections, write_corrections
from beholder.data.dataset import Dataset
from beholder.data.progress import silent
from beholder.data.source import Source
from beholder.errors import DataError

NAMES = ("cat", "dog")


def dataset(*names: str) -> Dataset:
    """An image a name, all of class cat, told apart by their first pixel."""
    images = np.zeros((len(names), 2, 2, 1), np.uint8)
    images[:, 0, 0, 0] = np.arange(len(names))
    return Dataset(images, np.zeros(len(names), np.int64), NAMES, names)


def corrections(*corrections: tuple[str, ...]) -> Corrections:
    return Corrections(tuple(Correction(path, *others) for path, *others in corrections))  # type: ignore[arg-type]


def written(folder: Path, text: str) -> Path:
    (folder / "o.csv").write_bytes(text.encode())
    return folder / "o.csv"


def test_what_is_dropped_goes_what_is_relabelled_changes_and_all_else_stays() -> None:
    before = dataset("a", "b", "c", "d")
    after = corrections(("b", "drop"), ("d", "relabel", "dog"), ("a", "keep"), ("elsewhere", "drop")).apply(before)
    assert list(after.names) == ["a", "c", "d"]
    assert after.labels.tolist() == [0, 0, 1]
    assert np.asarray(after.images)[:, 0, 0, 0].tolist() == [0, 2, 3]
    assert before.labels.tolist() == [0, 0, 0, 0], "the data themselves are not touched"


def test_a_corrections_file_that_a_spreadsheet_saved_is_read(tmp_path: Path) -> None:
    text = '\ufeffpath,action,label\r\n"train/cat/a, b.png",relabel,dog\r\nx.png,drop,\r\ny.png,keep\r\n\r\n'
    found = read_corrections(written(tmp_path, text), NAMES)
    assert found == corrections(("train/cat/a, b.png", "relabel", "dog"), ("x.png", "drop"), ("y.png", "keep"))


SAVED = "path,action,label\ncat/\u00e9 1.png,relabel,dog\nx.png,drop,\n"


@pytest.mark.parametrize(
    "content",
    [
        SAVED.replace(",", ";").encode(),
        SAVED.replace(",", ";").encode("utf-8-sig"),
        SAVED.replace(",", ";").replace("\n", "\r\n").encode(),
        SAVED.replace(",", "\t").encode("utf-16"),
        ("sep=;\r\n" + SAVED.replace(",", ";")).encode(),
        ("SEP=,\n" + SAVED).encode(),
        SAVED.replace(",", ";").replace(";\n", ";;;\n").encode(),
        SAVED.replace("path,action,label", "Path; Action ;LABEL").replace(",", ";").encode(),
    ],
)
def test_what_spreadsheets_of_many_countries_save_is_read(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "o.csv").write_bytes(content)
    assert read_corrections(tmp_path / "o.csv", NAMES) == corrections(
        ("cat/\u00e9 1.png", "relabel", "dog"), ("x.png", "drop")
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"PK\x03\x04 and so on", "is in a spreadsheet's own format; save it as CSV in UTF-8"),
        (b"\xd0\xcf\x11\xe0 and so on", "is in a spreadsheet's own format"),
        (b"Pfad;Aktion;Name\n", "begins with 'Pfad,Aktion,Name', not with 'path,action,label'"),
        (b"a.png;drop;\n", "begins with 'a.png,drop,', not with 'path,action,label'"),
        (b"", "is empty and lacks the header 'path,action,label'"),
        (b"path,action,label\na.png;drop;\n", "separated as in the header, received 'a.png;drop;'"),
        (b"path;action;label\na;relabel;d\xf6g\n", "(the file is not in UTF-8; save it as that); write 'dog'"),
        (b"sep=;\npath;action;label\na;eat;\n", "line 3: The action 'eat'"),
    ],
)
def test_what_a_spreadsheet_made_of_it_is_said(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "o.csv").write_bytes(content)
    with pytest.raises(DataError) as raised:
        read_corrections(tmp_path / "o.csv", NAMES)
    assert words in str(raised.value)


def test_a_written_corrections_is_plain_csv(tmp_path: Path) -> None:
    write_corrections(tmp_path / "o.csv", corrections(("a,b", "drop"), ("c", "relabel", "dog")))
    with (tmp_path / "o.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["path"] for row in rows] == ["a,b", "c"]
    assert rows[1] == {"path": "c", "action": "relabel", "label": "dog"}


@given(paths=st.lists(st.binary(min_size=1, max_size=20), unique=True, max_size=5))
def test_any_file_name_there_can_be_comes_back(paths: list[bytes], tmp_path_factory: pytest.TempPathFactory) -> None:
    """File names are bytes; Python carries what is no text as surrogates."""
    file = tmp_path_factory.mktemp("corrections") / "o.csv"
    names = [path.decode("utf-8", "surrogateescape") for path in paths]
    whole = corrections(*((name, "drop") for name in names))
    write_corrections(file, whole)
    assert read_corrections(file) == whole


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("path|action|label\n", "'path,action,label'"),
        ("", "'path,action,label'"),
        ("path,action,label\na,remove,\n", "'remove' of 'a'.*keep, drop, relabel"),
        ("path,action,label\na,relabel,\n", "'relabel' of 'a' needs the label"),
        ("path,action,label\na,drop,dog\n", "'drop' of 'a' has no use for 'dog'"),
        ("path,action,label\n,drop,\n", "names no file"),
        ("path,action,label\na\n", "path, action and label"),
        ("path,action,label\na,drop,,x\n", "line 2: expected path, action and label"),
        ("path,action,label\na,drop,\na,keep,\n", "lines 2 and 3 disagree about 'a' .drop and keep."),
        ("path,action,label\na,relabel,cat\na,relabel,dog\n", "lines 2 and 3 disagree about 'a'"),
        ("path,action,label\n\nb,keep,\na,eat,\n", "line 4: The action 'eat'"),
        ("path,action,label\na,relabel,dgo\n", "'a' cannot become 'dgo'.*write 'dog'"),
        ("path,action,label\na,relabel,zebra\n", "not a class of the data; write 'cat' or 'dog'"),
        ('path,action,label\n"a,drop,\n', "is not a CSV file"),
    ],
)
def test_what_makes_no_sense_is_one_sentence(text: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=words) as raised:
        read_corrections(written(tmp_path, text), NAMES)
    assert str(raised.value).endswith(".")
    assert "\n" not in str(raised.value)


def test_one_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.csv", tmp_path):
        with pytest.raises(DataError, match="Cannot read the corrections"):
            read_corrections(path)


def test_a_name_of_several_images_is_refused_where_it_is_corrected() -> None:
    twins = dataset("a", "a", "b")
    assert len(corrections(("b", "drop")).apply(twins)) == 2
    with pytest.raises(DataError, match="Several images are called 'a'"):
        corrections(("a", "drop")).apply(twins)


def test_a_source_is_corrected_in_every_set_and_says_so() -> None:
    sets = {"train": dataset("t1", "t2"), "test": dataset("e1", "e2")}
    source = Source("x", NAMES, {"train": lambda _: sets["train"], "test": lambda _: sets["test"]}, ("a note",))
    found: set[str] = set()
    changes = corrections(("t1", "drop"), ("e2", "relabel", "dog"), ("gone", "drop"))
    read = corrected(source, changes, found)
    assert list(read.readers["train"](silent).names) == ["t2"]
    assert found == {"t1"}, "the test set was not opened"
    assert read.notes == ("a note", "The data were read with 3 corrections.")
    [told] = changes.notes(found, "birds", ["test"])
    assert told.startswith("2 of the 3 corrections name no file of 'birds' outside its test set, the first: 'e2';")
    assert read.readers["test"](silent).labels.tolist() == [0, 1]


def test_a_corrections_file_of_test_images_alone_is_obeyed_where_the_test_set_is_opened() -> None:
    """The doctor finds copies across sets, and one may drop those of the test set alone."""
    [note] = corrections(("test/cat/1.png", "drop")).notes(set(), "birds", ["test"])
    assert note == "1 of the 1 corrections seems to be of the test set, which only `beholder evaluate` reads."


def test_a_corrections_file_of_other_data_is_refused_and_one_without_corrections_changes_nothing() -> None:
    with pytest.raises(DataError, match=r"The only correction does not name a file.*'elsewhere'"):
        corrections(("elsewhere", "drop")).notes(set())
    source = Source("x", NAMES, {"all": lambda _: dataset("a")})
    assert corrected(source, Corrections(), set()) is source
    assert Corrections().notes(set()) == ()
    with pytest.raises(DataError, match="'bird'"):
        corrected(source, corrections(("a", "relabel", "bird")), set())


@pytest.mark.parametrize(
    "text",
    [
        "path;action;label\r\na.png;relabel;dog\r\nb/é.JPG;drop;\r\n",
        "path\taction\tlabel\na.png\trelabel\tdog\nb/é.JPG\tdrop\n",
        "\ufeffPath , Action,Label,,\r\na.png , Relabel, dog ,,\r\nb/é.JPG,DROP,,,\r\n,,,,\r\n",
        "path,action,label\n./a.png,relabel,dog\nb\\é.JPG,drop,\n",
        "path,action,label\n/home/me/birds/a.png,relabel,dog\nC:\\birds\\b\\é.jpg,drop,\n",
        "path,action,label\na.PNG,relabel,dog\nb/e\u0301.JPG,drop,\n",
        "path,action,label\na.png,relabel,dog\na.png,relabel,dog\n./a.png,relabel,dog\nb/é.JPG,drop,\n",
    ],
)
def test_a_line_means_the_image_that_it_can_only_mean(text: str, tmp_path: Path) -> None:
    read = read_corrections(written(tmp_path, text), NAMES)
    before = dataset("a.png", "b/é.JPG", "c.png", "b.png", "d/A.png")
    after = read.apply(before)
    assert list(after.names) == ["a.png", "c.png", "b.png", "d/A.png"]
    assert after.labels.tolist() == [1, 0, 0, 0]
    found: set[str] = set()
    corrected(Source("x", NAMES, {"all": lambda _: before}), read, found).readers["all"](silent)
    assert read.notes(found, "x") == ()


def test_a_line_that_could_mean_two_images_means_neither() -> None:
    before = dataset("a.png", "a.PNG", "x/b.png", "y/b.png")
    assert corrections(("a.Png", "drop"), ("b.png", "drop")).apply(before) is not None
    assert len(corrections(("a.Png", "drop"), ("b.png", "drop")).apply(before)) == 4
    assert list(corrections(("a.PNG", "drop")).apply(before).names) == ["a.png", "x/b.png", "y/b.png"]


def test_two_spellings_of_one_image_may_not_disagree(tmp_path: Path) -> None:
    read = read_corrections(written(tmp_path, "path,action,label\na.png,drop,\n./a.png,keep,\n"))
    with pytest.raises(DataError, match=r"lines 2 and 3 disagree about './a.png' \(drop and keep\)"):
        read.apply(dataset("a.png"))


def test_lines_that_name_no_image_are_counted_with_the_first_of_them(tmp_path: Path) -> None:
    rows = "".join(f"{number}.png,keep,\n" for number in range(5))
    read = read_corrections(written(tmp_path, f"path,action,label\n{rows}x.jpg,drop,\ny.jpg,drop,\n"))
    [note] = read.notes({f"{number}.png" for number in range(5)}, "birds")
    assert note == "2 of the 7 corrections name no file of 'birds', the first: line 7, 'x.jpg'; check the spelling."


def test_corrections_of_validation_images_are_said_to_teach_nothing() -> None:
    changes = corrections(("a", "relabel", "dog"), ("b", "relabel", "dog"), ("c", "drop"), ("d", "keep")).lines
    assert validation_note(changes, ["a", "b", "d"]) == (
        "2 of your 3 corrections are of the validation set: they change the figures, not what is learned.",
    )
    assert validation_note(changes, ["d"]) == ()
