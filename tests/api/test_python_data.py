"""A person relies on: labels that they have in Python, in arrays or in a table, are data like any other."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import beholder
from beholder.data.progress import silent
from beholder.data.source import Source
from beholder.runs.kept_data import MOST_BYTES, keep_data, kept_data
from beholder.sessions.given_validation import with_validation
from beholder.sessions.prepare import _table
from beholder.sessions.request import TrainRequest

CLASSES = ("robin", "wren")


class Frame:
    """What a data frame of pandas or polars has of its own: columns by name, and a length."""

    def __init__(self, **columns: Sequence[Any]) -> None:
        self._columns = columns
        self.columns = list(columns)

    def __len__(self) -> int:
        return len(next(iter(self._columns.values())))

    def __getitem__(self, name: str) -> Any:
        return self._columns[name]


class ClassLabel:
    names = CLASSES


class Rows:
    """What a `datasets.Dataset` has: columns by name, rows by number, and what its columns are."""

    def __init__(self, images: Sequence[Any], labels: Sequence[int]) -> None:
        self._columns = {"image": images, "label": labels}
        self.column_names = ["image", "label"]
        self.features = {"image": object(), "label": ClassLabel()}

    def __len__(self) -> int:
        return len(self._columns["label"])

    def __getitem__(self, key: Any) -> Any:
        return self._columns[key] if isinstance(key, str) else {name: one[key] for name, one in self._columns.items()}


@pytest.fixture
def images() -> np.ndarray[Any, np.dtype[np.uint8]]:
    random = np.random.default_rng(0)
    pixels = random.integers(0, 128, (40, 12, 16, 3)) + 100 * (np.arange(40) % 2).reshape(-1, 1, 1, 1)
    return pixels.astype(np.uint8)


@pytest.fixture
def labels() -> list[str]:
    return [CLASSES[row % 2] for row in range(40)]


@pytest.fixture
def paths(images: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Forty files, from the working folder on."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BEHOLDER_CACHE", str(tmp_path / "cache"))
    Path("birds").mkdir()
    for row, pixels in enumerate(images):
        Image.fromarray(pixels).save(f"birds/{row:02}.png")
    return [f"birds/{row:02}.png" for row in range(len(images))]


def train(data: Any, out: str = "run", **more: Any) -> Any:
    return beholder.train(data, model="linear", epochs=1, out=out, **more)


def test_a_frame_of_paths_makes_the_sets_that_its_table_makes(paths: list[str], labels: list[str]) -> None:
    frame = Frame(path=paths, label=labels)
    Path("labels.csv").write_text("\n".join(["path,label", *map(",".join, zip(paths, labels, strict=True))]))
    of_frame, of_table = (beholder.Split(beholder.open_source(one)) for one in (frame, "labels.csv"))
    for set_name in ("train", "validation", "test"):
        one, other = getattr(of_frame, set_name)(), getattr(of_table, set_name)()
        assert list(one.names) == list(other.names)
        assert one.fingerprint() == other.fingerprint()


def test_columns_and_sets_of_a_frame_are_told_or_said(paths: list[str], labels: list[str]) -> None:
    sets = ["train"] * 30 + ["val"] * 5 + ["test"] * 5
    frame = Frame(where=paths, bird=labels, split=sets)
    source = beholder.open_source(frame, path_column="where", label_column="bird")
    assert {name: len(files) for name, files in source.files.items()} == {"train": 30, "validation": 5, "test": 5}
    with pytest.raises(beholder.DataError, match="the data frame"):
        beholder.open_source(frame)


def test_labels_of_a_frame_may_be_numbers_or_missing(paths: list[str]) -> None:
    numbers: list[Any] = [float(row % 2) for row in range(40)]
    numbers[3], numbers[4] = None, float("nan")
    source = beholder.open_source(Frame(path=paths, label=numbers))
    assert source.class_names == ("0", "1")
    assert any("2 rows have no label and are left out: rows 3 and 4." in note for note in source.told())


@pytest.mark.parametrize("missing", [None, 3.5, ""])
def test_a_row_that_names_no_file_is_told(paths: list[str], labels: list[str], missing: Any) -> None:
    with pytest.raises(beholder.DataError, match="Row 7 of the data frame names no file"):
        beholder.open_source(Frame(path=[*paths[:7], missing, *paths[8:]], label=labels))


def test_a_run_on_a_frame_is_evaluated_and_resumed_without_it(
    paths: list[str], labels: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    trained = train(Frame(path=paths, label=labels), str(tmp_path / "run"))
    monkeypatch.chdir("/")
    figures = beholder.evaluate(trained)
    assert figures.data == "arrays"
    assert figures.judged == "Judged all 4 images of the run's test set."
    assert beholder.resume(trained).finished_before
    shutil.move(tmp_path / "birds", tmp_path / "moved")
    with pytest.raises(beholder.BeholderError):
        beholder.evaluate(trained, exact=True, corruptions=True)


def test_images_in_a_column_are_read_as_they_are(images: Any, labels: list[str], paths: list[str]) -> None:
    opened = [Image.fromarray(one) for one in images]
    expected = beholder.open_source((images, labels)).readers["all"](lambda *_: None)
    kinds: list[Any] = [
        Frame(image=opened, label=labels),
        Frame(image=[Path(path).read_bytes() for path in paths], label=labels),
        Frame(image=[{"bytes": Path(path).read_bytes(), "path": None} for path in paths], label=labels),
        Frame(image=list(images), label=labels),
        Rows(opened, [row % 2 for row in range(40)]),
    ]
    for kind in kinds:
        dataset = beholder.open_source(kind).readers["all"](lambda *_: None)
        assert np.array_equal(dataset.images, expected.images)
        assert np.array_equal(dataset.labels, expected.labels)
        assert dataset.class_names == expected.class_names


def test_sets_by_name_are_those_sets(images: Any) -> None:
    opened = [Image.fromarray(one) for one in images]
    numbers = [row % 2 for row in range(40)]
    data = {"train": Rows(opened[:30], numbers[:30]), "test": Rows(opened[30:], numbers[30:])}
    source = beholder.open_source(data)
    assert sorted(source.readers) == ["test", "train"]
    assert len(source.readers["test"](lambda *_: None)) == 10
    with pytest.raises(beholder.DataError, match="is not the name of a set"):
        beholder.open_source({"somewhere": Rows(opened, numbers)})


def test_images_that_cannot_be_read_are_counted(images: Any, labels: list[str]) -> None:
    broken: list[Any] = [*images[:39], b"no image"]
    source = beholder.open_source(Frame(image=broken, label=["", *labels[1:]]))
    dataset = source.readers["all"](lambda *_: None)
    assert len(dataset) == 38
    assert any("1 image could not be read" in note for note in source.told())
    assert any("no label" in note for note in source.told())


def test_files_become_a_data_set_in_their_order(paths: list[str], labels: list[str], images: Any) -> None:
    dataset = beholder.Dataset.from_files(map(Path, paths[::-1]), np.array(labels[::-1]))
    assert list(dataset.names) == paths[::-1]
    assert np.array_equal(np.asarray(dataset.images), images[::-1])
    assert [dataset.class_names[label] for label in dataset.labels] == labels[::-1]
    by_number = beholder.Dataset.from_files(paths, [1] * 40, class_names=["a", "b"], size=(8, 8), colour="grey")
    assert by_number.image_shape == (8, 8, 1)
    assert set(by_number.labels.tolist()) == {1}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"paths": ["birds/00.png", "nowhere.png"], "labels": ["a", "b"]}, "Image 1, 'nowhere.png', cannot be read"),
        ({"paths": "birds/00.png", "labels": ["a"]}, "Expected a list of paths"),
        ({"paths": [None], "labels": ["a"]}, "Expected a path in row 0"),
        ({"paths": ["birds/00.png"], "labels": []}, "one label for each of 1 paths"),
        ({"paths": [], "labels": []}, "Received: none"),
        ({"paths": ["birds/00.png"], "labels": [0.5]}, "whole numbers or texts|Expected texts alone"),
        ({"paths": ["birds/00.png"], "labels": ["a"], "size": (8,)}, "two values for size"),
    ],
)
@pytest.mark.usefixtures("paths")
def test_files_that_are_none_are_told(change: dict[str, Any], message: str) -> None:
    with pytest.raises(beholder.BeholderError, match=message):
        beholder.Dataset.from_files(**change)


@pytest.mark.usefixtures("paths")
def test_a_run_on_arrays_keeps_small_ones(images: Any, labels: list[str]) -> None:
    trained = train((images, labels))
    figures = beholder.evaluate(trained)
    assert figures.judged == "Judged all 4 images of the run's test set."
    again = beholder.evaluate(trained, (images, labels))
    assert again.fingerprint == figures.fingerprint


@pytest.mark.usefixtures("paths")
def test_what_a_run_does_not_keep_is_asked_for(images: Any, labels: list[str]) -> None:
    trained = train((images, labels), neighbours=False)
    assert kept_data(trained.run) is None, "who wants no images kept"
    with pytest.raises(beholder.UsageError, match=r"was trained on arrays that it does not keep .* as `data`\."):
        beholder.evaluate(trained)
    assert beholder.evaluate(trained, (images, labels)).count == 4
    large = np.zeros((MOST_BYTES // 16**2 + 1, 16, 16, 1), np.uint8)
    dataset = beholder.Dataset(large, np.zeros(len(large), np.int64), CLASSES, list(map(str, range(len(large)))))
    Path("empty").mkdir()
    keep_data(Path("empty"), beholder.open_source(dataset))
    assert list(Path("empty").iterdir()) == []


def test_a_test_set_of_its_own_is_neither_opened_nor_kept(tmp_path: Path) -> None:
    def closed(_progress: Any) -> Any:
        raise AssertionError

    source = Source("arrays", CLASSES, {"train": closed, "test": closed}, named=False)
    keep_data(tmp_path, source)
    assert kept_data(tmp_path) is None


def test_what_is_too_large_to_be_kept_is_read_no_further(tmp_path: Path) -> None:
    large = np.zeros((MOST_BYTES // 16**2 + 1, 16, 16, 1), np.uint8)
    dataset = beholder.Dataset(large, np.zeros(len(large), np.int64), CLASSES, list(map(str, range(len(large)))))

    def closed(_progress: Any) -> Any:
        raise AssertionError

    keep_data(tmp_path, Source("arrays", CLASSES, {"train": lambda _: dataset, "validation": closed}, named=False))
    assert list(tmp_path.iterdir()) == []


def test_images_in_cells_are_decoded_once(images: Any) -> None:
    given = Frame(image=list(images), label=[CLASSES[row % 2] for row in range(40)])
    source = beholder.open_source(given)
    assert source.readers["all"](silent) is source.readers["all"](silent)


@pytest.mark.usefixtures("paths")
def test_a_damaged_copy_is_told(images: Any, labels: list[str]) -> None:
    trained = train((images, labels))
    (trained.run / "data.npz").write_bytes(b"PK no zip")
    with pytest.raises(beholder.RunError, match="is damaged"):
        beholder.evaluate(trained)


@pytest.mark.usefixtures("paths")
def test_a_validation_set_is_chosen_by(images: Any, labels: list[str]) -> None:
    given = images[30:], labels[30:]
    trained = train((images[:30], labels[:30]), validation=given)
    assert trained.summary["validation_images"] == 10
    assert trained.summary["train_images"] == 28, "a tenth of the others, rounded within its classes, is the test set"
    assert beholder.evaluate(trained).count == 2
    assert beholder.resume(trained).finished_before


def test_labels_of_a_validation_set_mean_the_same_classes() -> None:
    pixels = np.zeros((3, 8, 8, 1), np.uint8)

    def labelled(class_names: tuple[str, ...], given: Any) -> list[str]:
        source = Source("x", class_names, {}, named=False)
        dataset = with_validation(source, given, "auto").readers["validation"](lambda *_: None)
        assert dataset.class_names == class_names
        return [class_names[label] for label in dataset.labels]

    assert labelled(("3", "5", "7"), (pixels, [7, 3, 3])) == ["7", "3", "3"]
    assert labelled(("cat", "dog"), (pixels, [1, 0, 1])) == ["dog", "cat", "dog"]
    assert labelled(("cat", "dog"), (pixels, ["dog", "dog", "cat"])) == ["dog", "dog", "cat"]
    other = beholder.Dataset(pixels, np.array([0, 0, 1]), ("dog", "cat"), ["a", "b", "c"])
    assert labelled(("cat", "dog"), other) == ["dog", "dog", "cat"]
    for wrong in ((pixels, ["cow"] * 3), (pixels, [1, 2, 5]), (pixels,), (pixels, [0]), "digits", 3):
        with pytest.raises(beholder.BeholderError):
            labelled(("cat", "dog"), wrong)


@pytest.mark.usefixtures("paths")
def test_groups_of_a_validation_set_that_the_data_share_are_told(images: Any, labels: list[str]) -> None:
    """Also those that the test set gets, which is split off from the data; and that one side has none."""
    classes = np.array([CLASSES.index(label) for label in labels])
    patients = [f"patient {row // 2 % 3}" for row in range(40)]

    def grouped(rows: slice, *, told: bool) -> beholder.Dataset:
        names = [f"{row}.png" for row in range(40)][rows]
        return beholder.Dataset(images[rows], classes[rows], CLASSES, names, patients[rows] if told else None)

    def notes(out: str, *, data: bool = True, validation: bool = True) -> list[str]:
        train(grouped(slice(30), told=data), out, validation=grouped(slice(30, 40), told=validation))
        told = json.loads(Path(out, "data.json").read_bytes())["notes"]
        return [note for note in told if "groups by" in note or "have groups" in note]

    of_the_split, across = notes("both")
    assert of_the_split.startswith("No group lies in both the training and the test set: of 3 groups")
    assert across.startswith("3 of 3 groups by the groups given lie in several sets (")
    assert "2 in the training and the validation set" in across
    assert "1 in the validation and the test set" in across
    assert "the first: 'patient 0'), which flatters the figures; put each group into one set." in across
    _, one_side = notes("data", validation=False)
    assert "have groups by the groups given and those of `validation` have none: its interval and what is" in one_side
    [other_side] = notes("validation", data=False)
    assert "holds only if training sees none of these groups, which cannot be told" in other_side


@pytest.mark.usefixtures("paths")
def test_a_validation_set_that_does_not_fit_is_refused(images: Any, labels: list[str]) -> None:
    with pytest.raises(beholder.DataError, match="give images of one shape"):
        train((images, labels), validation=(images[:, :10], labels))
    for folder in ("train", "val"):
        for row in range(20):
            Path("own", folder, labels[row]).mkdir(parents=True, exist_ok=True)
            Image.fromarray(images[row]).save(Path("own", folder, labels[row], f"{row}.png"))
    with pytest.raises(beholder.UsageError, match="has a validation set of its own"):
        train("own", validation=(images, labels))
    assert not Path("run").exists()


def test_probabilities_come_as_a_matrix(digits_run: Path) -> None:
    classifier = beholder.Classifier.load(digits_run, exact=True)
    test = beholder.Split(beholder.open_source("digits")).test()
    shares = classifier.predict_proba(test)
    assert (shares.shape, shares.dtype) == ((len(test), 10), np.float32)
    assert np.allclose(shares.sum(axis=1), 1, atol=1e-5)
    answers = classifier.predict(test.images[:20], top=10)
    for row, answer in zip(shares, answers, strict=False):
        assert answer.label == classifier.class_names[int(row.argmax())]
        assert dict(answer.top) == pytest.approx(dict(zip(classifier.class_names, row.tolist(), strict=True)))
    assert classifier.predict_proba([]).shape == (0, 10)
    with pytest.raises(beholder.ImageError, match="Image 1 cannot be answered"):
        classifier.predict_proba([test.images[0], "nowhere.png"])


def test_a_table_is_no_image(digits_run: Path) -> None:
    with pytest.raises(beholder.UsageError, match="give its column of paths"):
        beholder.predict(digits_run, Frame(path=["a.png"]))


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_real_data_frames(library: str, paths: list[str], labels: list[str]) -> None:
    frames = pytest.importorskip(library)
    frame = frames.DataFrame({"path": paths, "label": labels, "split": ["train"] * 36 + ["test"] * 4})
    trained = train(frame)
    assert beholder.evaluate(trained).count == 4
    shares = beholder.Classifier.load(trained).predict_proba(frame["path"])
    assert shares.shape == (40, 2)
    assert len(beholder.Dataset.from_files(frame["path"], frame["label"])) == 40


def test_a_real_data_set_of_hugging_face(images: Any, paths: list[str]) -> None:
    datasets = pytest.importorskip("datasets")
    features = datasets.Features(image=datasets.Image(), label=datasets.ClassLabel(names=list(CLASSES)))
    rows = {"image": paths, "label": [row % 2 for row in range(40)]}
    data = datasets.Dataset.from_dict(rows, features=features)
    dataset = beholder.open_source(data).readers["all"](lambda *_: None)
    assert np.array_equal(dataset.images, images)
    divided = beholder.open_source(data.train_test_split(test_size=0.2, seed=0))
    assert sorted(divided.readers) == ["test", "train"]


def test_images_in_cells_are_divided_by_the_column_that_says_so(images: Any) -> None:
    sets = ["train"] * 30 + ["val"] * 5 + ["test"] * 5
    frame = Frame(image=list(images), label=[CLASSES[row % 2] for row in range(40)], split=sets)
    source = beholder.open_source(frame)
    split = beholder.Split(source, seed=0)
    assert [len(one) for one in (split.train(), split.validation(), split.test())] == [30, 5, 5]
    np.testing.assert_array_equal(split.test().images[:], images[35:])
    assert "sets from 'split'" in source.notes[0]


def test_names_of_tables_say_the_sets_and_no_column_does(images: Any, paths: list[str], labels: list[str]) -> None:
    for column, values in (("image", list(images)), ("path", paths)):
        frames = [
            Frame(**{column: values[rows]}, label=labels[rows], split=["test"] * len(labels[rows]))
            for rows in (slice(30), slice(30, 40))
        ]
        source = beholder.open_source(dict(zip(("train", "val"), frames, strict=True)))
        assert sorted(source.readers) == ["train", "validation"]
        assert "sets from the names of the data sets; --path-column and --label-column" in source.notes[0]


def test_images_in_cells_that_lack_their_ends_or_are_grey_are_told(images: Any) -> None:
    def png(image: Any) -> bytes:
        buffer = io.BytesIO()
        Image.fromarray(image).save(buffer, "PNG")
        return buffer.getvalue()

    cut = Frame(image=[png(one)[:-12] for one in images], label=[CLASSES[row % 2] for row in range(40)])
    source = beholder.open_source(cut)
    beholder.Split(source, seed=0).train()
    assert "40 images lack their ends" in " ".join(source.told())
    grey = Frame(image=[one[..., 0] for one in images], label=[CLASSES[row % 2] for row in range(40)])
    assert "looked at are grey, so they have one channel" in " ".join(beholder.open_source(grey).told())


def test_what_was_said_of_a_table_is_obeyed_however_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = {"label_column": "kind", "group_column": "patient"}
    (tmp_path / "birds.csv").write_text("file,kind,patient\na.png,robin,1\n")
    monkeypatch.chdir(tmp_path)
    for data in (Frame(file=["a.png"], kind=["robin"], patient=["1"]), "birds.csv", tmp_path / "birds.csv"):
        asked = _table(TrainRequest.of(data, **said), data)
        assert {name: value for name, value in asked.items() if value is not None} == said


def test_groups_that_were_given_are_kept_with_small_arrays(images: Any, tmp_path: Path) -> None:
    groups = [str(row // 4) for row in range(40)]
    names = [f"{row}.png" for row in range(40)]
    dataset = beholder.Dataset(images, np.arange(40) % 2, CLASSES, names, groups)
    keep_data(tmp_path, beholder.open_source(dataset))
    kept = kept_data(tmp_path)
    assert isinstance(kept, Source)
    assert kept.group_rule is not None
    assert list(kept.readers["all"](silent).groups or ()) == groups
