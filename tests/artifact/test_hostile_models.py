"""A person relies on: a model folder that was made to do harm, with checksums that fit, does none and is refused."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from beholder.artifact.graph import Graph
from beholder.artifact.manifest import read_manifest
from beholder.artifact.store import open_artifact, open_inside
from beholder.errors import ArtifactError

SHARED = [HealthCheck.function_scoped_fixture]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@pytest.fixture
def model(digits_run: Path, tmp_path: Path) -> Path:
    """A copy of a model folder, to be changed."""
    copy = tmp_path / "model"
    shutil.copytree(digits_run / "model", copy)
    return copy


def seal(folder: Path) -> None:
    """Write SHA256SUMS as whoever changed the folder on purpose would."""
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != "SHA256SUMS"]
    digests = {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}
    (folder / "SHA256SUMS").write_text("".join(f"{digest}  {name}\n" for name, digest in digests.items()))


def assert_refused_or_opened(folder: Path) -> None:
    seal(folder)
    try:
        artifact = open_artifact(folder)
        open_inside(artifact)
    except ArtifactError as error:
        assert "\n" not in str(error)  # noqa: PT017  (either outcome is right)


@settings(max_examples=150, suppress_health_check=SHARED)
@given(data=st.data())
def test_a_manifest_of_other_kinds_of_values_is_read_or_refused(model: Path, data: st.DataObject) -> None:
    path = model / "manifest.json"
    whole = path.read_bytes()
    document = json.loads(whole)
    names = st.sampled_from(sorted(document)) | st.text(max_size=5)
    changed = {**document, **data.draw(st.dictionaries(names, VALUES, min_size=1, max_size=2))}
    try:
        path.write_text(json.dumps(changed))
        manifest = read_manifest(path)
        assert all(isinstance(name, str) for name in manifest.class_names)
        assert all(isinstance(layer, dict) for layer in manifest.layers)
    except ArtifactError as error:
        assert "\n" not in str(error)  # noqa: PT017  (either outcome is right)
    finally:
        path.write_bytes(whole)


@pytest.mark.parametrize("name", ["manifest.json", "golden/expected.json"])
@pytest.mark.parametrize("content", [b"[" * 100_000, b"", b"[]", b"null", b"\xff", b'{"schema": -1}'])
def test_a_document_that_is_none_is_refused(model: Path, name: str, content: bytes) -> None:
    (model / name).write_bytes(content)
    seal(model)
    with pytest.raises(ArtifactError, match="damaged"):
        open_artifact(model)


@pytest.mark.parametrize("row", [[10**400], {"a": 1}, ["x"], None, 5])
def test_expected_answers_that_are_none_are_refused(model: Path, row: Any) -> None:
    path = model / "golden" / "expected.json"
    document = json.loads(path.read_bytes())
    path.write_text(json.dumps({**document, "probabilities": {"0.png": row}}))
    seal(model)
    with pytest.raises(ArtifactError):
        open_artifact(model)


def test_golden_images_are_read_from_the_folder_alone(model: Path) -> None:
    path = model / "golden" / "expected.json"
    document = json.loads(path.read_bytes())
    rows = document["probabilities"]
    for name in ("../../secret.png", "/etc/secret.png"):
        path.write_text(json.dumps({**document, "probabilities": {name: rows["0.png"]}}))
        seal(model)
        with pytest.raises(ArtifactError, match="lie elsewhere"):
            open_artifact(model)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x93NUMPY\x01\x00v\x00{'descr'"])
def test_weights_that_are_none_are_refused(model: Path, content: bytes) -> None:
    (model / "head.npy").write_bytes(content)
    seal(model)
    with pytest.raises(ArtifactError, match=r"head\.npy"):
        open_inside(open_artifact(model))


@settings(max_examples=40, suppress_health_check=SHARED)
@given(data=st.data())
def test_a_changed_graph_is_opened_or_refused(model: Path, data: st.DataObject) -> None:
    path = model / data.draw(st.sampled_from(["model.onnx", "inside.onnx"]))
    whole = path.read_bytes()
    content = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 4))):  # what is not weights is most of the beginning and of the end
        place = data.draw(st.integers(0, 600) | st.integers(len(whole) - 600, len(whole) - 1))
        content[place] = data.draw(st.integers(0, 255))
    try:
        path.write_bytes(content)
        assert_refused_or_opened(model)
    finally:
        path.write_bytes(whole)


# Graphs that are whole, and not what they should be


def graph(
    *nodes: Any, outputs: tuple[str, ...] = (), tensors: tuple[Any, ...] = (), kind: int = TensorProto.UINT8
) -> bytes:
    """An ONNX file over images (N, 2, 2, 1)."""
    images = helper.make_tensor_value_info("images", kind, [None, 2, 2, 1])
    told = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
    made = helper.make_graph(list(nodes), "graph", [images], told, list(tensors))
    opset = helper.make_opsetid("", 17)
    return bytes(helper.make_model(made, opset_imports=[opset], ir_version=8).SerializeToString())


CAST = helper.make_node("Cast", ["images"], ["logits"], to=TensorProto.FLOAT)


def test_a_graph_that_takes_no_images_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(graph(CAST, outputs=("logits",), kind=TensorProto.FLOAT))
    with pytest.raises(ArtifactError, match="does not take pixels"):
        Graph(path)


def test_a_graph_without_the_outputs_of_a_classifier_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(graph(CAST, outputs=("logits",)))
    with pytest.raises(ArtifactError, match="cannot answer"):
        Graph(path)(np.zeros((1, 2, 2, 1), np.uint8))


def test_a_graph_that_reads_weights_from_another_file_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret").write_bytes(bytes(64))
    monkeypatch.chdir(tmp_path)
    for location in ("secret", str(tmp_path / "secret"), "../secret"):
        tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[1, 2, 2, 1])
        tensor.data_location = TensorProto.EXTERNAL
        for key, value in (("location", location), ("offset", "0"), ("length", "16")):
            tensor.external_data.add(key=key, value=value)
        add = helper.make_node("Add", ["x", "w"], ["logits"])
        cast = helper.make_node("Cast", ["images"], ["x"], to=TensorProto.FLOAT)
        (tmp_path / "model.onnx").write_bytes(graph(cast, add, outputs=("logits",), tensors=(tensor,)))
        with pytest.raises(ArtifactError):
            Graph(tmp_path / "model.onnx")


HUNGRY = """
import resource, sys
from pathlib import Path
import numpy as np
from beholder.artifact.graph import Graph
from beholder.errors import ArtifactError
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    Graph(Path(sys.argv[1]))(np.zeros((4, 2, 2, 1), np.uint8))
except ArtifactError as error:
    print(error)
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print((after - before) // (1 << 20 if sys.platform == "darwin" else 1 << 10))
"""


def test_a_graph_of_a_few_bytes_does_not_fill_the_memory(tmp_path: Path) -> None:
    sides = numpy_helper.from_array(np.array([40_000, 30_000], np.int64), "sides")
    one = numpy_helper.from_array(np.array([1], np.float32))
    fill = helper.make_node("ConstantOfShape", ["sides"], ["full"], value=one)
    whole = helper.make_node("ReduceSum", ["full"], ["sum"])
    outputs = ("probabilities", "logits", "features")
    adds = [helper.make_node("Add", ["sum", "sum"], [name]) for name in outputs]
    path = tmp_path / "model.onnx"
    path.write_bytes(graph(fill, whole, *adds, outputs=outputs, tensors=(sides,)))
    done = subprocess.run([sys.executable, "-c", HUNGRY, str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told, taken = done.stdout.strip().rsplit("\n", 1)
    assert "model.onnx" in told
    assert int(taken) < 1000  # MB; it asks for 4,800


def test_a_batch_that_is_too_large_for_the_memory_is_answered_by_halves(tmp_path: Path) -> None:
    """Each image becomes 100 MB on the way: 64 of them at once would take 6 GB."""
    times = numpy_helper.from_array(np.array([1, 2500, 2500, 1], np.int64), "times")
    cast = helper.make_node("Cast", ["images"], ["x"], to=TensorProto.FLOAT)
    tile = helper.make_node("Tile", ["x", "times"], ["wide"])
    most = helper.make_node("ReduceMax", ["wide"], ["most"], axes=[1, 2], keepdims=0)
    outputs = ("probabilities", "logits", "features")
    copies = [helper.make_node("Identity", ["most"], [name]) for name in outputs]
    path = tmp_path / "model.onnx"
    path.write_bytes(graph(cast, tile, most, *copies, outputs=outputs, tensors=(times,)))
    images = np.arange(12, dtype=np.uint8).repeat(4).reshape(12, 2, 2, 1)
    np.testing.assert_array_equal(Graph(path)(images).logits[:, 0], np.arange(12))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_a_pipe_in_the_place_of_the_manifest_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "manifest.json")
    with pytest.raises(ArtifactError, match="not a trained model"):
        open_artifact(tmp_path)
