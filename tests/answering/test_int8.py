"""A person relies on: int8 answers where it can be trusted, float32 elsewhere, and which one it was is told."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import beholder
from beholder.answering import classifier as room
from beholder.answering.classifier import Classifier
from beholder.answering.given import say_once
from beholder.artifact.graph import Graph
from beholder.artifact.manifest import read_manifest
from beholder.artifact.store import INT8_FILE
from beholder.cli import _run
from beholder.data.decoding import image_rules
from beholder.data.images.decode import decode
from beholder.errors import ArtifactError
from beholder.runs.environment import has_int8

exact_products = pytest.mark.skipif(not has_int8(), reason="this processor's 8-bit products saturate")


def seal(folder: Path, manifest: dict[str, Any]) -> None:
    """Write `manifest` and the checksums of all files, as whoever made the folder would."""
    (folder / "manifest.json").write_text(json.dumps(manifest))
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "SHA256SUMS")
    lines = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder).as_posix()}" for path in files
    ]
    (folder / "SHA256SUMS").write_text("\n".join(lines) + "\n")


@pytest.fixture(scope="module")
def source(digits_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The digits run with an int8 model, however good that is."""
    from beholder.training.export.quantise import quantise

    run = tmp_path_factory.mktemp("int8") / "run"
    shutil.copytree(digits_run, run)
    for figures in run.glob("evaluation*.json"):
        figures.unlink()
    folder = run / "model"
    images = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 1), dtype=np.uint8)
    assert quantise(folder / "model.onnx", folder / INT8_FILE, images)
    int8, rules = (
        Graph(folder / INT8_FILE, side_by_side=True),
        image_rules(read_manifest(folder / "manifest.json").image),
    )
    golden = json.loads((folder / "golden" / "expected.json").read_bytes())
    said = {n: int8(decode(folder / "golden" / n, rules)[None]).probabilities[0] for n in golden["probabilities"]}
    golden["int8"] = {"tolerance": 0.01, "probabilities": {name: row.tolist() for name, row in said.items()}}
    (folder / "golden" / "expected.json").write_text(json.dumps(golden))
    seal(folder, {**manifest_of(run), "int8": {"file": INT8_FILE, "accuracy": 0.9, "tolerance": 0.01}})
    return run


def manifest_of(run: Path) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((run / "model" / "manifest.json").read_bytes())
    return manifest


@pytest.fixture
def run(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of that run, on a processor that is made for int8, which has said nothing yet."""
    shutil.copytree(source, tmp_path / "run")
    monkeypatch.setattr(room, "has_int8", lambda: True)
    say_once.cache_clear()
    return tmp_path / "run"


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "image.png"
    Image.fromarray(np.random.default_rng(1).integers(0, 256, (8, 8), dtype=np.uint8)).save(path)
    return path


@exact_products
def test_the_int8_model_answers_unless_the_exact_network_is_asked_for(run: Path, image: Path) -> None:
    int8, exact = Classifier.load(run), Classifier.load(run, exact=True)
    assert (int8.precision, exact.precision) == ("int8", "float32")
    assert int8.artifact.checksum == exact.artifact.checksum
    [one], [other] = int8.predict([image]), exact.predict([image])
    assert one.probability != other.probability
    assert one.probability == pytest.approx(other.probability, abs=0.2)
    assert beholder.predict(run, image, exact=True) == [other]
    assert beholder.predict(run, image) == [one]


@exact_products
def test_predict_tells_in_its_document_who_answered(run: Path, image: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for arguments, expected in (([], "int8"), (["--exact"], "float32")):
        assert _run(["predict", str(run), str(image), "--json", *arguments]) == 0
        captured = capfd.readouterr()
        assert json.loads(captured.out)["precision"] == expected
        assert captured.err == ""


def test_a_processor_without_int8_gets_float32_and_that_is_said_once(
    run: Path, image: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(room, "has_int8", lambda: False)
    for _ in range(3):
        assert Classifier.load(run).precision == "float32"
    assert [record.message for record in caplog.records] == [
        "This processor does not multiply 8-bit integers well; float32 answers in the place of int8."
    ]


def test_a_broken_int8_model_gives_way_to_float32_and_that_is_said_once(
    run: Path, image: Path, caplog: pytest.LogCaptureFixture
) -> None:
    exact = Classifier.load(run, exact=True).predict([image])
    path = run / "model" / "golden" / "expected.json"
    golden = json.loads(path.read_bytes())
    golden["int8"]["probabilities"] = {name: [0.1] * 10 for name in golden["int8"]["probabilities"]}
    path.write_text(json.dumps(golden))
    seal(run / "model", manifest_of(run))
    for _ in range(2):
        classifier = Classifier.load(run)
        assert classifier.precision == "float32"
    assert classifier.predict([image]) == exact
    [message] = [record.message for record in caplog.records]
    assert str(run) in message
    assert "float32" in message


def test_a_changed_byte_in_the_int8_model_is_refused(run: Path) -> None:
    path = run / "model" / INT8_FILE
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ArtifactError, match=INT8_FILE):
        Classifier.load(run)


def test_a_model_without_an_int8_model_says_nothing(run: Path, image: Path, caplog: pytest.LogCaptureFixture) -> None:
    manifest = manifest_of(run)
    del manifest["int8"]  # as an older Beholder wrote it
    (run / "model" / INT8_FILE).unlink()
    seal(run / "model", manifest)
    assert Classifier.load(run).precision == "float32"
    assert caplog.records == []


@exact_products
def test_evaluate_judges_the_network_that_answers_and_the_exact_one_apart(
    run: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    own = beholder.evaluate(run)
    assert own.precision == "int8"
    assert own.file == "evaluation.json"
    exact = beholder.evaluate(run, exact=True)
    assert exact.precision == "float32"
    assert exact.file == "evaluation-float32.json"
    assert exact.log_loss != own.log_loss
    assert json.loads((run / "evaluation.json").read_bytes()) == own.to_dict()
    assert beholder.evaluate(run) == own, "told again"
    assert beholder.evaluate(run, exact=True) == exact
    assert _run(["evaluate", str(run)]) == 0
    assert "int8 model" in capfd.readouterr().out


@exact_products
def test_figures_of_the_int8_model_are_not_told_where_float32_answers(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = beholder.evaluate(run)
    monkeypatch.setattr(room, "has_int8", lambda: False)
    elsewhere = beholder.evaluate(run)
    assert (own.precision, elsewhere.precision) == ("int8", "float32")
    assert elsewhere.log_loss != own.log_loss
