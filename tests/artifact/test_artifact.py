"""A person relies on: a model folder answers as on the day it was saved, or is refused in one sentence."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from beholder.answering.classifier import Classifier
from beholder.artifact.golden import GOLDEN_TOLERANCE
from beholder.artifact.store import open_artifact, replacing_artifact
from beholder.errors import ArtifactError


def colours(count: int, side: int = 12, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, side, side, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def colour_run(tmp_path_factory: pytest.TempPathFactory, framework: None) -> Path:
    """A small colour model whose answers average an image and its mirror image."""
    from beholder.api.train import train

    images, labels = colours(120), np.array(["red", "green", "blue"] * 40)
    for row, name in enumerate(labels):  # so that there is something to learn
        images[row, :, : 3 + row % 5, ["red", "green", "blue"].index(name)] = 255
    run = tmp_path_factory.mktemp("colour") / "run"
    train((images, labels), model="linear", epochs=3, augment=True, mirror=True, out=run)
    return run


@pytest.fixture
def model(colour_run: Path, tmp_path: Path) -> Path:
    """A copy of the model folder, to be damaged."""
    copy = tmp_path / "model"
    shutil.copytree(colour_run / "model", copy)
    return copy


def sealed_files(folder: Path) -> list[Path]:
    """All but the model card."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "README.md")


def seal(folder: Path) -> None:
    """Write SHA256SUMS as whoever changed the folder on purpose would."""
    files = [path for path in sealed_files(folder) if path.name != "SHA256SUMS"]
    digests = {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    (folder / "SHA256SUMS").write_text("".join(f"{digest}  {name}\n" for name, digest in digests.items()))


def flip(path: Path, position: int, bit: int = 0) -> None:
    content = bytearray(path.read_bytes())
    content[position % len(content)] ^= 1 << bit
    path.write_bytes(content)


def test_it_holds_what_the_house_promises(model: Path) -> None:
    names = {path.relative_to(model).as_posix() for path in sealed_files(model)}
    assert names >= {"manifest.json", "model.onnx", "model.keras", "SHA256SUMS", "golden/expected.json"}
    manifest = json.loads((model / "manifest.json").read_bytes())
    assert manifest["schema"] == 2
    assert manifest["class_names"] == ["blue", "green", "red"]
    assert manifest["views"] == ["plain", "mirrored"]
    assert (manifest["image"]["height"], manifest["image"]["width"], manifest["image"]["mode"]) == (12, 12, "RGB")
    assert manifest["unsure_below"] is None  # twelve validation images promise nothing
    assert manifest["temperature"] == 1.0
    assert manifest["familiar"] is None
    assert set(manifest["data"]["fingerprint"]) == {"train", "validation"}
    assert {"numpy", "onnxruntime", "beholder"} <= set(manifest["versions"])
    card = (model / "README.md").read_text(encoding="utf-8")
    assert "blue, green, red" in card


def test_one_changed_byte_in_any_file_is_refused_and_the_file_named(model: Path) -> None:
    for path in sealed_files(model):
        whole = path.read_bytes()
        flip(path, len(whole) // 2)
        with pytest.raises(ArtifactError) as caught:
            open_artifact(model)
        named = str(model) if path.name == "SHA256SUMS" else str(path)
        assert named in str(caught.value), path
        assert str(caught.value).endswith(".")
        assert "\n" not in str(caught.value)
        path.write_bytes(whole)
    open_artifact(model)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_bit_changes_wherever_nothing_but_a_refusal_comes_of_it(model: Path, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(sealed_files(model)))
    whole = path.read_bytes()
    flip(path, data.draw(st.integers(0, len(whole) - 1)), data.draw(st.integers(0, 7)))
    try:
        with pytest.raises(ArtifactError):
            open_artifact(model)
    finally:
        path.write_bytes(whole)


@pytest.fixture
def dead(model: Path) -> Path:
    """A RUN folder whose model was being replaced when the power went, between the two renames."""
    (model.parent / ".model-abc").mkdir()
    (model.parent / ".model-abc" / "model.onnx").write_bytes(b"half")
    model.rename(model.parent / ".model-abc-old")
    return model.parent


def test_a_model_that_a_death_left_hidden_is_brought_back_when_it_is_opened(dead: Path) -> None:
    assert open_artifact(dead).folder == dead / "model"
    assert not (dead / ".model-abc-old").exists()


def test_replacing_brings_back_what_a_death_left_hidden_and_clears_the_rest(dead: Path) -> None:
    with pytest.raises(RuntimeError), replacing_artifact(dead / "model"):
        raise RuntimeError
    open_artifact(dead)
    assert [path.name for path in dead.iterdir()] == ["model"]


def test_a_model_that_cannot_take_its_place_leaves_the_earlier_one_there(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename, seal_before = Path.rename, (model / "SHA256SUMS").read_bytes()

    def refuse(self: Path, target: Path) -> Path:
        if self.name.startswith(".model-") and not self.name.endswith("-old"):
            raise KeyboardInterrupt
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(KeyboardInterrupt), replacing_artifact(model) as building:
        shutil.copytree(model, building, dirs_exist_ok=True)
    assert (model / "SHA256SUMS").read_bytes() == seal_before
    assert [path.name for path in model.parent.iterdir()] == ["model"]


def test_a_missing_file_is_refused(model: Path) -> None:
    for path in sealed_files(model):
        whole = path.read_bytes()
        path.unlink()
        with pytest.raises(ArtifactError) as caught:
            open_artifact(model)
        assert (str(model) if path.name == "manifest.json" else str(path)) in str(caught.value)
        path.write_bytes(whole)


@pytest.mark.parametrize("name", ["golden/extra.png", "notes.txt", "README.md.bak", "model.onnx~", "golden/README.md"])
def test_an_added_file_is_refused(model: Path, name: str) -> None:
    (model / name).write_bytes(b"smuggled")
    with pytest.raises(ArtifactError) as caught:
        open_artifact(model)
    assert str(caught.value) == f"{str(model / name)!r} was added to the model since it was saved; remove it."


@pytest.mark.parametrize(
    "name",
    [
        ".DS_Store",
        "golden/.DS_Store",
        "Thumbs.db",
        "golden/thumbs.db",
        "desktop.ini",
        "._model.onnx",
        "golden/._expected.json",
        ".directory",
        ".nfs000000000123",
        "@eaDir/model.onnx/SYNO@.json",
        "__MACOSX/golden/a.png",
    ],
)
def test_what_systems_leave_in_folders_is_passed_over(model: Path, name: str) -> None:
    (model / name).parent.mkdir(parents=True, exist_ok=True)
    (model / name).write_bytes(b"of the system's own")
    open_artifact(model)


def test_people_may_write_in_the_model_card(model: Path) -> None:
    with (model / "README.md").open("a", encoding="utf-8") as card:
        card.write("Trained for the garden camera.\n")
    open_artifact(model)
    (model / "README.md").unlink()
    open_artifact(model)
    seal(model)
    with (model / "SHA256SUMS").open("a", encoding="utf-8") as sums:  # as earlier versions wrote it
        sums.write(f"{'0' * 64}  README.md\n")
    open_artifact(model)


def test_an_artifact_of_beholder_0_1_is_refused_in_one_sentence(model: Path) -> None:
    path = model / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_bytes()), "schema": 1}))
    seal(model)
    with pytest.raises(ArtifactError) as caught:
        open_artifact(model)
    assert str(caught.value) == (
        f"{str(path)!r} was written by Beholder 0.1, which this version does not read; train again."
    )


def test_a_newer_schema_is_refused_even_where_the_seal_is_whole(model: Path) -> None:
    document = json.loads((model / "manifest.json").read_bytes())
    (model / "manifest.json").write_text(json.dumps({**document, "schema": 3, "new_field": 1}))
    seal(model)
    with pytest.raises(ArtifactError, match="update Beholder") as caught:
        open_artifact(model)
    assert str(model) in str(caught.value)


@pytest.mark.parametrize(
    "change",
    [
        {"schema": "1"},
        {"class_names": None},
        {"class_names": ["a", 1]},
        {"image": {}},
        {"image": None},
        {"layers": 3},
        {"temperature": "hot"},
        {"versions": []},
    ],
    ids=str,
)
def test_a_manifest_that_makes_no_sense_is_refused(model: Path, change: dict[str, object]) -> None:
    document = json.loads((model / "manifest.json").read_bytes())
    (model / "manifest.json").write_text(json.dumps({**document, **change}))
    seal(model)
    with pytest.raises(ArtifactError, match=r"manifest\.json") as caught:
        open_artifact(model)
    assert "Error(" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (lambda document: {**document, "surprise": 1}, "has a field 'surprise', which this version"),
        (lambda document: {name: value for name, value in document.items() if name != "views"}, "it has no 'views'"),
        (lambda document: {**document, "image": None}, "something in it is of the wrong kind"),
        (lambda _document: [], "something in it is of the wrong kind"),
        (lambda _document: "", "something in it is of the wrong kind"),
    ],
)
def test_what_is_wrong_with_a_manifest_is_said_in_words(
    model: Path, content: Callable[[dict[str, object]], object], why: str
) -> None:
    document = json.loads((model / "manifest.json").read_bytes())
    (model / "manifest.json").write_text(json.dumps(content(document)))
    seal(model)
    with pytest.raises(ArtifactError) as caught:
        open_artifact(model)
    assert why in str(caught.value)
    (model / "manifest.json").write_text("{")
    with pytest.raises(ArtifactError, match="it is not JSON"):
        open_artifact(model)


@pytest.mark.usefixtures("framework")
def test_the_golden_images_refuse_another_network_under_a_whole_seal(model: Path, tmp_path: Path) -> None:
    from beholder.api.train import train

    other = tmp_path / "other"
    train((colours(60, seed=1), np.array(["red", "green", "blue"] * 20)), model="linear", epochs=1, out=other)
    shutil.copy(other / "model" / "model.onnx", model / "model.onnx")
    seal(model)
    with pytest.raises(ArtifactError, match="golden image"):
        open_artifact(model)


def test_golden_probabilities_that_moved_by_more_than_the_tolerance_are_refused(model: Path) -> None:
    path = model / "golden" / "expected.json"
    document = json.loads(path.read_bytes())
    first = document["probabilities"]["0.png"]
    for change, accepted in ((GOLDEN_TOLERANCE / 2, True), (GOLDEN_TOLERANCE * 2, False)):
        moved = {**document["probabilities"], "0.png": [first[0] + change, *first[1:]]}
        path.write_text(json.dumps({**document, "probabilities": moved}))
        seal(model)
        if accepted:
            open_artifact(model)
        else:
            with pytest.raises(ArtifactError, match=r"0\.png"):
                open_artifact(model)


def test_a_graph_that_is_no_graph_is_refused(model: Path) -> None:
    (model / "model.onnx").write_bytes(b"no graph")
    seal(model)
    with pytest.raises(ArtifactError, match=r"model\.onnx"):
        open_artifact(model)


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="sha256sum is not installed")
def test_sha256sum_agrees_with_the_seal(model: Path) -> None:
    command = ["sha256sum", "--check", "--strict", "SHA256SUMS"]
    assert subprocess.run(command, cwd=model, capture_output=True, check=False).returncode == 0
    flip(model / "model.onnx", 100)
    done = subprocess.run(command, cwd=model, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "model.onnx: FAILED" in done.stdout


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def open_keras(folder: Path) -> object:
    import keras

    import beholder.models.layers  # noqa: F401 - registers our layers, all that opening needs

    return keras.models.load_model(folder / "model.keras", safe_mode=True)


def answers(folder: Path, images: np.ndarray) -> np.ndarray:
    classifier = Classifier.load(folder, exact=True)
    rows = [dict(answer.top) for answer in classifier.predict(list(images), top=99)]
    return np.array([[row[name] for name in classifier.class_names] for row in rows])


def test_the_graph_and_the_keras_model_give_one_answer_for_one_image(colour_run: Path, digits_run: Path) -> None:
    grey = np.random.default_rng(2).integers(0, 256, (20, 8, 8, 1), dtype=np.uint8)
    for run, images, mirrored in ((colour_run, colours(20, seed=2), True), (digits_run, grey, False)):
        network = open_keras(run / "model")
        assert callable(network)
        logits = np.asarray(network(images, training=False))
        if mirrored:
            logits = (logits + np.asarray(network(images[:, :, ::-1], training=False))) / 2
        temperature = Classifier.load(run).artifact.manifest.temperature
        assert np.allclose(answers(run, images), softmax(logits / temperature), atol=1e-4)


def test_the_temperature_is_inside_both_graphs_and_the_logits_are_before_it(digits_run: Path) -> None:
    grey = np.random.default_rng(4).integers(0, 256, (20, 8, 8, 1), dtype=np.uint8)
    for int8 in (False, True):
        artifact = open_artifact(digits_run, int8=int8)
        told = artifact.graph(grey)
        assert artifact.manifest.temperature != 1
        assert np.allclose(told.probabilities, softmax(told.logits / artifact.manifest.temperature), atol=1e-5)


def test_a_model_of_before_there_was_a_temperature_still_answers(digits_run: Path, tmp_path: Path) -> None:
    old = tmp_path / "model"
    shutil.copytree(digits_run / "model", old)
    (old / "familiar.npz").unlink()
    document = json.loads((old / "manifest.json").read_bytes())
    for name in ("risk", "familiar"):
        del document[name]
    document["unsure_below"] = None
    if document["int8"]:
        document["int8"] = {name: document["int8"][name] for name in ("file", "accuracy", "tolerance")}
    (old / "manifest.json").write_text(json.dumps(document))
    seal(old)
    for exact in (True, False):
        [answer] = Classifier.load(old, exact=exact).predict([np.zeros((8, 8), np.uint8)])
        assert (answer.unsure, answer.unlike) == (None, None)
        assert answer.label is not None


@pytest.mark.parametrize("damage", ["missing", "no file", "others", "numbers"])
def test_a_familiarity_that_fits_no_model_is_refused(digits_run: Path, tmp_path: Path, damage: str) -> None:
    folder = tmp_path / "model"
    shutil.copytree(digits_run / "model", folder)
    path = folder / "familiar.npz"
    with np.load(path) as stored:
        arrays = {name: stored[name] for name in stored.files}
    path.unlink()
    if damage == "no file":
        path.write_bytes(b"no file")
    elif damage == "others":
        np.savez(path, **{**arrays, "prototypes": arrays["prototypes"][:, :-1]})
    elif damage == "numbers":
        np.savez(path, **{**arrays, "float32_threshold": np.array(np.nan)})
    seal(folder)
    with pytest.raises(ArtifactError, match=r"familiar\.npz"):
        open_artifact(folder)


def test_a_mirrored_image_gets_the_same_answer_where_both_views_are_averaged(colour_run: Path) -> None:
    images = colours(10, seed=3)
    mirrored = np.ascontiguousarray(images[:, :, ::-1])
    assert np.allclose(answers(colour_run, images), answers(colour_run, mirrored), atol=1e-5)


def test_the_keras_model_trains_on_and_saves_again(digits_run: Path, tmp_path: Path) -> None:
    network = open_keras(digits_run / "model")
    save, output = getattr(network, "save"), getattr(network, "output")  # noqa: B009 - Keras has no types
    assert output.shape == (None, 10)
    save(tmp_path / "again.keras")
    assert (tmp_path / "again.keras").stat().st_size > 0


def test_no_file_of_the_artifact_holds_pickled_code(colour_run: Path) -> None:
    import zipfile

    with zipfile.ZipFile(colour_run / "model" / "model.keras") as file:
        assert set(file.namelist()) == {"metadata.json", "config.json", "model.weights.h5"}
        assert b"Lambda" not in file.read("config.json")
    with zipfile.ZipFile(colour_run / "checkpoint.npz") as checkpoint:
        for name in checkpoint.namelist():
            np.lib.format.read_array(io.BytesIO(checkpoint.read(name)), allow_pickle=False)
