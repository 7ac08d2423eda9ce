"""How listed files are read: what a person or an earlier model decided, and the way that this comes to."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from beholder.data.dataset import Dataset
from beholder.data.decoding import Rules, kind_of
from beholder.data.folders.listing import Listing
from beholder.data.images.cache import ImageFiles, Loaded
from beholder.data.images.colour import Colour
from beholder.data.images.fitting import DEFAULT_FIT, ImageFit, check_fit
from beholder.data.kinds import IMAGES, FileKind
from beholder.data.progress import Progress
from beholder.data.sounds.rules import SoundRules
from beholder.errors import DataError, UsageError


@dataclass(frozen=True)
class Reading:
    """How listed files are read.

    Attributes:
        cache: where decoded files are kept.
        canvas: height and width in pixels of every image; None: `choose_canvas` finds them from a sample.
        colour: whether images get three channels or one; by default one where all images of a sample are grey.
        fit: what is done to images of other proportions than the canvas; None: they are cropped, and nobody said so.
        for_audit: take what an audit is to find and training cannot work with, however many unreadable files.
        seconds: of a clip of sound; None: chosen from the sounds.
        rules: those of an earlier model, which the files have to go by; None: there is none.

    Raises:
        UsageError: an unknown `fit`.
    """

    cache: Path
    canvas: tuple[int, int] | None = None
    colour: Colour = "auto"
    fit: ImageFit | None = None
    for_audit: bool = False
    seconds: float | None = None
    rules: Rules | None = None

    def __post_init__(self) -> None:
        check_fit(self.by)

    @property
    def by(self) -> ImageFit:
        """What is done to images of other proportions."""
        return DEFAULT_FIT if self.fit is None else self.fit

    def check_kind(self, name: str, kind: FileKind) -> None:
        """Refuse what is said of the other kind of files than the data `name` are of.

        Raises:
            UsageError: an option that has no meaning for them.
            DataError: an earlier model takes the other kind.
        """
        refuse_other_rules(name, kind, self.rules)
        if self.rules is None:  # else they decided
            sized = self.canvas is not None
            of_images = {"size": sized, "colour": self.colour != "auto", "fit": self.fit is not None}
            refuse_other_options(name, kind, of_images, {"seconds": self.seconds is not None})


def refuse_other_options(
    name: str, kind: FileKind, of_images: Mapping[str, bool], of_sounds: Mapping[str, bool]
) -> None:
    """Refuse options that have no meaning for the data `name`, which are of this `kind`.

    Args:
        name: what the person calls them.
        kind: of their files.
        of_images: from each option that is for images alone to whether it was said.
        of_sounds: likewise those for sounds alone.

    Raises:
        UsageError: the first that was said.
    """
    other, options = ("sounds", of_sounds) if kind is IMAGES else ("images", of_images)
    for option in (option for option, said in options.items() if said):
        raise UsageError(f"--{option} is for {other}, and {name!r} holds {kind.plural}; leave it out.")


def refuse_other_seconds(name: str, sound: SoundRules | None, seconds: float | None) -> None:
    """Refuse another length of a clip than that in which the sounds `name` are open already, by the rules `sound`.

    Raises:
        UsageError: somebody wants other `seconds`.
    """
    if sound is not None and seconds is not None and sound.seconds != seconds:
        raise UsageError(
            f"The sounds of {name!r} were opened in clips of {sound.seconds:g} s; open them with seconds={seconds:g}."
        )


def refuse_other_rules(name: str, kind: FileKind, rules: Rules | None) -> None:
    """Refuse the data `name`, of this `kind`, where a model takes files of the other kind by its `rules`.

    Raises:
        DataError: it does.
    """
    if rules is not None and kind_of(rules) is not kind:
        takes = kind_of(rules).plural
        raise DataError(f"{name!r} holds {kind.plural}, and the network takes {takes}; give {takes}.")


class Way(ABC):
    """How the files of one kind become rows, once that is decided.

    Attributes:
        sound: the rules of sounds; None for images.
        notes: sentences that come right after how the data were understood.
        later_notes: sentences that come last.
    """

    sound: SoundRules | None = None
    notes: tuple[str, ...] = ()
    later_notes: tuple[str, ...] = ()

    @abstractmethod
    def load(self, wanted: ImageFiles, *, cache: Path, progress: Progress) -> Loaded:
        """Decode files, or take what was decoded before."""

    def dataset(
        self, loaded: Loaded, labels: NDArray[np.int64], class_names: tuple[str, ...], names: Sequence[str]
    ) -> Dataset:
        """What was `loaded`, of files that have these `labels` and `names`."""
        rows = loaded.rows
        recordings = None if self.sound is None else rows
        own = [names[row] for row in rows]
        return Dataset(loaded.images, labels[rows], class_names, own, None, recordings, self.sound)

    @abstractmethod
    def found(self, listing: Listing, loaded: Loaded, *, learned: bool) -> Iterator[str]:
        """Sentences that only reading finds, of one set; `learned` says whether it is the one to learn from."""
