"""A person relies on: the int8 model is the same network, and is kept only where it is nearly as good."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from beholder.artifact.graph import Answers, Graph
from beholder.artifact.store import INT8_FILE, open_artifact
from beholder.data.dataset import Dataset
from beholder.runs import environment
from beholder.runs.environment import has_int8
from beholder.training.settings import Settings, choose

NAMES = ("blue", "green", "red")
SIDE = 18  # pixels: the last maps have more than one place, as those of real images do


def coloured(count: int, seed: int) -> Dataset:
    """Noise with one colour up: labels that a network can learn, or a random one be judged on."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % 3
    images = random.integers(0, 160, (count, SIDE, SIDE, 3), dtype=np.uint8)
    images[np.arange(count), :, :, 2 - labels] += 90
    return Dataset(images, labels.astype(np.int64), NAMES, tuple(f"{row}.png" for row in range(count)))


TRAIN, VALIDATION = coloured(40, seed=1), coloured(30, seed=2)
LEARNED, JUDGED = np.asarray(TRAIN.images), np.asarray(VALIDATION.images)


@pytest.fixture(scope="module")
def settings() -> Settings:
    return choose("fast", seed=0, precision="float32", options={"widths": (16, 24, 32)})


@pytest.fixture(scope="module")
def network(settings: Settings, framework: None) -> Any:
    """A colour network with drawn weights and running statistics of its own."""
    from beholder.models import build

    model = build("fast", (SIDE, SIDE, 3), 3, images=LEARNED, **settings.options)
    random = np.random.default_rng(0)
    for variable in model.variables:
        if variable.name == "moving_variance":
            variable.assign(random.uniform(0.5, 2, variable.shape))
        elif variable.name in ("offset", "moving_mean", "bias"):
            variable.assign(random.normal(0, 0.3, variable.shape))
    return model


@pytest.fixture(scope="module")
def graph(network: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from beholder.training.export.graphs import write_graphs

    folder = tmp_path_factory.mktemp("graph")
    write_graphs(folder, network, ("plain", "mirrored"))
    return folder / "model.onnx"


def logits(path: Path, images: np.ndarray) -> Any:
    return Graph(path)(images).logits


def test_the_answer_is_the_mean_over_an_image_and_its_mirror_image(network: Any, graph: Path) -> None:
    views = [np.asarray(network(view)) for view in (JUDGED, JUDGED[:, :, ::-1])]
    answers = Graph(graph)(JUDGED)
    np.testing.assert_allclose(answers.logits, (views[0] + views[1]) / 2, atol=1e-4)
    assert answers.features.shape == (len(JUDGED), 32)


@pytest.mark.skipif(not has_int8(), reason="this processor's 8-bit products saturate")
def test_the_int8_model_says_nearly_the_same_however_images_are_batched(graph: Path, tmp_path: Path) -> None:
    from beholder.training.export.quantise import quantise

    assert quantise(graph, tmp_path / INT8_FILE, LEARNED)
    int8 = Graph(tmp_path / INT8_FILE, side_by_side=True)
    answers, exact = int8(JUDGED), Graph(graph)(JUDGED)
    spread = float(np.ptp(exact.logits))
    np.testing.assert_allclose(answers.logits, exact.logits, atol=0.05 * spread)
    assert not np.array_equal(answers.logits, exact.logits)
    apart = [int8(JUDGED[row : row + 1]) for row in range(len(VALIDATION))]
    np.testing.assert_allclose(answers.probabilities, np.concatenate([a.probabilities for a in apart]), atol=1e-6)


def test_convolutions_are_int8_but_the_first(graph: Path, tmp_path: Path) -> None:
    """Read from what ONNX Runtime makes of the int8 model, since a fusion that fails costs all the speed."""
    import onnx

    from beholder.training.export.quantise import quantise

    assert quantise(graph, tmp_path / INT8_FILE, LEARNED)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(tmp_path / "fused.onnx")
    onnxruntime.InferenceSession(str(tmp_path / INT8_FILE), options, providers=["CPUExecutionProvider"])
    kinds = [node.op_type for node in onnx.load(tmp_path / "fused.onnx").graph.node]
    assert kinds.count("QLinearConv") == 6
    assert sum(kind in ("Conv", "FusedConv") for kind in kinds) == 1
    assert "BatchNormalization" not in kinds


def test_a_network_without_convolutions_or_hidden_layers_has_no_int8(tmp_path: Path, framework: None) -> None:
    from beholder.models import build
    from beholder.training.export.graphs import write_graphs
    from beholder.training.export.quantise import quantise

    write_graphs(tmp_path, build("linear", (SIDE, SIDE, 3), 3), ("plain",))
    assert not quantise(tmp_path / "model.onnx", tmp_path / INT8_FILE, LEARNED)
    assert not (tmp_path / INT8_FILE).exists()


def test_a_quantiser_that_fails_costs_no_training(graph: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from beholder.training.export import quantise

    def fails(*_: Any, **__: Any) -> None:
        raise NotImplementedError("an operator of a person's own network")

    monkeypatch.setattr(quantise, "quantize_static", fails)
    assert not quantise.quantise(graph, tmp_path / INT8_FILE, LEARNED)


def export(folder: Path, settings: Settings, network: Any, monkeypatch: pytest.MonkeyPatch, loses: int) -> Path:
    """An artifact in `folder` whose int8 `loses` so many images, where one may be lost and the processor has int8."""
    from beholder.training.export import write_artifact as room
    from beholder.training.export.honesty import Outputs

    assert room.LARGEST_DROP == 0.002

    wrong = iter([3, 3 + loses])  # of the network, then of its int8 model
    monkeypatch.setattr(room, "outputs_for", lambda *_: Outputs(right_but(next(wrong)), None))
    monkeypatch.setattr(room, "LARGEST_DROP", 1 / len(VALIDATION))
    monkeypatch.setattr(room, "has_int8", lambda: True)
    weights = [np.asarray(variable) for variable in network.variables]
    room.export_artifact(folder, settings, weights, TRAIN, VALIDATION, {"name": "colours", "fingerprint": {}})
    return folder


def right_but(wrong: int) -> np.ndarray:
    """Logits for the validation set that are right but for the first `wrong` images."""
    answers = (VALIDATION.labels + (np.arange(len(VALIDATION)) < wrong)) % 3
    return np.eye(3, dtype=np.float32)[answers] * 3


def test_an_int8_model_that_loses_no_more_than_it_may_is_kept_and_sealed(
    tmp_path: Path, settings: Settings, network: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = export(tmp_path / "model", settings, network, monkeypatch, loses=1)
    manifest = open_artifact(folder).manifest
    assert manifest.int8 is not None
    assert (manifest.int8["file"], manifest.int8["tolerance"]) == (INT8_FILE, 0.01)
    assert manifest.int8["accuracy"] == pytest.approx(26 / 30)
    assert manifest.int8["risk"]["observed"] == pytest.approx(4 / 30)
    assert manifest.validation["accuracy"] == 0.9
    assert INT8_FILE in (folder / "SHA256SUMS").read_text()
    assert "0.8667" in (folder / "README.md").read_text()
    assert open_artifact(folder, int8=True).precision == "int8"


def test_an_int8_model_that_loses_more_is_not_kept(
    tmp_path: Path, settings: Settings, network: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = export(tmp_path / "model", settings, network, monkeypatch, loses=2)
    artifact = open_artifact(folder, int8=True)
    assert artifact.manifest.int8 is None
    assert artifact.precision == "float32"
    assert not (folder / INT8_FILE).exists()
    assert isinstance(artifact.graph(JUDGED), Answers)


@pytest.mark.parametrize(
    ("flags", "features", "expected"),
    [
        ("fpu sse2 avx2 avx512f", "", False),
        ("fpu avx2 avx_vnni", "", True),
        ("fpu avx512f avx512_vnni", "", True),
        ("fpu amx_tile amx_int8", "", True),
        ("", "fp asimd crc32", False),
        ("", "fp asimd asimddp", True),
        ("", "", False),
    ],
)
def test_int8_needs_instructions_for_it(
    flags: str, features: str, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platform.system", lambda: "Linux")
    monkeypatch.setattr(environment, "_cpuinfo", {"flags": flags, "Features": features}.__getitem__)
    assert environment.has_int8() is expected
