"""Predict: labels for images, from the light runtime; millions of them on Ray."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from beholder.answering.classifier import Classifier
from beholder.answering.given import ImageLike
from beholder.answering.prediction import Prediction
from beholder.arguments import address, anything, checked_arguments

if TYPE_CHECKING:
    from beholder.answering.bulk.job import BulkProgress, BulkResult


@checked_arguments(images=anything)
def predict(
    run: str | Path, images: Iterable[ImageLike] | ImageLike, *, top: int = 5, exact: bool = False
) -> list[Prediction]:
    """Answer `images` with the classifier of `run`; a bad image gets an answer with an `error`.

    Args:
        run: a RUN folder or a model folder.
        images: one or many, as `Classifier.predict` takes them: paths, bytes, arrays or a batch of them, Pillow
            images or opened files.
        top: how many class names each answer lists.
        exact: answer in float32, also where an int8 model is at hand.

    Raises:
        ArtifactError: the model is missing, damaged or too new.
        UsageError, DataError: as `Classifier.predict`.
    """
    return Classifier.load(run, exact=exact).predict(images, top=top)


@checked_arguments(source=address, out=address)
def predict_in_bulk(
    run: str | Path,
    source: str | Path,
    out: str | Path,
    *,
    top: int = 3,
    exact: bool = False,
    workers: int | None = None,
    address: str | None = None,
    resume: bool = False,
    part_size: int = 2048,
    progress: Callable[[BulkProgress], None] = lambda _: None,
) -> BulkResult:
    """Answer all images of `source` on Ray, into the folder `out` of Parquet files; needs the extra `cluster`.

    Args:
        run: a RUN folder or a model folder.
        source: a folder, a glob, a Parquet data set with a column `bytes` or `path`, or an address of an object store.
        out: a folder, which must be empty unless `resume`, or an address of an object store.
        top: how many class names each answer lists.
        exact: answer in float32, also where an int8 model is at hand.
        workers: processes that answer, a thread each; as many as the cluster has cores by default.
        address: of a Ray cluster; without it one is started on this machine, and ended.
        resume: leave out the images whose answers are in `out`.
        part_size: images to a file; where they are bytes in Parquet files, a row group is a file.
        progress: hears of every part that is done.

    Raises:
        UsageError: Ray is not installed, `source` holds no images, or `out` does not go with what is asked.
        ArtifactError: the model is missing, damaged or too new, or does not answer on a worker as it does here.
        DataError: `source` cannot be listed.
        StorageError: `out` cannot be written to.
        ClusterError: there is no cluster at `address`, or it ended.
    """
    from beholder.answering.bulk.cluster import require_ray

    require_ray()
    from beholder.answering.bulk.job import answer_in_bulk

    return answer_in_bulk(
        run,
        str(source),
        str(out),
        top=top,
        exact=exact,
        workers=workers,
        address=address,
        resume=resume,
        part_size=part_size,
        progress=progress,
    )
