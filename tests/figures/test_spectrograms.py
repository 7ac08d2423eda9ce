"""A person relies on: beside a spectrogram stand the right hertz, and below it the right seconds."""

from __future__ import annotations

import numpy as np
import pytest

from beholder.data.sounds.rules import SoundRules
from beholder.figures.sheet import PAPER
from beholder.figures.spectrograms import SoundAxes, drawn, pitch_ticks, spectrogram_sheet, time_ticks, with_axes


def axes(rate: int = 16000, seconds: float = 1.0, start: float = 0.0) -> SoundAxes:
    rules = SoundRules(rate, seconds)
    return SoundAxes(rules.frames * rules.step, rules.hertz, start)


@pytest.mark.parametrize("rate", [4000, 8000, 16000])
def test_a_pitch_is_named_where_its_row_is(rate: int) -> None:
    shown = axes(rate)
    ticks = pitch_ticks(shown.hertz, 128)
    assert [hertz for hertz, _ in ticks] == sorted((hertz for hertz, _ in ticks), reverse=True)
    assert 1000 in dict(ticks)
    for hertz, y in ticks:
        row = int(np.abs(shown.hertz - hertz).argmin())
        assert abs(y - 2 * (row + 0.5)) <= 2
    places = [y for _, y in ticks]
    assert min(np.diff(places)) >= 16


@pytest.mark.parametrize("seconds", [0.1, 0.5, 1.0, 10.0, 60.0])
@pytest.mark.parametrize("start", [0.0, -0.04, 2.5])
def test_seconds_are_even_and_apart(seconds: float, start: float) -> None:
    shown = axes(seconds=seconds, start=start)
    ticks = time_ticks(shown, 300)
    assert 2 <= len(ticks) <= 8
    for second, x in ticks:
        assert x == pytest.approx((second - start) / shown.seconds * 300, abs=1.01)
    steps = np.diff([second for second, _ in ticks])
    assert np.allclose(steps, steps[0])


def test_the_spectrogram_lies_within_its_axes_unchanged() -> None:
    image = np.random.default_rng(0).integers(0, 256, (64, 100, 1)).astype(np.uint8)
    plain = drawn(image)
    assert plain.size == (200, 128)
    page = np.asarray(with_axes(plain, axes()))
    np.testing.assert_array_equal(page[6:134, 48:248], np.asarray(plain))
    assert (page[:, :40] != PAPER).any()
    assert (page[134:] != PAPER).any()


def test_a_sheet_has_one_of_each() -> None:
    images = [np.full((64, width, 1), 99, np.uint8) for width in (100, 100, 100)]
    sheet = spectrogram_sheet(images, ["one", "two", "three"], axes(), columns=2)
    grey = (np.asarray(sheet) == 99).all(axis=2)
    assert grey.sum() == pytest.approx(3 * 200 * 128, abs=60)
    assert drawn(np.zeros((64, 5000, 1), np.uint8)).size == (320, 128)
