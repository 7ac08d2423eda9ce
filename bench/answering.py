"""Images per second, and milliseconds for one image, of the same trained network in every runtime that may answer.

All peers get the plain view of the RUN's network, exported from its `model.keras`; Beholder's own files, which average
two views of a colour image, stand below them. Each peer answers in a process of its own on all cores, in rounds; the
last column is how many of 256 images get the label that ONNX Runtime gives in float32.

usage: python bench/answering.py [RUN] [--rounds 3]

Without a RUN, one of 64/192/320 is trained first and kept in bench/work.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import images
import numpy as np
import rounds
from numpy.typing import NDArray

from beholder.artifact.store import INT8_FILE

BATCH = 256
SECONDS = 2.0  # of answering batches, and of answering one by one
REFERENCE, INT8 = "onnxruntime fp32", "beholder int8"
BATCH_BAR, ONE_BAR = 3.0, 0.5  # times the reference's images per second; ms for one image

Answer = Callable[[NDArray[np.uint8]], NDArray[np.float32]]  # uint8 images to logits


def keras_predict(_: str, model: Path, __: Path) -> Answer:
    """`model.predict`, as most people call it."""
    network = _keras_model(model)
    return lambda batch: np.asarray(network.predict(batch, BATCH, verbose=0))


def tensorflow(_: str, model: Path, __: Path) -> Answer:
    """A compiled function without XLA."""
    import tensorflow as tf

    network = _keras_model(model)
    function = tf.function(lambda batch: network(batch, training=False), reduce_retracing=True, jit_compile=False)
    return lambda batch: np.asarray(function(tf.convert_to_tensor(batch)))


def pytorch(peer: str, _: Path, work: Path) -> Answer:
    """Eager, channels last."""
    import torch
    from torch_networks import Air

    weights = dict(np.load(work / "weights.npz"))
    widths = [weights[f"group_{group}_convolution_1/kernel"].shape[-1] for group in (1, 2, 3)]
    network = Air(widths, len(weights["logits/bias"]))
    network.load(weights)
    network = network.eval().to(torch.bfloat16 if "bf16" in peer else torch.float32)
    network = network.to(memory_format=torch.channels_last)

    def answer(batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        with torch.inference_mode():
            return np.asarray(network(torch.from_numpy(batch)).float())

    return answer


def openvino(peer: str, _: Path, work: Path) -> Answer:
    """Compiled for the processor, with the precision that its name says."""
    import openvino as ov

    precision = {"INFERENCE_PRECISION_HINT": "bf16" if "bf16" in peer else "f32"}
    request = ov.Core().compile_model(work / "plain.onnx", "CPU", precision).create_infer_request()
    return lambda batch: np.asarray(request.infer({"images": batch})["logits"])


def onnxruntime(_: str, __: Path, work: Path) -> Answer:
    """As its own documentation shows."""
    import onnxruntime as runtime

    session = runtime.InferenceSession(work / "plain.onnx", providers=["CPUExecutionProvider"])
    return lambda batch: np.asarray(session.run(["logits"], {"images": batch})[0])


def beholder(peer: str, model: Path, work: Path) -> Answer:
    """Beholder's way to run a graph: the int8 model of the plain view, or a file of the RUN's with its views."""
    from beholder.artifact.graph import Graph

    int8 = "int8" in peer
    own = model / (INT8_FILE if int8 else "model.onnx")
    graph = Graph(own if "packed" in peer else work / "plain-int8.onnx", side_by_side=int8)
    return lambda batch: graph(batch).logits


PEERS: dict[str, Callable[[str, Path, Path], Answer]] = {
    "keras predict": keras_predict,
    "tensorflow function": tensorflow,
    "pytorch fp32": pytorch,
    "pytorch bf16": pytorch,
    "openvino fp32": openvino,
    "openvino bf16": openvino,
    REFERENCE: onnxruntime,
    INT8: beholder,
    "beholder fp32, as packed": beholder,
    "beholder int8, as packed": beholder,
}


def _keras_model(model: Path) -> Any:
    from beholder.training.steps import framework

    framework.start()
    import keras

    import beholder.models.layers  # noqa: F401  registers our layers, so that Keras can open the file

    return keras.models.load_model(model / "model.keras", compile=False)


def prepare(model: Path, work: Path) -> None:
    """Write what the peers share into `work`: the plain view, its int8 model, the weights, and images to answer."""
    network = _keras_model(model)
    from beholder.data.opening import open_source
    from beholder.data.split import Split
    from beholder.training.export.graphs import write_graphs
    from beholder.training.export.quantise import quantise

    write_graphs(work, network, ("plain",))
    (work / "model.onnx").replace(work / "plain.onnx")
    train = Split(open_source(images.archive())).train().images
    np.save(work / "images.npy", train[-BATCH:])
    quantise(work / "plain.onnx", work / "plain-int8.onnx", train[:200])
    values = {"/".join(variable.path.split("/")[-2:]): np.asarray(variable.value) for variable in network.variables}
    np.savez(work / "weights.npz", allow_pickle=False, **values)


def measure(peer: str, model: Path, work: Path) -> dict[str, Any]:
    """Images per second in batches, milliseconds for one image, and the labels."""
    answer = PEERS[peer](peer, model, work)
    batch = np.load(work / "images.npy")
    labels = answer(batch).argmax(axis=1)
    many = statistics.median(_seconds(answer, batch))
    one = statistics.median(_seconds(answer, batch[:1]))
    return {"rate": len(batch) / many, "ms": one * 1000, "labels": labels.tolist()}


def _seconds(answer: Answer, batch: NDArray[np.uint8]) -> list[float]:
    """Of each call in `SECONDS`, after two that are not counted."""
    answer(batch)
    answer(batch)
    taken, until = list[float](), time.perf_counter() + SECONDS
    while not taken or time.perf_counter() < until:
        start = time.perf_counter()
        answer(batch)
        taken.append(time.perf_counter() - start)
    return taken


def default_run() -> Path:
    """A RUN of 64/192/320, trained for one epoch where it is not there yet."""
    run = images.WORK / "answering-run"
    if not (run / "model").is_dir():
        beholder = str(Path(sys.executable).with_name("beholder"))
        options = ["--model", "fast", "--widths", "64,192,320", "--epochs", "1", "--progress", "none"]
        command = [beholder, "train", str(images.archive()), *options, "--out", str(run)]
        subprocess.run(command, check=True, capture_output=True)
    return run


def main() -> None:
    """Measure in rounds and print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, nargs="?")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    model = (arguments.run or default_run()) / "model"
    if arguments.only:
        peer, work = arguments.only[0], Path(arguments.only[1])
        if peer == "prepare":
            prepare(model, work)
        print(json.dumps({} if peer == "prepare" else measure(peer, model, work)))
        return
    with tempfile.TemporaryDirectory() as scratch:
        run = str(model.parent)
        rounds.alone(__file__, rounds.Way("prepare", [run, "--only", "prepare", scratch]))
        there = [peer for peer in PEERS if "int8, as" not in peer or (model / INT8_FILE).exists()]
        ways = [
            rounds.Way(peer, [run, "--only", peer, scratch], rounds.TUNED_ALLOCATOR if "pytorch" in peer else {})
            for peer in there
        ]
        print_table(rounds.in_turn(__file__, ways, arguments.rounds))


def print_table(measured: dict[str, list[Any]]) -> None:
    """Rates, ratios to ONNX Runtime in float32, milliseconds and agreement."""
    rates = {peer: [figure["rate"] for figure in figures] for peer, figures in measured.items()}
    expected = np.array(measured[REFERENCE][0]["labels"])
    print(f"{'':26}{'images/s, batch 256':26}{'times onnxruntime fp32':24}{'ms for one':24}same labels")
    for peer, figures in measured.items():
        times, ms = rounds.ratio(rates[peer], rates[REFERENCE]), rounds.spread([row["ms"] for row in figures], 2)
        same = float((np.array(figures[0]["labels"]) == expected).mean())
        print(f"{peer:26}{rounds.spread(rates[peer]):26}{times:24}{ms:24}{same:.1%}")
    if INT8 in measured:
        one = statistics.median(row["ms"] for row in measured[INT8])
        said = rounds.verdict(rounds.median_ratio(rates[INT8], rates[REFERENCE]), BATCH_BAR)
        reached = "reached" if one <= ONE_BAR else "missed"
        print(f"{INT8}, batch: {said}; one image {one:.2f} ms, bar {ONE_BAR}: {reached}")


if __name__ == "__main__":
    main()
