"""The embedded default: scikit-learn's real handwritten digits, which need no download."""

from __future__ import annotations

import numpy as np

from beholder.data.dataset import Dataset
from beholder.data.progress import Progress
from beholder.data.source import Source
from beholder.errors import DataError

_CLASS_NAMES = tuple("0123456789")


def open_digits() -> Source:
    """Open the 1,797 digits that scikit-learn ships; their one set is `all`.

    The images are (1797, 8, 8, 1) uint8: the original counts 0 to 16 ink spots in each 4 x 4 square of a scan; here
    they are scaled to 0..255 and rounded. Source: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits,
    UCI Machine Learning Repository, 1998 (its test set).

    Raises:
        DataError: scikit-learn is not installed; raised by the reader.
    """
    return Source("digits", _CLASS_NAMES, {"all": _read})


def _read(progress: Progress) -> Dataset:
    progress("Reading images", 0, 1)
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise DataError(
            "The digits come with scikit-learn, which is not installed; run `pip install 'beholder[train]'`."
        ) from error
    digits = load_digits()
    images = np.rint(digits.images * (255 / 16)).astype(np.uint8)[..., np.newaxis]
    names = [f"digits/{row:04d}" for row in range(len(images))]
    progress("Reading images", 1, 1)
    return Dataset(images, digits.target.astype(np.int64), _CLASS_NAMES, names)
