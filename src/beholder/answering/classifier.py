"""The second noun: a trained classifier, opened for answering."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from beholder.answering.given import Given, ImageLike, each, pixels_of, say_once
from beholder.answering.prediction import Prediction
from beholder.artifact.graph import BATCH_SIZE
from beholder.artifact.store import Artifact, open_artifact
from beholder.errors import ImageError
from beholder.runs.environment import has_int8

_GROUP = 16  # images that a thread decodes at a time: handing over each small one would cost as much as decoding it


class Classifier:
    """Network, preprocessing and class names in one; it never imports TensorFlow or Keras.

    Args:
        artifact: an opened model folder; `Classifier.load` opens one.
        threads: how many decode images; with 1 nothing goes side by side. As many as Python chooses by default.
    """

    def __init__(self, artifact: Artifact, threads: int | None = None) -> None:
        self.artifact = artifact
        self.threads = threads

    @classmethod
    def load(cls, path: str | Path, *, exact: bool = False, threads: int | None = None) -> Classifier:
        """Open the classifier in `path`, a RUN folder or its `model` folder.

        Its int8 model answers, where there is one, the processor multiplies 8-bit integers well, and its golden
        images come out as when it was saved; else the float32 network, which is said once.

        Args:
            path: the folder.
            exact: answer in float32 in any case.
            threads: how many it may use; all cores by default.

        Raises:
            ArtifactError: it is missing, damaged, too new, or answers otherwise than when it was saved.
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

    @property
    def class_names(self) -> tuple[str, ...]:
        """One name a class, in the order of the probabilities."""
        return self.artifact.manifest.class_names

    @property
    def precision(self) -> Literal["float32", "int8"]:
        """Of the network that answers: `int8` for the int8 model."""
        return self.artifact.precision

    def predict(self, images: Iterable[ImageLike] | ImageLike, *, top: int = 5) -> list[Prediction]:
        """An answer for each image, in order; a bad image gets one with an `error`.

        Args:
            images: one, or an iterable of them: a path; the content of an image file as bytes; a file opened in
                binary mode; a Pillow image; or an array (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), uint8, bool or
                floats from 0 to 1. Or a batch of arrays, (N, H, W) or (N, H, W, C). A `ImageError` in the place of
                one that could not be fetched is its answer.
            top: how many class names each answer lists.

        Raises:
            UsageError: it is nothing of that kind, or an array that may be two things.
            DataError: a batch of another shape, dtype or range.
        """
        return list(self.stream(images, top=top))

    def stream(self, images: Iterable[ImageLike] | ImageLike, *, top: int = 5) -> Iterator[Prediction]:
        """As `predict`, one by one and with flat memory, for any number of images.

        While a batch is answered the next one is decoded, so at most two batches are taken ahead of what was given.
        """
        return self._stream(each(images, self.artifact.manifest.image), top)

    def _stream(self, remaining: Iterator[Given], top: int) -> Iterator[Prediction]:
        with ThreadPoolExecutor(self.threads) as pool:
            batch, decoding = self._start_decoding(pool, remaining)
            while batch:
                decoded = [outcome for outcomes in decoding for outcome in outcomes]
                following = self._start_decoding(pool, remaining)
                yield from self._answer(batch, decoded, top)
                batch, decoding = following

    def _start_decoding(
        self, pool: ThreadPoolExecutor, remaining: Iterator[Given]
    ) -> tuple[list[Given], Iterator[list[NDArray[np.uint8] | ImageError]]]:
        """The next batch, and its pixels as they become ready."""
        batch = list(islice(remaining, BATCH_SIZE))
        groups = [batch[start : start + _GROUP] for start in range(0, len(batch), _GROUP)]
        # One thread decodes when its pixels are asked for, between two batches.
        in_turn = map if self.threads == 1 else pool.map
        return batch, iter(in_turn(lambda group: [self._decode(given) for given in group], groups))

    def _decode(self, given: Given) -> NDArray[np.uint8] | ImageError:
        try:
            return pixels_of(given, self.artifact.manifest.image)
        except ImageError as error:
            return error

    def _answer(
        self, batch: list[Given], decoded: list[NDArray[np.uint8] | ImageError], top: int
    ) -> Iterator[Prediction]:
        good = [image for image in decoded if not isinstance(image, ImageError)]
        answers: Iterator[tuple[NDArray[np.float32], bool | None]] = iter(())
        if good:
            seen = self.artifact.graph(np.stack(good))
            answers = zip(seen.probabilities, self.unlike(seen.features), strict=True)
        for (path, _), outcome in zip(batch, decoded, strict=True):
            if isinstance(outcome, ImageError):
                yield Prediction(path, error=str(outcome))
            else:
                yield self.prediction(path, *next(answers), top)

    def unlike(self, features: NDArray[np.float32]) -> list[bool] | list[None]:
        """Whether images are unlike anything that it was trained on, from their features (N, F) float32.

        None for each where the model cannot tell.
        """
        familiarity = self.artifact.familiarity
        if familiarity is None:
            return [None] * len(features)
        flags: list[bool] = familiarity.unlike(features).tolist()
        return flags

    def prediction(self, path: str, probabilities: NDArray[np.float32], unlike: bool | None, top: int) -> Prediction:
        """The answer that (classes,) float32 `probabilities` are, with the `top` most probable class names."""
        order = np.argsort(-probabilities, kind="stable")[:top]
        best = tuple((self.class_names[int(k)], float(probabilities[k])) for k in order)
        threshold = self.artifact.unsure_below
        unsure = None if threshold is None else best[0][1] < threshold
        return Prediction(path, best[0][0], best[0][1], best, unsure=unlike or unsure, unlike=unlike)
