"""Explain: what the network sees in one image, drawn step by step into a folder."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from beholder import files
from beholder.answering.classifier import Classifier
from beholder.answering.explanation import explain_image
from beholder.answering.given import ImageLike
from beholder.answering.misfits import Misfits
from beholder.api.explanation_figures import draw_figures, sliding_window, sound_axes
from beholder.api.results import ExplanationResult
from beholder.arguments import checked_arguments
from beholder.data.decoding import Rules
from beholder.errors import UsageError
from beholder.report.explanation_page import write_page
from beholder.training.limits import checked_seed

_DOCUMENT = "explain.json"


@checked_arguments()
def explain(
    run: str | Path,
    image: ImageLike,
    *,
    out: str | Path = "explanation",
    stride: int | None = None,
    slide: int | None = None,
    frames: bool = False,
    random: bool = False,
    window: int | None = None,
    seed: int = 0,
    top: int = 5,
    force: bool = False,
) -> ExplanationResult:
    """Draw what the classifier of `run` sees in `image` into the folder `out`, with a page that leads through it.

    Args:
        run: a RUN folder or a model folder.
        image: one, as `Classifier.predict` takes it: a path, bytes, an array, a Pillow image or an opened file.
        out: the folder to make.
        stride: pixels that the sliding window moves at a time; the layer's own by default.
        slide: number of the window that slides; the strongest by default.
        frames: write the animation's frames as PNG files too.
        random: draw windows from N(0, 1) in the place of the first layer's, as the chapter first does.
        window: side of those random windows in pixels, 5 by default.
        seed: draws them.
        top: how many class names the answer lists.
        force: replace an earlier explanation in `out`.

    Raises:
        UsageError: `out` is taken, or an option does not fit the network or the image.
        ImageError: the image cannot be read.
        ArtifactError: the model is missing, damaged, too new, or cannot explain.
        StorageError: the disk is full or may not be written to.
    """
    folder = Path(out)
    _check_free(folder, force)
    classifier = Classifier.load(run)
    seed = checked_seed(seed)
    explanation = explain_image(classifier, image, top=top, random=random, window=window, seed=seed)
    sliding = sliding_window(explanation.windows, slide, stride, sound_axes(explanation.clip))
    with _replacing_folder(folder) as building:
        document = draw_figures(explanation, sliding, building, frames=frames)
        document["notes"] = _notes(classifier.artifact.manifest.image, image)
        write_page(building / "index.html", document)
        document["files"] = sorted([*_files(building), _DOCUMENT])
        files.write_json(building / _DOCUMENT, document)
    return ExplanationResult(**document, out=folder)


def _notes(rules: Rules, image: ImageLike) -> list[str]:
    """What a person should know about how `image` was made to fit."""
    misfits = Misfits(rules)
    misfits.look_at(image)
    return misfits.notes()


def _check_free(folder: Path, force: bool) -> None:
    """Refuse a folder that holds anything, but with `force` an explanation and nothing else."""
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{str(folder)!r} is a file; choose another folder with --out.")
    if not folder.exists() or not any(folder.iterdir()):
        return
    if not force:
        raise UsageError(f"{str(folder)!r} is not empty; choose another folder with --out, or replace it with --force.")
    try:
        listed = set(json.loads((folder / _DOCUMENT).read_bytes())["files"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"{str(folder)!r} holds no explanation to replace; choose another folder with --out."
        ) from error
    strangers = sorted(set(_files(folder)) - listed)
    if strangers:
        raise UsageError(
            f"{str(folder)!r} holds {strangers[0]!r}, which is not part of an explanation; move it, or choose another "
            "--out."
        )


def _files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir())


@contextmanager
def _replacing_folder(folder: Path) -> Iterator[Path]:
    """A temporary neighbour of `folder` that takes its name once it is whole."""
    with files.storage_errors(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        building = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".explain-"))
        try:
            yield building
            building.chmod(0o755)
            _swap(building, folder)
        finally:
            shutil.rmtree(building, ignore_errors=True)


def _swap(new: Path, folder: Path) -> None:
    old = folder.with_name(f"{new.name}-old")
    if folder.exists():
        folder.rename(old)
    new.rename(folder)
    files.sync_folder(folder.parent)
    shutil.rmtree(old, ignore_errors=True)
