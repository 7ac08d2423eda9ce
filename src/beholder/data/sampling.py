"""What files say of themselves, from the headers of an evenly spaced sample of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from beholder.data.images.headers import StoredImage
from beholder.data.images.places import Place
from beholder.errors import DataError, ImageError

_Header = TypeVar("_Header")


def sample_headers(
    place: Place, names: Sequence[str], read: Callable[[StoredImage], _Header], most: int, plural: str
) -> list[_Header]:
    """What `read` finds in a sample of at most `most` of the files `names` in `place`, which are called `plural`.

    Raises:
        DataError: none of them is readable.
    """
    count = min(most, len(names))
    found: list[_Header] = []
    errors: list[ImageError] = []  # counted when the files are decoded
    for index in range(count):
        try:
            found.append(read(place.image(names[index * len(names) // count])))
        except ImageError as error:
            errors.append(error)
    if errors and not found:
        raise DataError(f"None of a sample of {count} {plural} from {place.told!r} can be read: {errors[0]}")
    return found
