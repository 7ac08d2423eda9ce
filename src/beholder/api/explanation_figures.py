"""The figures of an explanation, and the document that names them."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from beholder.answering.convolution import convolve, edges
from beholder.answering.explanation import Clip, Explanation, Maps, Windows
from beholder.data.kinds import IMAGES, SOUNDS, FileKind
from beholder.errors import UsageError
from beholder.figures.maps import MOST_MAPS, maps_sheet, windows_sheet
from beholder.figures.overlay import overlay
from beholder.figures.sheet import contact_sheet, save
from beholder.figures.sliding import Sliding, save_gif
from beholder.figures.sliding import frames as draw_frames
from beholder.figures.spectrograms import SoundAxes, drawn, with_axes
from beholder.schema import SCHEMA

_INPUT_SIDE = 224  # pixels that the input's long side is drawn with, about


def draw_figures(explanation: Explanation, sliding: Sliding | None, folder: Path, *, frames: bool) -> dict[str, Any]:
    """Draw every figure into `folder`; `frames` adds each frame of the animation.

    Returns:
        JSON-ready: schema, the prediction, method, random, shape, clip, seen, windows, sliding, layers, where.

    Raises:
        StorageError: the disk is full or may not be written to.
    """
    _draw_input(explanation, folder)
    document: dict[str, Any] = {
        "schema": SCHEMA,
        **explanation.prediction.to_dict(),
        "method": explanation.where.method,
        "random": explanation.windows is not None and explanation.windows.random,
        "seen": [{"name": step.name, "type": step.kind, "shape": list(step.values.shape)} for step in explanation.seen],
        "shape": list(explanation.image.shape),
        "clip": None if explanation.clip is None else _clip(explanation.clip),
        "windows": _draw_windows(explanation.windows, explanation.kind, folder),
        "sliding": _draw_sliding(sliding, folder, frames),
        "layers": [_draw_maps(layer, folder) for layer in explanation.layers],
    }
    document["where"] = _draw_where(explanation, folder)
    return document


def sound_axes(clip: Clip | None) -> SoundAxes | None:
    """What rows and columns of the image are; None where it is no sound's."""
    return None if clip is None else SoundAxes(clip.rules.frames * clip.rules.step, clip.rules.hertz, clip.start)


def _clip(clip: Clip) -> dict[str, Any]:
    return {"number": clip.number, "count": clip.count, "start": clip.start, "seconds": clip.rules.seconds}


def _draw_input(explanation: Explanation, folder: Path) -> None:
    axes = sound_axes(explanation.clip)
    if axes is not None:
        save(with_axes(drawn(explanation.image), axes), folder / "input.png")
        return
    images: list[NDArray[Any]] = [explanation.image, *(step.values for step in explanation.seen)]
    names = ["as decoded", *(step.name for step in explanation.seen)]
    titles = [f"{name}, {p.shape[1]} by {p.shape[0]}" for name, p in zip(names, images, strict=True)]
    # One scale for all steps, so that what was cut off or averaged down is seen to be smaller.
    scale = max(1, _INPUT_SIDE // max(explanation.image.shape[:2]))
    save(contact_sheet(images, titles, columns=len(images), scale=scale), folder / "input.png")


def _draw_windows(windows: Windows | None, kind: FileKind, folder: Path) -> list[dict[str, Any]]:
    if windows is None:
        return []
    count, height, width, _ = windows.weights.shape
    origin = "random, drawn from N(0, 1)" if windows.random else f"learned from the training {kind.plural}"
    shown = f"{count} windows" if count <= MOST_MAPS else f"The {MOST_MAPS} strongest of {count} windows"
    text = (
        f"{shown} of {width} by {height} pixels, {origin}. Strongest first: the bar is the mean size of a window's "
        f"output on this {kind.drawn}. Mid-grey is a weight of 0."
    )
    order, strengths = windows.order, windows.strengths
    title = "Random windows" if windows.random else "Windows of the first layer"
    save(windows_sheet(windows.weights, order, strengths, title, text), folder / "windows.png")
    return [{"number": int(number), "strength": round(float(strengths[number]), 6)} for number in order]


def sliding_window(
    windows: Windows | None, slide: int | None, stride: int | None, axes: SoundAxes | None = None
) -> Sliding | None:
    """Window number `slide` (the strongest by default) and its output at `stride` (the layer's own by default).

    The `axes` are those of a spectrogram; they are drawn where it comes to the layer in its size.

    Raises:
        UsageError: no such window, a stride larger than the image, or a choice where there are no windows.
    """
    kind = IMAGES if axes is None else SOUNDS
    if windows is None:
        if slide is not None or stride is not None:
            raise UsageError(
                f"This network has no window that could slide over the {kind.drawn}; add --random to draw some."
            )
        return None
    count, height, width, _ = windows.weights.shape
    number = int(windows.order[0]) if slide is None else slide
    if not 0 <= number < count:
        raise UsageError(f"No window has that number; choose --slide from 0 to {count - 1}. Received: {number}.")
    largest = min(windows.source.shape[:2])
    step = windows.stride if stride is None else stride
    if not 1 <= step <= largest:
        raise UsageError(f"Expected a stride from 1 to {largest} pixels, the {kind.drawn}'s side. Received: {step}.")
    chosen = windows.weights[number]
    sums = convolve(windows.source, chosen[None], stride=step, padding=windows.padding)[..., 0]
    rows, columns = (
        edges(windows.source.shape[axis], size, step, windows.padding) for axis, size in enumerate((height, width))
    )
    padded = windows.source.shape[0] + sum(rows), windows.source.shape[1] + sum(columns)
    whole = axes is not None and len(axes.hertz) == windows.source.shape[0]
    return Sliding(windows.source, (rows[0], columns[0]), padded, chosen, sums, step, number, axes if whole else None)


def _draw_sliding(sliding: Sliding | None, folder: Path, frames: bool) -> dict[str, Any] | None:
    if sliding is None:
        return None
    images, durations = draw_frames(sliding)
    save_gif(images, durations, folder / "sliding.gif")
    save(images[-1], folder / "sliding.png")
    for number, image in enumerate(images if frames else [], start=1):
        save(image, folder / "sliding" / f"{number:03}.png")
    return {
        "window": sliding.number,
        "size": list(sliding.window.shape[:2]),
        "stride": sliding.stride,
        "shape": list(sliding.sums.shape),
        "frames": len(images),
    }


def _draw_maps(layer: Maps, folder: Path) -> dict[str, Any]:
    height, width, count = layer.values.shape
    work = [layer.kind]
    if layer.window is not None:
        work.append(f"window {layer.window[1]} by {layer.window[0]}, stride {layer.stride}")
    number = f"all {count} maps" if count <= MOST_MAPS else f"the {MOST_MAPS} strongest of {count} maps"
    number = "one map" if count == 1 else number
    text = f"{', '.join(work)}. Output {width} by {height} by {count}: {number}."
    name = f"maps/{layer.number:02}-{layer.name}.png"
    save(maps_sheet(layer.values, layer.order, f"{layer.number} · {layer.name}", text), folder / name)
    return {
        "number": layer.number,
        "name": layer.name,
        "type": layer.kind,
        "shape": [height, width, count],
        "file": name,
    }


def _draw_where(explanation: Explanation, folder: Path) -> dict[str, Any]:
    where, prediction = explanation.where, explanation.prediction
    greatest, shown = float(where.heat.max()), explanation.kind.drawn
    if where.patch is not None:
        # A hundredth of a probability is next to nothing, and must not look like much.
        least, size = 0.01, f"{where.patch[1]} by {where.patch[0]}"
        text = (
            f"Occlusion: where the {shown} glows, covering it with a patch of {size} pixels makes this answer less "
            f"probable, by up to {100 * max(greatest, 0):.1f} points."
        )
    else:
        height, width = where.heat.shape
        least = 0.0
        text = (
            f"Class activation: where the {shown} glows, {where.layer} ({width} by {height} positions) speaks for this "
            "answer rather than the others."
        )
    verb = "looked"
    listened = None
    if explanation.clip is not None:
        verb, listened = "listened", explanation.clip.listened
        text += "" if listened is None else f" {listened}"
    title = f"Where it {verb}: {prediction.label}, {100 * (prediction.probability or 0):.1f} %"
    axes = sound_axes(explanation.clip)
    save(overlay(explanation.image, where.heat, title, text, least=least, axes=axes), folder / "where.png")
    return {
        "method": where.method,
        "layer": where.layer,
        "patch": where.patch,
        "greatest": round(greatest, 6),
        "text": text,
        **({} if explanation.clip is None else {"listened": None if listened is None else asdict(listened)}),
    }
