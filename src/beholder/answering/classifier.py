"""The second noun: a trained classifier, opened for answering."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from beholder.answering.given import Given, ImageLike, each, rows_of, say_once
from beholder.answering.prediction import Prediction
from beholder.arguments import anything, checked_arguments
from beholder.artifact.graph import BATCH_SIZE
from beholder.artifact.store import Artifact, open_artifact
from beholder.data.decoding import kind_of
from beholder.data.kinds import SOUNDS, FileKind
from beholder.errors import ImageError, UsageError
from beholder.evaluation.decision import decide
from beholder.evaluation.recordings import by_recording, mostly
from beholder.runs.environment import has_int8

_MOST_BYTES = 32_000_000  # of sound files that are answered together: of each minute a few kilobytes to a megabyte
_GROUP = 16  # images that a thread decodes at a time: handing over each small one would cost as much as decoding it


class _Answer(NamedTuple):
    """One image: its path, and the probabilities (classes,) float32 with whether it is `unlike`; or why not."""

    path: str
    outcome: tuple[NDArray[np.float32], bool | None] | ImageError


class Classifier:
    """Network, preprocessing and class names in one; it never imports TensorFlow or Keras.

    Args:
        artifact: an opened model folder; `Classifier.load` opens one.
        threads: how many decode images; with 1 nothing goes side by side. As many as Python chooses by default.
    """

    @checked_arguments()
    def __init__(self, artifact: Artifact, threads: int | None = None) -> None:
        if not isinstance(artifact, Artifact):
            raise UsageError(f"Expected an opened model; open one by Classifier.load(run). Received: {artifact!r:.80}.")
        self.artifact = artifact
        self.threads = threads

    @classmethod
    @checked_arguments()
    def load(cls, path: str | Path, *, exact: bool = False, threads: int | None = None) -> Classifier:
        """Open the classifier in `path`, a RUN folder or its `model` folder.

        Its int8 model answers, where there is one, the processor multiplies 8-bit integers well, and its golden
        images come out as when it was saved; else the float32 network, which is said once.

        Args:
            path: the folder.
            exact: answer in float32 in any case.
            threads: how many it may use; all cores by default.

        Raises:
            ArtifactError: it is missing, damaged, too new, or answers differently from when it was saved.
        """
        int8 = not exact and has_int8()
        artifact = open_artifact(Path(path), int8=int8, threads=threads)
        if artifact.manifest.int8 is not None and artifact.precision == "float32" and not exact:
            say_once(
                f"The int8 model of {str(path)!r} does not answer here as when it was saved; float32 answers instead."
                if int8
                else "This processor does not multiply 8-bit integers well; float32 answers in the place of int8."
            )
        return cls(artifact, threads)

    def __repr__(self) -> str:
        return f"Classifier({self.artifact.manifest.model!r}, {len(self.class_names)} classes, {self.precision})"

    @property
    def class_names(self) -> tuple[str, ...]:
        """One name a class, in the order of the probabilities."""
        return self.artifact.manifest.class_names

    @property
    def kind(self) -> FileKind:
        """The kind of files that it answers: images or sounds."""
        return kind_of(self.artifact.manifest.image)

    @property
    def precision(self) -> Literal["float32", "int8"]:
        """Of the network that answers: `int8` for the int8 model."""
        return self.artifact.precision

    @checked_arguments(images=anything)
    def predict(self, images: Iterable[ImageLike] | ImageLike, *, top: int = 5) -> list[Prediction]:
        """An answer for each image, in order; a bad image gets one with an `error`.

        A classifier of sounds takes these in the place of images. A sound that is longer than a clip is answered in
        windows that overlap by half: probabilities are their mean, and it is `unlike` where most of them are.

        Args:
            images: one, or an iterable of them: a path; the content of an image file as bytes; a file opened in
                binary mode; a Pillow image; or an array (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), uint8, bool or
                floats from 0 to 1. Or a batch of arrays, (N, H, W) or (N, H, W, C). A `ImageError` in the place of
                one that could not be fetched is its answer. Sounds are paths, bytes or opened files.
            top: how many class names each answer lists.

        Raises:
            UsageError: it is nothing of that kind, or an array that may be two things.
            DataError: a batch of another shape, dtype or range.
        """
        return list(self.stream(images, top=top))

    @checked_arguments(images=anything)
    def predict_proba(self, images: Iterable[ImageLike] | ImageLike) -> NDArray[np.float32]:
        """The probability of every class for each image.

        Args:
            images: as `predict` takes them.

        Returns:
            (N, classes) float32, 0 to 1, one row an image in their order; columns as in `class_names`.

        Raises:
            ImageError: an image cannot be read; `predict` answers the others.
            UsageError, DataError: as `predict`.
        """
        rows = []
        for row, answer in enumerate(self._answers(each(images, self.artifact.manifest.image))):
            if isinstance(answer.outcome, ImageError):
                raise ImageError(
                    f"{self.kind.name.capitalize()} {row} cannot be answered: {answer.outcome} Leave it out, or use "
                    "`predict`, which answers the others."
                )
            rows.append(answer.outcome[0])
        return np.stack(rows) if rows else np.zeros((0, len(self.class_names)), np.float32)

    @checked_arguments(images=anything)
    def stream(self, images: Iterable[ImageLike] | ImageLike, *, top: int = 5) -> Iterator[Prediction]:
        """As `predict`, one by one and with flat memory, for any number of images.

        While a batch is answered the next one is decoded, so at most two batches are taken ahead of what was given.
        """
        return self._stream(each(images, self.artifact.manifest.image), top)

    def _stream(self, remaining: Iterator[Given], top: int) -> Iterator[Prediction]:
        for path, outcome in self._answers(remaining):
            if isinstance(outcome, ImageError):
                yield Prediction(path, error=str(outcome))
            else:
                yield self.prediction(path, *outcome, top)

    def _answers(self, remaining: Iterator[Given]) -> Iterator[_Answer]:
        with ThreadPoolExecutor(self.threads) as pool:
            batch, decoding = self._start_decoding(pool, remaining)
            while batch:
                decoded = [outcome for outcomes in decoding for outcome in outcomes]
                following = self._start_decoding(pool, remaining)
                yield from self._answer(batch, decoded)
                batch, decoding = following

    def _start_decoding(
        self, pool: ThreadPoolExecutor, remaining: Iterator[Given]
    ) -> tuple[list[Given], Iterator[list[NDArray[np.uint8] | ImageError]]]:
        """The next batch, and its pixels as they become ready."""
        size = _GROUP
        if self.kind is SOUNDS:  # each takes a while, and may be long
            batch, size = list(_until_large(islice(remaining, BATCH_SIZE))), 1
        else:
            batch = list(islice(remaining, BATCH_SIZE))
        groups = [batch[start : start + size] for start in range(0, len(batch), size)]
        # One thread decodes when its pixels are asked for, between two batches.
        in_turn = map if self.threads == 1 else pool.map
        return batch, iter(in_turn(lambda group: [self._decode(given) for given in group], groups))

    def _decode(self, given: Given) -> NDArray[np.uint8] | ImageError:
        try:
            return rows_of(given, self.artifact.manifest.image)
        except ImageError as error:
            return error

    def _answer(self, batch: list[Given], decoded: list[NDArray[np.uint8] | ImageError]) -> Iterator[_Answer]:
        good = [rows for rows in decoded if not isinstance(rows, ImageError)]
        answers: Iterator[tuple[NDArray[np.float32], bool | None]] = iter(())
        if good:
            seen = self.artifact.graph(np.concatenate(good))
            files = np.repeat(np.arange(len(good)), list(map(len, good)))
            means, _ = by_recording(seen.probabilities, files)
            answers = zip(means, self.unlike_files(seen.features, files), strict=True)
        for (path, _), outcome in zip(batch, decoded, strict=True):
            yield _Answer(path, outcome if isinstance(outcome, ImageError) else next(answers))

    def unlike(self, features: NDArray[np.float32]) -> list[bool] | list[None]:
        """Whether images are unlike anything that it was trained on, from their features (N, F) float32.

        None for each where the model cannot tell.
        """
        familiarity = self.artifact.familiarity
        if familiarity is None:
            return [None] * len(features)
        flags: list[bool] = familiarity.unlike(features).tolist()
        return flags

    def unlike_files(self, features: NDArray[np.float32], files: NDArray[np.int64]) -> list[bool] | list[None]:
        """`unlike` of each file, where most of its rows are: from features (N, F) float32, and (N,) the file of each.

        Files are numbered from 0 in the order of their rows. None for each where the model cannot tell.
        """
        flags = self.unlike(features)
        if None in flags:
            return [None] * (int(files[-1]) + 1)
        of_files: list[bool] = mostly(np.array(flags, np.bool_), files).tolist()
        return of_files

    def prediction(self, path: str, probabilities: NDArray[np.float32], unlike: bool | None, top: int) -> Prediction:
        """The answer that (classes,) float32 `probabilities` are, with the `top` most probable class names.

        Where a recall or precision of a class is promised, it is answered wherever its threshold is reached, and then
        never unsure.
        """
        order = np.argsort(-probabilities, kind="stable")[:top]
        best = tuple((self.class_names[int(k)], float(probabilities[k])) for k in order)
        threshold, point = self.artifact.unsure_below, self.artifact.point
        label = int(decide(probabilities, point))
        probability = float(probabilities[label])
        unsure = unlike or (None if threshold is None else probability < threshold)
        if point is not None and label == point.label:
            unsure = False
        return Prediction(path, self.class_names[label], probability, best, unsure=unsure, unlike=unlike)


def _until_large(sounds: Iterator[Given]) -> Iterator[Given]:
    """The first of `sounds`, until their files are large together: one of hours is answered alone."""
    total = 0
    for given in sounds:
        yield given
        total += _bytes(given)
        if total > _MOST_BYTES:
            return


def _bytes(given: Given) -> int:
    if isinstance(given.image, ImageError):
        return 0
    if isinstance(given.image, Path):
        with suppress(OSError):
            return given.image.stat().st_size
        return 0
    return len(given.image) if isinstance(given.image, bytes) else given.image.nbytes
