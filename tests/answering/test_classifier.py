"""A person relies on: a classifier answers every image it can read, in order, the same however the image comes."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from PIL import Image

import beholder
import beholder.answering.given
from beholder.answering.classifier import Classifier
from beholder.answering.inputs import expand
from beholder.artifact.graph import BATCH_SIZE
from beholder.errors import ArtifactError, DataError, UsageError


@pytest.fixture(scope="module")
def classifier(digits_run: Path) -> Classifier:
    return Classifier.load(digits_run)


def grey(count: int, side: int = 8, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, side, side), dtype=np.uint8)


def png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def test_a_path_its_bytes_and_its_pixels_get_one_answer(classifier: Classifier, tmp_path: Path) -> None:
    for side in (8, 31):
        pixels = grey(1, side)[0]
        path = tmp_path / f"{side}.png"
        path.write_bytes(png(pixels))
        answers = classifier.predict([path, str(path), path.read_bytes(), pixels, pixels[..., np.newaxis]])
        assert [answer.path for answer in answers] == [str(path), str(path), "-", "-", "-"]
        assert len({answer.top for answer in answers}) == 1


def test_probabilities_are_shares_of_one_and_fall(classifier: Classifier) -> None:
    for answer in classifier.predict(list(grey(20)), top=99):
        probabilities = [probability for _, probability in answer.top]
        assert sum(probabilities) == pytest.approx(1, abs=1e-5)
        assert probabilities == sorted(probabilities, reverse=True)
        assert (answer.label, answer.probability) == answer.top[0]
        assert {name for name, _ in answer.top} == set(classifier.class_names) == set("0123456789")


def test_it_knows_digits_when_it_sees_them(classifier: Classifier) -> None:
    from beholder.data.opening import open_source
    from beholder.data.split import Split

    validation = Split(open_source("digits")).validation()
    answers = classifier.predict(list(validation.images))
    right = [answer.label == str(label) for answer, label in zip(answers, validation.labels, strict=True)]
    assert np.mean(right) == pytest.approx(classifier.artifact.manifest.validation["accuracy"])
    assert np.mean(right) > 0.8


def test_answers_come_in_order_over_the_edges_of_batches_with_bad_images_among_them(classifier: Classifier) -> None:
    images: list[beholder.answering.given.ImageLike] = list(grey(BATCH_SIZE + 40))
    alone = [classifier.predict([image])[0] for image in (images[0], images[-1])]
    for row in (3, BATCH_SIZE - 1, BATCH_SIZE):
        images[row] = b"junk"
    answers = classifier.predict(images)
    assert [row for row, answer in enumerate(answers) if answer.error] == [3, BATCH_SIZE - 1, BATCH_SIZE]
    for answer, expected in ((answers[0], alone[0]), (answers[-1], alone[1])):
        assert answer.label == expected.label
        assert answer.probability == pytest.approx(expected.probability, abs=1e-5)


def test_a_whole_batch_of_bad_images_and_no_images_at_all_are_answered(classifier: Classifier) -> None:
    assert all(answer.error for answer in classifier.predict([b"junk"] * (BATCH_SIZE + 1)))
    assert classifier.predict([]) == []


def test_it_streams_with_one_batch_read_ahead_at_most(classifier: Classifier) -> None:
    taken = 0

    def endless() -> object:
        nonlocal taken
        while True:
            taken += 1
            yield grey(1)[0]

    stream = classifier.stream(endless())  # type: ignore[arg-type]  # a generator that never ends
    for _ in range(3):
        next(stream)
    assert taken <= 2 * BATCH_SIZE  # one is answered, the next one decoded meanwhile


def test_answers_keep_the_order_of_many_batches_with_a_bad_image_among_them(classifier: Classifier) -> None:
    images = list(grey(2 * BATCH_SIZE + 5))
    bad = BATCH_SIZE + 7
    one_by_one = [classifier.predict([image])[0].probability for image in images]
    answers = classifier.predict([*images[:bad], b"no image", *images[bad:]])
    assert answers.pop(bad).error
    assert np.allclose([answer.probability for answer in answers], one_by_one, atol=1e-5)  # type: ignore[arg-type]


def test_a_bad_image_says_why_and_has_no_label(classifier: Classifier, tmp_path: Path) -> None:
    (answer,) = classifier.predict([tmp_path / "missing.png"])
    assert (answer.label, answer.probability, answer.unsure) == (None, None, None)
    assert answer.top == ()
    assert str(tmp_path / "missing.png") in str(answer.error)
    assert answer.to_dict() == {"path": str(tmp_path / "missing.png"), "error": answer.error}
    for pixels in (np.zeros((8, 8, 2), np.uint8), np.zeros((1, 1), np.uint8)):
        assert classifier.predict([pixels])[0].error


def test_one_image_gets_one_answer_from_every_function(digits_run: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(png(grey(1, 32)[0]))
    classifier = Classifier.load(digits_run)
    with Image.open(path) as image:
        for one in (path, str(path), path.read_bytes(), image, np.asarray(image), io.BytesIO(path.read_bytes())):
            for answers in (classifier.predict(one), list(classifier.stream(one)), beholder.predict(digits_run, one)):
                assert [answer.error for answer in answers] == [None]
    colour = np.stack([grey(1, 32)[0]] * 3, -1)
    assert len(classifier.predict(colour)) == len(beholder.predict(digits_run, colour)) == 1
    batch = grey(5)[..., np.newaxis]
    assert len(classifier.predict(batch)) == len(beholder.predict(digits_run, batch)) == 5
    for nothing in (None, 5):
        with pytest.raises(UsageError, match="Received"):
            classifier.predict(nothing)  # type: ignore[arg-type]  # that is the point


def test_unsure_is_what_is_too_improbable_and_none_where_nothing_was_promised(digits_run: Path) -> None:
    artifact = Classifier.load(digits_run, exact=True).artifact
    for threshold, unsure in ((1.1, True), (0.0, False), (None, None)):
        manifest = replace(artifact.manifest, unsure_below=threshold)
        (answer,) = Classifier(replace(artifact, manifest=manifest, familiarity=None)).predict([grey(1)[0]])
        assert (answer.unsure, answer.unlike) == (unsure, None)
        assert answer.to_dict()["unsure"] is unsure


def test_the_int8_model_has_a_threshold_of_its_own(digits_run: Path) -> None:
    artifact = Classifier.load(digits_run, exact=True).artifact
    manifest = replace(artifact.manifest, unsure_below=0.0, int8={"file": "model.int8.onnx", "unsure_below": 1.1})
    expected: tuple[tuple[Literal["float32", "int8"], bool], ...] = (("float32", False), ("int8", True))
    for precision, unsure in expected:
        classifier = Classifier(replace(artifact, manifest=manifest, precision=precision, familiarity=None))
        assert classifier.predict([grey(1)[0]])[0].unsure is unsure


def test_the_promised_class_wins_from_its_threshold_on_and_is_never_unsure(digits_run: Path) -> None:
    artifact = Classifier.load(digits_run, exact=True).artifact
    image = np.full((8, 8), 255, np.uint8)  # unlike all digits
    probabilities = artifact.graph(image[np.newaxis, ..., np.newaxis]).probabilities[0]
    order = np.argsort(-probabilities)
    least, most = int(order[-1]), int(order[0])
    for label, threshold, answered in ((least, 0.0, least), (least, 1.1, most), (most, 1.1, int(order[1]))):
        facts = {"class_name": artifact.manifest.class_names[label], "promised": True, "threshold": threshold}
        for own, int8 in ((facts, None), (None, {"point": facts, "unsure_below": 2.0})):
            manifest = replace(artifact.manifest, unsure_below=2.0, point=own, int8=int8)
            precision: Literal["float32", "int8"] = "float32" if int8 is None else "int8"
            (answer,) = Classifier(replace(artifact, manifest=manifest, precision=precision)).predict([image], top=2)
            assert answer.label == artifact.manifest.class_names[answered]
            assert answer.probability == pytest.approx(probabilities[answered], abs=1e-6)
            assert answer.unsure is (answered != label)
            assert answer.unlike
            assert [name for name, _ in answer.top] == [artifact.manifest.class_names[k] for k in order[:2]]


def test_a_strange_image_is_unsure_whatever_its_probability(digits_run: Path) -> None:
    artifact = Classifier.load(digits_run).artifact
    known = artifact.familiarity
    assert known is not None
    for threshold, unlike in ((1.0, True), (-99.0, False)):  # scores are 0 at most
        sure = replace(artifact.manifest, unsure_below=None, int8=None)
        one = Classifier(replace(artifact, manifest=sure, familiarity=replace(known, threshold=threshold)))
        (answer,) = one.predict([grey(1)[0]])
        assert answer.unlike is unlike
        assert answer.unsure is (True if unlike else None)


def test_few_validation_images_are_strange_and_a_page_of_nothing_is(classifier: Classifier) -> None:
    from beholder.data.opening import open_source
    from beholder.data.split import Split

    validation = Split(open_source("digits")).validation()
    strange = [answer.unlike for answer in classifier.predict(list(validation.images))]
    assert np.mean(np.array(strange, np.float64)) <= 0.06
    [plain] = classifier.predict([np.full((8, 8), 255, np.uint8)])
    assert plain.unlike
    assert plain.unsure


def test_a_grey_model_sees_colour_images_as_grey(classifier: Classifier) -> None:
    colour = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    # ITU-R 601-2 luma, as Pillow documents it.
    luma = np.rint(colour @ np.array([0.299, 0.587, 0.114])).astype(np.uint8)
    seen, expected = classifier.predict([colour, luma])
    assert seen.label == expected.label
    assert seen.probability == pytest.approx(expected.probability, abs=0.02)


def test_the_run_and_its_model_folder_open_the_same_classifier(digits_run: Path, tmp_path: Path) -> None:
    images = list(grey(3))
    assert beholder.predict(digits_run, images) == beholder.predict(digits_run / "model", images)
    assert beholder.predict(str(digits_run), images[0]) == beholder.predict(digits_run, [images[0]])
    with pytest.raises(ArtifactError, match=str(tmp_path)):
        Classifier.load(tmp_path)


def test_names_that_exist_are_never_taken_for_globs(tmp_path: Path) -> None:
    for name in ("[ab].png", "a.png", "b.png", ".hidden.png", "notes.txt"):
        (tmp_path / name).write_bytes(b"")
    assert list(expand([str(tmp_path / "[ab].png")])) == [str(tmp_path / "[ab].png")]
    (tmp_path / "[ab].png").unlink()
    assert list(expand([str(tmp_path / "[ab].png")])) == [str(tmp_path / "a.png"), str(tmp_path / "b.png")]
    assert list(expand([str(tmp_path), "-"])) == [str(tmp_path / "a.png"), str(tmp_path / "b.png"), "-"]
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "notes.txt").write_text("BM is no image")
    with pytest.raises(UsageError, match="holds no images"):
        list(expand([str(tmp_path / "empty")]))


def test_a_folder_is_all_its_images_read_or_not_each_once(tmp_path: Path) -> None:
    jpeg = b"\xff\xd8\xff\xe0"
    contents = {"a.jpg": jpeg, "b": jpeg, "c.jpg_large": jpeg, "d.HEIC": b"", "e.svg": b"", "notes.txt": b"hello"}
    for name, content in (contents | {".f.jpg": jpeg, "deep/._g.heic": jpeg, "deep/h.gif": b""}).items():
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(content)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "i.png").write_bytes(b"")
    for name, target in (("link", "../elsewhere"), ("same", "deep"), ("up", ".."), ("self", "."), ("twice", "link")):
        (tmp_path / "in" / name).symlink_to(target)
    found = [str(Path(path).relative_to(tmp_path / "in")) for path in expand([str(tmp_path / "in")])]
    assert found == ["a.jpg", "b", "c.jpg_large", "d.HEIC", "deep/h.gif", "e.svg", "link/i.png"]


def test_a_folder_that_may_not_be_looked_into_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(folder: str) -> None:
        raise PermissionError(13, "Permission denied", folder)

    monkeypatch.setattr("os.scandir", refuse)
    with pytest.raises(DataError, match=r"Cannot look into .*Permission denied"):
        list(expand([str(tmp_path)]))
