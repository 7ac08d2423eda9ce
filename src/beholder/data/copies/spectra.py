"""A perceptual hash that a shift, a mirror image, brightness and contrast leave nearly as it was.

An image becomes a small grey one, and that the lowest frequencies of its Fourier transform (under a Hann window, which
fades what a shift brings in at the edges). A shift changes their phases alone, and a mirror image swaps two halves of
them: so what is compared are magnitudes, as sums and differences of the two halves. Dividing by the norm takes contrast
out, and leaving the zero frequency out takes brightness.

How much each of these numbers moves when an image is cut a little is learned from the images themselves, and
measured with that as the unit: within-class covariance normalisation (Hatch, Kajarekar and Stolcke, Interspeech 2006),
where a class is one image and its cuts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from beholder.data.chunks import chunks
from beholder.data.image_rows import Images

SIDE = 32  # pixels of the small grey image, at most
_SHIFT = 5  # pixels of the small image that two copies may be apart
_FREQUENCIES = 6  # the highest, in periods an image
_FLOOR = 0.02  # of a magnitude before its logarithm, in units of the norm: below it is noise
_GREY = (0.299, 0.587, 0.114)  # ITU-R 601-2 luma
_CHUNK = 1024  # small images that are worked on at once
_PIXELS_AT_ONCE = 1 << 20  # of large ones
_LEARNED_FROM = 1000  # images, for the covariance
_SHRINKAGE = 1e-3  # of the covariance towards no correlation

Small = NDArray[np.uint8]  # (N, h, w) grey images
Spectra = NDArray[np.complex64]  # (N, 2 * f + 1, f + 1): vertical frequencies from -f to f, horizontal ones from 0 to f


def small_grey(images: Images, side: int = SIDE) -> Small:
    """Grey images with sides of at most `side` pixels, each the mean of a block of pixels: (N, h, w) uint8."""
    count, height, width, channels = images.shape
    small = np.empty((count, min(height, side), min(width, side)), np.uint8)
    weights = np.array(_GREY if channels == 3 else (1.0,), np.float32)
    for rows in chunks(count, (height, width), _PIXELS_AT_ONCE):
        grey = images[rows].astype(np.float32) @ weights
        small[rows] = np.rint(_block_means(_block_means(grey, 1, side), 2, side))
    return small


def grey_deviation(small: Small) -> NDArray[np.float32]:
    """(N,) the standard deviation of each image's pixels, in grey levels."""
    deviations = np.zeros(len(small), np.float32)
    for start in range(0, len(small), _CHUNK):
        deviations[start : start + _CHUNK] = small[start : start + _CHUNK].astype(np.float32).std(axis=(1, 2))
    return deviations


def central(small: Small, share: float) -> Small:
    """The middle of each image, `share` of either side."""
    height, width = small.shape[1:]
    rows, columns = round(height * share), round(width * share)
    return _window(small, rows, columns, (height - rows) // 2, (width - columns) // 2)


def highest_frequency(small: Small) -> int:
    """Of these images and of what a small cut leaves of them, in periods an image."""
    return int(min(_FREQUENCIES, min(small.shape[1:]) // 3))


def spectra(small: Small, highest: int) -> Spectra:
    """The frequencies of each image up to `highest`, of norm 1; 0 where an image is of one grey."""
    height, width = small.shape[1:]
    across = _waves(width, np.arange(highest + 1)).T  # (w, f + 1)
    down = _waves(height, np.arange(-highest, highest + 1)).astype(np.complex64)  # (2f + 1, h)
    both = np.concatenate([across.real, across.imag], axis=1).astype(np.float32)  # real products are twice as fast
    result = np.empty((len(small), 2 * highest + 1, highest + 1), np.complex64)
    for start in range(0, len(small), _CHUNK):
        grey = small[start : start + _CHUNK].astype(np.float32)
        grey -= grey.mean(axis=(1, 2), keepdims=True)
        rows = (grey.reshape(-1, width) @ both).reshape(len(grey), height, 2, highest + 1)
        transformed = down @ (rows[:, :, 0] + 1j * rows[:, :, 1])  # (n, 2f + 1, f + 1)
        norm = np.sqrt((np.abs(transformed) ** 2).sum(axis=(1, 2), keepdims=True))
        result[start : start + _CHUNK] = transformed / np.maximum(norm, 1e-3)
    return result


@dataclass(frozen=True, eq=False)
class Hash:
    """From spectra to vectors whose inner product says how alike two images are; learned by `learn`.

    Attributes:
        mean: (d,) of the magnitudes.
        scale: (d, d): measures them in units of what cutting does to them.
    """

    mean: NDArray[np.float32]
    scale: NDArray[np.float32]

    @classmethod
    def learn(cls, small: Small) -> Hash:
        """The hash for images such as these, at least one."""
        rows = np.linspace(0, len(small) - 1, min(len(small), _LEARNED_FROM)).astype(np.int64)
        sample = small[rows]
        highest = highest_frequency(small)
        whole = _magnitudes(spectra(sample, highest))
        mean, deviation = whole.mean(axis=0), np.maximum(whole.std(axis=0), 1e-3)
        moved = [(_magnitudes(spectra(cut, highest)) - whole) / deviation for cut in _cuts(sample)]
        differences = np.concatenate(moved).astype(np.float64)
        covariance = differences.T @ differences / len(differences) + _SHRINKAGE * np.eye(len(mean))
        scale = np.linalg.inv(np.linalg.cholesky(covariance)).T / deviation[:, np.newaxis]
        return cls(mean, scale.astype(np.float32))

    def vectors(self, frequencies: Spectra) -> NDArray[np.float32]:
        """(N, d) float32 of norm 1 for the spectra of N images."""
        vectors = np.empty((len(frequencies), len(self.mean)), np.float32)
        for start in range(0, len(frequencies), _CHUNK):
            scaled = (_magnitudes(frequencies[start : start + _CHUNK]) - self.mean) @ self.scale
            norms = np.linalg.norm(scaled, axis=1, keepdims=True)
            vectors[start : start + _CHUNK] = scaled / np.maximum(norms, 1e-6)
        return vectors


def best_shift(
    first: Spectra, second: Spectra, shape: tuple[int, int]
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """How well pairs of images correlate at the best shift, the second one as it is.

    Args:
        first: spectra of n images.
        second: of the other image of each pair.
        shape: height and width of the small images, in pixels.

    Returns:
        (n,) float32, the correlation, up to 1; and (n, 2) int64: pixel (y, x) of the second image is pixel
        (y + down, x + right) of the first.
    """
    highest = first.shape[2] - 1
    shifts = np.arange(-_SHIFT, _SHIFT + 1)
    down = np.exp(-2j * np.pi / shape[0] * np.outer(shifts, np.arange(-highest, highest + 1))).astype(np.complex64)
    right = np.exp(-2j * np.pi / shape[1] * np.outer(np.arange(highest + 1), shifts)).astype(np.complex64)
    # Negative horizontal frequencies mirror the positive ones.
    twice = np.where(np.arange(highest + 1) > 0, 2, 1).astype(np.float32)
    both = _norm(first, twice) * _norm(second, twice)
    correlation = (down @ (np.conj(first) * second * twice) @ right).real.reshape(len(first), -1)
    best = correlation.argmax(axis=1)
    shift = np.stack([shifts[best // len(shifts)], shifts[best % len(shifts)]], axis=1)
    return np.take_along_axis(correlation, best[:, np.newaxis], 1)[:, 0] / np.maximum(both, 1e-6), shift


def mirrored_spectra(frequencies: Spectra, width: int) -> Spectra:
    """The spectra of the mirror images of images that are `width` pixels wide."""
    turn = np.exp(2j * np.pi / width * np.arange(frequencies.shape[2])).astype(np.complex64)
    return np.asarray(np.conj(frequencies[:, ::-1]) * turn)


def _norm(frequencies: Spectra, weights: NDArray[np.float32]) -> NDArray[np.float32]:
    squares = (frequencies.real**2 + frequencies.imag**2) * weights
    return np.asarray(np.sqrt(squares.sum(axis=(1, 2), dtype=np.float32)))


def _magnitudes(frequencies: Spectra) -> NDArray[np.float32]:
    """(N, d): what neither a shift nor mirroring changes."""
    highest = frequencies.shape[2] - 1
    logarithms = np.log(np.abs(frequencies) + _FLOOR)
    one, other = logarithms[:, highest:], logarithms[:, highest::-1]  # (N, f + 1, f + 1)
    down, right = np.indices(one.shape[1:])
    low = (down + right > 0) & (down**2 + right**2 <= (highest + 0.5) ** 2)
    return np.concatenate([(one + other)[:, low], np.abs(one - other)[:, low & (down > 0) & (right > 0)]], axis=1)


def _waves(length: int, frequencies: NDArray[np.int64]) -> NDArray[np.complex128]:
    """(f, length): complex waves under a Hann window that does not reach zero at the edges."""
    window = np.hanning(length + 2)[1:-1]
    turned = np.exp(-2j * np.pi / length * np.outer(frequencies, np.arange(length)))
    return np.asarray(turned * window)


def _cuts(small: Small) -> list[Small]:
    """Each image cut a little in several ways: an eighth off either side, four corners, and a fifth all round."""
    height, width = small.shape[1:]
    rows, columns = height - height // 8, width - width // 8
    corners = [(top, left) for top in (0, height - rows) for left in (0, width - columns)]
    return [central(small, 0.8), *(_window(small, rows, columns, top, left) for top, left in corners)]


def _window(small: Small, rows: int, columns: int, top: int, left: int) -> Small:
    return small[:, top : top + rows, left : left + columns]


def _block_means(grey: NDArray[np.float32], axis: int, side: int) -> NDArray[np.float32]:
    """Means over blocks of `axis`, so many that `side` are left; nothing where there are no more."""
    length = grey.shape[axis]
    if length <= side:
        return grey
    starts = np.arange(side) * length // side
    sizes = np.diff([*starts, length]).astype(np.float32)
    sizes = sizes.reshape([-1 if place == axis else 1 for place in range(3)])
    return (np.add.reduceat(grey, starts, axis=axis) / sizes).astype(np.float32)
