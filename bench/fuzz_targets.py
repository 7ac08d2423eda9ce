"""Every reader of Beholder as a function of bytes, with whole files to begin from; `fuzz.py` feeds them.

A target is right when it reads the bytes or raises a `BeholderError`. Archives of arrays are packed here from the bytes
of their members: a flipped bit in a zip would nearly always end at its checksum.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import io
import json
import pickle
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from starlette.exceptions import HTTPException
from starlette.requests import Request

from beholder.artifact.golden import replay_golden
from beholder.artifact.graph import Answers, Graph
from beholder.artifact.inside import Inside
from beholder.artifact.manifest import read_manifest
from beholder.artifact.neighbours import open_neighbours
from beholder.artifact.validation import open_validation
from beholder.artifact.weights import read_convolutions
from beholder.data.archive import open_archive
from beholder.data.arrays import open_npz
from beholder.data.overlay import read_overlay
from beholder.data.pickles import loads
from beholder.data.pictures import PictureRules, decode, measure
from beholder.data.progress import silent
from beholder.runs.events import Stopwatch, lasting, read_events
from beholder.runs.folder import Run, open_run
from beholder.runs.snapshots import read_shown, read_snapshot
from beholder.server.limits import Limits
from beholder.server.security import Hosts
from beholder.server.uploads import read_uploads
from beholder.training.checkpoint import read_checkpoint

SEPARATOR = b"\xff\x00\xfe\x01"  # between the members of an archive of arrays
RULES = PictureRules(8, 8, "RGB")
LIMITS = Limits(pictures=4)
_LOOP = asyncio.new_event_loop()


@dataclass(frozen=True)
class Target:
    """A reader under attack.

    Attributes:
        read: given a folder of its own and bytes, lets the reader read them.
        seeds: whole inputs to begin from.
        share: of all inputs, relative to the other targets: cheap readers get more.
    """

    read: Callable[[Path, bytes], None]
    seeds: list[bytes]
    share: int


def _pickles() -> list[bytes]:
    small = {"data": np.arange(6, dtype=np.uint8).reshape(2, 3), "labels": [0, np.int64(1)], b"name": b"cat"}
    return [pickle.dumps(small, protocol) for protocol in (0, 2, 4, 5)]


def _tar(folder: Path, content: bytes) -> None:
    path = folder / "x.tar"
    path.write_bytes(content)
    source = open_archive(path)
    for read in source.readers.values():
        read(silent)


def _tars() -> list[bytes]:
    meta = pickle.dumps({"label_names": ["cat", "dog"]}, 2)
    batch = pickle.dumps({"data": np.zeros((1, 3072), np.uint8), "labels": [1], "filenames": ["a.png"]}, 4)
    members = {"batches.meta": meta, "data_batch_1": batch}
    made = []
    for kind in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w", format=kind) as tar:
            for name, content in members.items():
                info = tarfile.TarInfo(f"{'long' * 30}/{name}")
                info.size, info.mtime = len(content), 1.5
                tar.addfile(info, io.BytesIO(content))
        whole = stream.getvalue().rstrip(b"\0")
        whole += bytes(-len(whole) % tarfile.BLOCKSIZE + 2 * tarfile.BLOCKSIZE)
        made += [whole, gzip.compress(whole, 1)]
    return made


def npy(array: Any) -> bytes:
    """`array` as a `.npy` file."""
    stream = io.BytesIO()
    np.save(stream, np.asarray(array), allow_pickle=False)
    return stream.getvalue()


def text(value: Any) -> bytes:
    """JSON as our archives keep it: an array of bytes."""
    return npy(np.frombuffer(json.dumps(value).encode(), np.uint8))


def pack(path: Path, names: tuple[str, ...], content: bytes, *fixed: tuple[str, bytes]) -> None:
    """Write a zip: a member for each of `names` from the pieces of `content`, and those that are `fixed`."""
    with zipfile.ZipFile(path, "w") as file:
        for name, piece in [*zip(names, content.split(SEPARATOR), strict=False), *fixed]:
            file.writestr(f"{name}.npy", piece)


def _npz(folder: Path, content: bytes) -> None:
    path = folder / "x.npz"
    if content[:1] == b"P":
        path.write_bytes(content)
    else:
        pack(path, ("images", "labels", "names"), content)
    for read in open_npz(path).readers.values():
        read(silent)


def _npzs() -> list[bytes]:
    images = np.arange(3 * 16, dtype=np.uint8).reshape(3, 4, 4)
    whole = io.BytesIO()
    np.savez(whole, images=images, labels=np.arange(3))
    return [
        SEPARATOR.join([npy(images), npy([0, 1, 1]), npy(["cat", "dog"])]),
        SEPARATOR.join([npy(images / 255.0), npy([b"cat", b"dog", b"dog"])]),
        whole.getvalue(),
    ]


def _picture(_: Path, content: bytes) -> None:
    measure(content)
    decode(content, RULES)


def _pictures() -> list[bytes]:
    kinds: list[tuple[str, str, dict[str, Any]]] = [
        *(("RGB", kind, {}) for kind in ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")),
        ("RGBA", "PNG", {}),
        ("I;16", "PNG", {}),
        ("1", "PNG", {"optimize": True}),
        ("P", "PNG", {"transparency": 0}),
        (
            "L",
            "JPEG",
            {"progressive": True, "exif": b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0"},
        ),
        ("RGBA", "WEBP", {"lossless": True}),
        ("RGB", "TIFF", {"compression": "tiff_lzw"}),
        ("1", "TIFF", {"compression": "group4"}),
    ]
    made = []
    for mode, kind, options in kinds:
        stream = io.BytesIO()
        image = Image.fromarray((np.arange(12 * 12 * 3) % 251).astype(np.uint8).reshape(12, 12, 3))
        (Image.new(mode, (12, 12), 77) if mode == "I;16" else image.convert(mode)).save(stream, kind, **options)
        made.append(stream.getvalue())
    return made


def _overlay(folder: Path, content: bytes) -> None:
    path = folder / "overlay.csv"
    path.write_bytes(content)
    read_overlay(path, ("cat", "dog"))


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
        {"event": "start", "time": 2, "plan": {}, "settings": {}},
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
    told: dict[str, Any] = {"schema": 1, "data": "digits", "labels": "fine", "cache": None, "seed": 0, "settings": {}}
    return [json.dumps({**told, "overlay": {"corrections": []}, "plans": [[0, 5]]}).encode()]


def _manifest(folder: Path, content: bytes) -> None:
    (folder / "manifest.json").write_bytes(content)
    read_manifest(folder / "manifest.json")


def manifest() -> dict[str, Any]:
    """The document of a small model."""
    return {
        "schema": 1,
        "model": "linear",
        "class_names": ["cat", "dog"],
        "picture": RULES.to_json(),
        "views": ["plain"],
        "layers": [{"name": "logits", "type": "Dense", "output_shape": [None, 2], "parameters": 6}],
        "validation": {"accuracy": 0.5, "count": 10},
        "data": {"name": "digits", "fingerprint": {}},
        "versions": {"numpy": "2"},
        "created": "2026-01-01T00:00:00+00:00",
        "temperature": 1.0,
        "unsure_below": None,
        "twin": None,
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
    pack(run.watch_folder / "pictures.npz", ("pictures", "labels", "class_names"), content)
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
    position = {"done": 3, "schedule": {"plans": [[0, 9]]}, "epoch": 1, "step": 0, "loss_sum": 0.5, "gap_said": False}
    return [SEPARATOR.join([text(position), npy(np.ones((2, 2), np.float32)), npy(3)])]


def _golden(folder: Path, content: bytes) -> None:
    (folder / "expected.json").write_bytes(content)
    if not (folder / "0.png").exists():
        (folder / "0.png").write_bytes(_pictures()[0])

    def answer(pictures: Any) -> Answers:
        return Answers(*[np.zeros((len(pictures), 2), np.float32)] * 3)

    replay_golden(folder, answer, RULES)  # type: ignore[arg-type]


def _onnx(folder: Path, content: bytes) -> None:
    for name in ("model.onnx", "inside.onnx"):
        (folder / name).write_bytes(content)
    read_convolutions(folder / "inside.onnx", ("logits",))
    Graph(folder / "model.onnx")(np.zeros((1, 8, 8, 3), np.uint8))
    Inside(folder)(np.zeros((1, 8, 8, 3), np.uint8))


def _onnxs() -> list[bytes]:
    from onnx import TensorProto, helper

    pictures = helper.make_tensor_value_info("pictures", TensorProto.UINT8, [None, 8, 8, 3])
    outputs = ("logits", "probabilities", "features")
    shapes = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
    nodes = [
        helper.make_node("Cast", ["pictures"], ["x"], to=TensorProto.FLOAT),
        helper.make_node("Flatten", ["x"], ["features"]),
        helper.make_node("MatMul", ["features", "w"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"]),
    ]
    weights = helper.make_tensor("w", TensorProto.FLOAT, [192, 2], np.ones(384))
    graph = helper.make_graph(nodes, "g", [pictures], shapes, [weights])
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
            await read_uploads(Request(scope, receive), LIMITS)
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
    """Every reader by its name."""
    names = text(["cat", "dog"])
    golden = {"tolerance": 0.001, "probabilities": {"0.png": [0.0, 0.0]}}
    return {
        "pickle": Target(lambda _, content: void(loads(content, "batch")), _pickles(), 20),
        "tar": Target(_tar, _tars(), 6),
        "npz": Target(_npz, _npzs(), 8),
        "picture": Target(_picture, _pictures(), 16),
        "overlay": Target(_overlay, [b"path,action,label\r\na.png,keep,\r\nb.png,relabel,cat\r\n"], 12),
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


def void(_: object) -> None:
    """Forget what was read."""
