"""The readers of runs, models and requests as functions of bytes; `fuzz_targets.py` has those of data, and all."""

from __future__ import annotations

import asyncio
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from fuzz_targets import RULES, SEPARATOR, Target, images, npy, pack, text
from starlette.exceptions import HTTPException
from starlette.requests import Request

from beholder.artifact.golden import replay_golden
from beholder.artifact.graph import Answers, Graph
from beholder.artifact.inside import Inside
from beholder.artifact.manifest import read_manifest
from beholder.artifact.neighbours import open_neighbours
from beholder.artifact.validation_answers import open_validation
from beholder.artifact.weights import read_convolutions
from beholder.runs.events import Stopwatch, lasting, read_events
from beholder.runs.run_folder import Run, open_run
from beholder.runs.snapshots import read_shown, read_snapshot
from beholder.server.guard.host_names import Hosts
from beholder.server.guard.request_limits import Limits
from beholder.server.guard.uploads import read_uploads
from beholder.training.checkpoint import read_checkpoint

LIMITS = Limits(images=4)
_LOOP = asyncio.new_event_loop()


def _events(folder: Path, content: bytes) -> None:
    path = folder / "events.jsonl"
    path.write_bytes(content)
    watch = Stopwatch()
    for event in lasting(read_events(path)):
        watch.hear(event)
    watch.at()


def _event_logs() -> list[bytes]:
    kinds: list[dict[str, Any]] = [
        {"event": "framework", "time": 1.5, "seconds": 0.5},
        {"event": "start", "time": 2, "summary": {}, "settings": {}},
        {"event": "step", "time": 3, "epoch": 1, "step": 1, "loss": 4.5},
        {"event": "epoch", "time": 3, "epoch": 1, "validation_accuracy": 0.5},
        {"event": "replan", "time": 4, "step": 5, "steps": 9},
        {"event": "resumed", "time": 5, "epoch": 1, "step": 0, "done": 1},
        {"event": "end", "time": 6, "seconds": 4.5},
    ]
    return ["\n".join(map(json.dumps, kinds)).encode() + b"\n"]


def _config(folder: Path, content: bytes) -> None:
    (folder / "config.json").write_bytes(content)
    open_run(folder)


def _configs() -> list[bytes]:
    told: dict[str, Any] = {"schema": 2, "data": "digits", "labels": "fine", "cache": None, "seed": 0, "settings": {}}
    told |= {"images": None, "budget": None, "corrections": {"lines": []}, "schedule": [[0, 5]], "forecast": None}
    return [json.dumps(told).encode()]


def _manifest(folder: Path, content: bytes) -> None:
    (folder / "manifest.json").write_bytes(content)
    read_manifest(folder / "manifest.json")


def manifest() -> dict[str, Any]:
    """The document of a small model."""
    return {
        "schema": 2,
        "model": "linear",
        "class_names": ["cat", "dog"],
        "image": RULES.to_json(),
        "views": ["plain"],
        "layers": [{"name": "logits", "type": "Dense", "output_shape": [None, 2], "parameters": 6}],
        "validation": {"accuracy": 0.5, "count": 10},
        "data": {"name": "digits", "fingerprint": {}},
        "versions": {"numpy": "2"},
        "created": "2026-01-01T00:00:00+00:00",
        "temperature": 1.0,
        "unsure_below": None,
        "int8": None,
    }


def _gallery(folder: Path, content: bytes) -> None:
    model = folder / "model"
    model.mkdir(exist_ok=True)
    (model / "SHA256SUMS").write_bytes(b"")
    own = ("model", text([hashlib.sha256(b"").hexdigest()]))
    arrays = ("features", "labels", "thumbnails", "names", "class_names")
    pack(folder / "neighbours.npz", arrays, content, own)
    neighbours = open_neighbours(folder)
    if neighbours is not None:
        neighbours.nearest(np.ones(neighbours.features.shape[1], np.float32))
        neighbours.doubtful()


def _galleries() -> list[bytes]:
    names = [text(["a", "b"]), text(["cat", "dog"])]
    thumbnails = npy(np.zeros((2, 2, 2, 3), np.uint8))
    return [SEPARATOR.join([npy(np.eye(2, dtype=np.float16)), npy([0, 1]), thumbnails, *names])]


def _validation(folder: Path, content: bytes) -> None:
    model = folder / "model"
    model.mkdir(exist_ok=True)
    (model / "SHA256SUMS").write_bytes(b"")
    own = ("model", text([hashlib.sha256(b"").hexdigest()]))
    columns = ("labels", "answers", "probabilities", "label_probabilities", "rows", "thumbnails")
    pack(folder / "validation.npz", (*columns, "names", "class_names"), content, own)
    answers = open_validation(folder)
    if answers is not None:
        answers.confusion()
        for row in answers.mistakes():
            answers.thumbnail(int(row))


def _validations() -> list[bytes]:
    floats = [npy(np.ones(2, np.float32))] * 2
    shown = [npy([0]), npy(np.zeros((1, 2, 2, 1), np.uint8))]
    return [SEPARATOR.join([npy([0, 1]), npy([1, 1]), *floats, *shown, text(["a", "b"]), text(["cat", "dog"])])]


def _shown(folder: Path, content: bytes) -> None:
    run = Run(folder)
    run.watch_folder.mkdir(exist_ok=True)
    pack(run.watch_folder / "images.npz", ("images", "labels", "class_names"), content)
    read_shown(run)


def _snapshot(folder: Path, content: bytes) -> None:
    run = Run(folder)
    run.watch_folder.mkdir(exist_ok=True)
    pack(run.watch_folder / "epoch-00001.npz", ("probabilities", "confusion", "filters"), content)
    read_snapshot(run, 1)


def _snapshots() -> list[bytes]:
    arrays = (np.eye(2, dtype=np.float16), np.eye(2, dtype=np.uint32), np.ones((1, 3, 3, 1), np.float16))
    return [SEPARATOR.join(map(npy, arrays))]


def _checkpoint(folder: Path, content: bytes) -> None:
    pack(folder / "checkpoint.npz", ("position", "model_0", "optimizer_0"), content)
    read_checkpoint(folder / "checkpoint.npz")


def _checkpoints() -> list[bytes]:
    position = {"done": 3, "schedule": {"pairs": [[0, 9]]}, "epoch": 1, "step": 0, "loss_sum": 0.5, "gap_said": False}
    return [SEPARATOR.join([text(position), npy(np.ones((2, 2), np.float32)), npy(3)])]


def _golden(folder: Path, content: bytes) -> None:
    (folder / "expected.json").write_bytes(content)
    if not (folder / "0.png").exists():
        (folder / "0.png").write_bytes(images()[0])

    def answer(images: Any) -> Answers:
        return Answers(*[np.zeros((len(images), 2), np.float32)] * 3)

    replay_golden(folder, answer, RULES)  # type: ignore[arg-type]


def _onnx(folder: Path, content: bytes) -> None:
    for name in ("model.onnx", "inside.onnx"):
        (folder / name).write_bytes(content)
    read_convolutions(folder / "inside.onnx", ("logits",))
    Graph(folder / "model.onnx")(np.zeros((1, 8, 8, 3), np.uint8))
    Inside(folder)(np.zeros((1, 8, 8, 3), np.uint8))


def _onnxs() -> list[bytes]:
    from onnx import TensorProto, helper

    images = helper.make_tensor_value_info("images", TensorProto.UINT8, [None, 8, 8, 3])
    outputs = ("logits", "probabilities", "features")
    shapes = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
    nodes = [
        helper.make_node("Cast", ["images"], ["x"], to=TensorProto.FLOAT),
        helper.make_node("Flatten", ["x"], ["features"]),
        helper.make_node("MatMul", ["features", "w"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"]),
    ]
    weights = helper.make_tensor("w", TensorProto.FLOAT, [192, 2], np.ones(384))
    graph = helper.make_graph(nodes, "g", [images], shapes, [weights])
    opset = helper.make_opsetid("", 17)
    return [helper.make_model(graph, opset_imports=[opset], ir_version=8).SerializeToString()]


def _upload(_: Path, content: bytes) -> None:
    kind, _newline, body = content.partition(b"\n")
    sent = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def receive() -> Any:
        return next(sent)

    async def ask() -> None:
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/",
            "query_string": b"",
            "headers": [(b"content-type", kind)],
        }
        try:
            await read_uploads(Request(scope, receive), LIMITS, "image")
        except HTTPException as error:
            if not 400 <= error.status_code < 500:
                raise RuntimeError("a fault of ours") from error

    _LOOP.run_until_complete(ask())


def _uploads() -> list[bytes]:
    form = b"--b\r\nContent-Disposition: form-data; name=file; filename=a.png\r\n\r\nabc\r\n--b--\r\n"
    return [b"multipart/form-data; boundary=b\n" + form, b"image/png\nabc", b"text/plain; charset=x\nabc"]


def _host(_: Path, content: bytes) -> None:
    Hosts("0.0.0.0", ["example.org"]).accepts(content.decode("latin-1"))  # noqa: S104  no server is started


def targets() -> dict[str, Target]:
    """Each by its name."""
    names = text(["cat", "dog"])
    golden = {"tolerance": 0.001, "probabilities": {"0.png": [0.0, 0.0]}}
    return {
        "events": Target(_events, _event_logs(), 10),
        "config": Target(_config, _configs(), 8),
        "manifest": Target(_manifest, [json.dumps(manifest()).encode()], 8),
        "golden": Target(_golden, [json.dumps(golden).encode()], 3),
        "neighbours": Target(_gallery, _galleries(), 4),
        "validation": Target(_validation, _validations(), 4),
        "shown": Target(_shown, [SEPARATOR.join([npy(np.zeros((2, 2, 2, 1), np.uint8)), npy([0, 1]), names])], 3),
        "snapshot": Target(_snapshot, _snapshots(), 3),
        "checkpoint": Target(_checkpoint, _checkpoints(), 5),
        "onnx": Target(_onnx, _onnxs(), 1),
        "upload": Target(_upload, _uploads(), 4),
        "host": Target(_host, [b"localhost:8000", b"[::1]:80", b"example.org"], 8),
    }
