"""What a DATA argument names: the sets it has, each read only when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from beholder.data.dataset import Dataset
from beholder.data.images.fitting import DEFAULT_FIT, ImageFit
from beholder.data.progress import Progress

Reader = Callable[[Progress], Dataset]


@dataclass(frozen=True)
class Source:
    """An opened DATA argument. Opening looks at names and headers; a set's images are read by its reader alone.

    Attributes:
        name: what the person calls it (`cifar10`, a path).
        class_names: one name a class, in the order of the labels.
        readers: from set name (`train`, `validation`, `test`; each of the first and at most two more) to a function
            that reads that set and no other.
        notes: sentences that a person should see (an unknown checksum, say); they go into the run and the report.
        skipped: images that could not be read, as `{"path": …, "error": …}`; filled while sets are read.
        folder: where the image files of a folder are; None for other data.
        files: from set name to the names of its image files below `folder`, those in `skipped` too.
        made: sets that were split off from others: their images are read with those.
        later: further sentences, which only reading finds; filled while sets are read.
        fit: how images of other proportions get into the size of these, see `beholder.data.images.fitting`.
    """

    name: str
    class_names: tuple[str, ...]
    readers: Mapping[str, Reader]
    notes: tuple[str, ...] = ()
    skipped: list[dict[str, Any]] = field(default_factory=list)
    folder: Path | None = None
    files: Mapping[str, Sequence[str]] = field(default_factory=dict)
    made: frozenset[str] = frozenset()
    later: list[str] = field(default_factory=list)
    fit: ImageFit = DEFAULT_FIT

    def told(self) -> tuple[str, ...]:
        """What a person should see by now: `notes`, what reading found, and how many images could not be read."""
        left_out = skipped_in_words(self.skipped)
        return (*self.notes, *self.later, *([left_out] if left_out else []))


def skipped_in_words(skipped: Sequence[Mapping[str, Any]]) -> str | None:
    """A sentence about the images that could not be read, as in `Source.skipped`; None where all could."""
    if not skipped:
        return None
    images, were = ("image", "was") if len(skipped) == 1 else ("images", "were")
    return f"{len(skipped):,} {images} could not be read and {were} left out; the first: {skipped[0]['error']}"
