"""A person relies on: training sounds are varied as other recordings of the same would be, each in its own way."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from beholder.errors import UsageError
from beholder.training.augmentation import NAMED_SOUND, SOUND_DETAILS, SoundAugmentation, augmentation
from beholder.training.varied_images import varied

NOTHING = SoundAugmentation()
DECIBELS_A_LEVEL = 20 * math.log10(math.exp(5.0) / 0.001) / 255  # of grey, by the rule of spectrograms


def sounds(count: int = 4, height: int = 64, width: int = 50, level: int = 150) -> NDArray[np.uint8]:
    """A tone of three bands that begins at a tenth of each and ends at nine tenths, over silence."""
    images = np.zeros((count, height, width, 1), np.uint8)
    images[:, height // 2 - 1 : height // 2 + 2, width // 10 : width - width // 10] = level
    return images


def vary(images: NDArray[np.uint8], **details: float) -> NDArray[np.uint8]:
    return varied(images, replace(NOTHING, **details), np.random.default_rng(0))


@settings(max_examples=30, deadline=None)
@given(
    how=st.builds(
        SoundAugmentation,
        shift=st.floats(0, 1),
        stretch=st.floats(0, 0.5),
        pitch=st.floats(0, 0.5),
        level=st.floats(0, 40),
        noise=st.floats(0, 1),
        mask=st.floats(0, 1),
    ),
    size=st.tuples(st.integers(8, 70), st.integers(8, 70)),
    cut=st.integers(1, 4),
)
def test_a_share_of_a_batch_is_varied_as_in_the_whole(how: SoundAugmentation, size: tuple[int, int], cut: int) -> None:
    images = np.random.default_rng(1).integers(256, size=(5, *size, 1)).astype(np.uint8)
    before = images.copy()
    whole = varied(images, how, np.random.default_rng(0))
    assert whole.shape == images.shape
    assert whole.dtype == np.uint8
    np.testing.assert_array_equal(images, before)
    for share in (slice(0, cut), slice(cut, 5)):
        part = varied(images[share], how, np.random.default_rng(0), 5, share)
        np.testing.assert_array_equal(part, whole[share])


@pytest.mark.parametrize("detail", SOUND_DETAILS)
def test_each_detail_does_something_and_nothing_at_0(detail: str) -> None:
    assert (vary(sounds(), **{detail: {"level": 10.0, "noise": 1.0}.get(detail, 0.5)}) != sounds()).any()
    np.testing.assert_array_equal(vary(sounds(), **{detail: 0.0}), sounds())


def test_a_shift_moves_in_time_alone_and_leaves_silence() -> None:
    starts = set()
    for moved in vary(sounds(60), shift=0.1)[..., 0]:
        heard = np.flatnonzero(moved.any(axis=0))
        assert len(heard) == 40  # of 50 columns, as before: silence came in, and nothing was turned around or repeated
        assert np.array_equal(np.flatnonzero(moved.any(axis=1)), [31, 32, 33])
        starts.add(int(heard[0]))
    assert starts == set(range(11))


def test_a_stretch_is_slower_or_faster_about_the_middle() -> None:
    lengths = [int(sound.any(axis=0).sum()) for sound in vary(sounds(60), stretch=0.2)[..., 0]]
    assert 32 <= min(lengths) <= 35
    assert 46 <= max(lengths) <= 50


def test_pitch_multiplies_frequencies() -> None:
    """A tone at the row of 1,000 Hz is found at the row of a tenth more at most, and never outside."""
    mel = np.linspace(1127 * np.log1p(125 / 700), 1127 * np.log1p(7500 / 700), 66)[1:-1]
    hertz = (700 * np.expm1(mel / 1127))[::-1]  # high pitch at the top
    images = np.zeros((200, 64, 10, 1), np.uint8)
    row = int(np.abs(hertz - 1000).argmin())
    images[:, row - 1 : row + 2] = np.array([150, 200, 150])[:, np.newaxis, np.newaxis]
    found = [hertz[sound[:, 5].argmax()] for sound in vary(images, pitch=0.1)[..., 0]]
    spacing = 80  # hertz between rows there, and a row that may be missed
    assert 900 - spacing < min(found) < 900 + spacing
    assert 1100 - spacing < max(found) < 1100 + spacing


def test_a_level_is_in_decibels_and_silence_stays_silent() -> None:
    louder = vary(sounds(300), level=6.0)[..., 0]
    assert (louder[sounds(300)[..., 0] == 0] == 0).all()
    decibels = (louder[:, 32, 25].astype(float) - 150) * DECIBELS_A_LEVEL
    assert -6.3 < decibels.min() < -5.5
    assert 5.5 < decibels.max() < 6.3
    assert (vary(np.full((50, 8, 8, 1), 255, np.uint8), level=40) <= 255).all()


def test_noise_lies_under_a_share_of_the_sounds_and_hides_none_of_the_loud() -> None:
    noisy = vary(sounds(300), noise=0.3)[..., 0]
    rustles = noisy[:, :, 0].any(axis=1)
    assert 0.2 < rustles.mean() < 0.4
    below = (noisy[rustles][:, :20].max(axis=(1, 2)).astype(float) - 150) * DECIBELS_A_LEVEL
    assert below.max() <= -20 + 6 + 3.6  # half of the tilt, and half more magnitude
    assert below.min() >= -40 - 6
    loud = noisy[rustles][:, 32, 25].astype(float) - 150
    assert (loud >= 0).all(), "noise adds"
    assert loud.max() * DECIBELS_A_LEVEL < 4
    silent = np.zeros((20, 64, 50, 1), np.uint8)
    np.testing.assert_array_equal(vary(silent, noise=1.0), silent)


def test_masks_silence_some_time_and_some_bands() -> None:
    full = np.full((200, 64, 50, 1), 99, np.uint8)
    masked = vary(full, mask=0.2)[..., 0]
    assert set(np.unique(masked)) == {0, 99}
    times, bands = (masked == 0).all(axis=1).sum(axis=1), (masked == 0).all(axis=2).sum(axis=1)
    assert times.max() == 10
    assert bands.max() == 12
    assert times.min() == bands.min() == 0
    for sound, time, band in zip(masked, times, bands, strict=True):
        assert (sound == 0).sum() == time * 64 + band * 50 - time * band


def test_a_text_says_what_is_varied() -> None:
    assert augmentation("sound") == NAMED_SOUND["sound"]
    assert augmentation("sound, mask=0.3 ,level=12") == replace(NAMED_SOUND["sound"], mask=0.3, level=12)


@pytest.mark.parametrize(
    "text", ["sound,", "sound,crop=0.3", "sound,mask", "sound,mask=1.1", "sound,level=41", "sound,photo", "mask=0.3"]
)
def test_a_text_that_says_nothing_is_one_sentence(text: str) -> None:
    with pytest.raises(UsageError, match=r"Expected .* Received: "):
        augmentation(text)
