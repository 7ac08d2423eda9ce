"""Listed images: one size and one colour for all, chosen from a sample."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from beholder.data.folders.how import Reading, Way
from beholder.data.folders.listing import Listing
from beholder.data.folders.roles import TITLES
from beholder.data.images.cache import ImageFiles, Loaded, load_images
from beholder.data.images.colour import decide_mode
from beholder.data.images.decode import ImageRules
from beholder.data.images.endings import endings_in_words
from beholder.data.images.fit_words import fitting_in_words, median_misfit, with_a_way_out
from beholder.data.images.places import Place
from beholder.data.images.sizes import choose_canvas, sample_sizes
from beholder.data.progress import Progress

_OTHER_MISFIT = 0.05  # of an image: so much more is cut in another set than in that to learn from, and it is said


@dataclass(frozen=True)
class ImageWay(Way):
    """Images by `rules`; `usual` is the median `misfit` of a sample of those to learn from."""

    rules: ImageRules
    usual: float
    notes: tuple[str, ...] = ()
    later_notes: tuple[str, ...] = ()

    def load(self, wanted: ImageFiles, *, cache: Path, progress: Progress) -> Loaded:
        """As `Way.load`."""
        return load_images(wanted, self.rules, cache=cache, progress=progress)

    def found(self, listing: Listing, loaded: Loaded, *, learned: bool) -> Iterator[str]:
        """As `Way.found`: which images lack their ends, and of another set what is cut off."""
        if cut := endings_in_words([listing.paths[row] for row in loaded.endless]):
            yield cut
        if not learned:
            size = self.rules.shape[:2]
            sizes = sample_sizes(listing.place, listing.paths)
            told = fitting_in_words(sizes, size, self.rules.fit)
            if told and median_misfit(sizes, size) > self.usual + _OTHER_MISFIT:
                yield f"In the {TITLES[listing.set_name]} set, {told[:1].lower()}{told[1:]}"


def image_way(place: Place, measured: Sequence[Listing], reading: Reading) -> ImageWay:
    """How the images of data are read, told from those `measured`, in `place`.

    Raises:
        DataError: none of a sample of them can be read.
    """
    names = [path for listing in measured for path in listing.paths]
    classes = [one for listing in measured for one in listing.classes]
    sizes = sample_sizes(place, names)
    height, width = reading.canvas or choose_canvas(sizes)
    mode, colour_notes = decide_mode(reading.colour, place, names, classes, (height, width), reading.by)
    fitting = fitting_in_words(sizes, (height, width), reading.by)
    if fitting and reading.fit is None and reading.canvas is None:  # nobody decided
        fitting = with_a_way_out(fitting, sizes, (height, width))
    rules = ImageRules(height, width, mode, reading.by)
    usual = median_misfit(sizes, (height, width))
    return ImageWay(rules, usual, tuple(colour_notes), (fitting,) if fitting else ())
