"""Sounds as images: equal to a computation of our own in double precision, whatever the chunks; clips of one length."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from beholder.data.sounds.rules import SoundRules
from beholder.data.sounds.spectrogram import spectrogram, streamed_spectrogram
from beholder.data.sounds.windows import windows
from beholder.errors import DataError


def reference(samples: NDArray[np.float32], rate: int) -> NDArray[np.int64]:
    """(64, T): as the rule says it, with a sum for each frequency and a triangle for each band, nothing clever."""
    length, hop = round(rate / 40), round(rate / 100)
    window = np.zeros(512)
    start = (512 - length) // 2
    for place in range(length):
        window[start + place] = math.sin(math.pi * place / length) ** 2
    waves = np.exp(-2j * np.pi * np.outer(np.arange(512), np.arange(257)) / 512)
    highest = min(7500, rate / 2)

    def mel(hertz: float) -> float:
        return 2595 * math.log10(1 + hertz / 700)

    edges = [700 * (10 ** (one / 2595) - 1) for one in np.linspace(mel(125), mel(highest), 66)]
    padded = np.pad(samples.astype(np.float64), (0, max(0, 512 - len(samples))))
    firsts = range(0, len(padded) - 511, hop)
    magnitudes = np.abs(np.stack([padded[first : first + 512] * window for first in firsts]) @ waves)  # (T, 257)
    rows = []
    for low, peak, high in zip(edges[:-2], edges[1:-1], edges[2:], strict=True):
        band = np.zeros(len(firsts))
        for index in range(257):
            hertz = index * rate / 512
            if low < hertz < high:
                band += magnitudes[:, index] * min((hertz - low) / (peak - low), (high - hertz) / (high - peak))
        levels = (np.log(band + 0.001) - math.log(0.001)) * 255 / (5 - math.log(0.001))
        rows.append(np.rint(np.minimum(levels, 255)))
    return np.array(rows[::-1]).astype(np.int64)


def made(kind: str, rate: int) -> NDArray[np.float32]:
    random, time = np.random.default_rng(5), np.arange(rate // 4) / rate
    sounds = {
        "noise": random.normal(0, 0.2, len(time)),
        "tone": 0.9 * np.sin(2 * np.pi * 440 * time),
        "sweep": 0.5 * np.sin(2 * np.pi * rate * time * time),
        "near silence": 1e-5 * random.normal(size=len(time)),
        "silence": np.zeros(len(time)),
        "loud": 40 * np.sign(np.sin(2 * np.pi * 700 * time)),
        "short": random.normal(0, 0.2, 99),
    }
    return sounds[kind].astype(np.float32)


@pytest.mark.parametrize("rate", [16_000, 8_000, 11_025, 2_000])
@pytest.mark.parametrize("kind", ["noise", "tone", "sweep", "near silence", "silence", "loud", "short"])
def test_equal_to_the_rule_in_double_precision_to_one_level(kind: str, rate: int) -> None:
    levels = spectrogram(made(kind, rate), rate)
    expected = reference(made(kind, rate), rate)
    assert levels.dtype == np.uint8
    assert levels.shape == expected.shape
    assert np.abs(levels - expected).max() <= 1
    assert (levels != expected).mean() < 0.005


def test_silence_is_black_and_a_higher_tone_stands_higher() -> None:
    assert not spectrogram(np.zeros(9000, np.float32), 16_000).any()
    rules = SoundRules(16_000, 1.0)
    time = np.arange(16_000) / 16_000
    for hertz in (300, 1000, 5000):
        levels = spectrogram((0.5 * np.sin(2 * np.pi * hertz * time)).astype(np.float32), 16_000)
        assert rules.hertz[int(levels.mean(1).argmax())] == pytest.approx(hertz, rel=0.1)
    assert (np.diff(rules.hertz) < 0).all()


def test_numbers_beyond_all_bounds_are_white_without_a_warning() -> None:
    levels = spectrogram(np.full(2000, 3e38, np.float32) * np.sign(np.arange(2000) % 7 - 3).astype(np.float32), 16_000)
    assert (levels[:50] == 255).all()


def test_the_same_in_one_go_and_in_chunks() -> None:
    random = np.random.default_rng(0)
    sound = random.normal(0, 0.1, 70_123).astype(np.float32)
    whole = spectrogram(sound, 16_000)
    for sizes in ([1, 511, 512, 513], [16_000], [160, 7], [69_000, 1]):
        chunks, place = list[NDArray[np.float32]](), 0
        while place < len(sound):
            size = sizes[len(chunks) % len(sizes)]
            chunks.append(sound[place : place + size])
            place += size
        np.testing.assert_array_equal(streamed_spectrogram(chunks, 16_000), whole)
    # A part from a column on is the part of the whole.
    np.testing.assert_array_equal(spectrogram(sound[160 * 37 :], 16_000), whole[:, 37:])


@pytest.mark.parametrize("seconds", [0.1, 0.5, 0.97, 1.0, 3.33])
@pytest.mark.parametrize("rate", [16_000, 8_000, 11_025])
def test_a_clip_of_the_length_of_the_rules_fills_its_image(seconds: float, rate: int) -> None:
    rules = SoundRules(rate, seconds)
    sound = np.random.default_rng(0).normal(0, 0.1, round(rate * seconds)).astype(np.float32)
    image = spectrogram(sound, rate)
    assert image.shape == rules.shape[:2]
    np.testing.assert_array_equal(windows(image, rules), image[np.newaxis, :, :, np.newaxis])


def test_a_short_clip_lies_in_the_middle_on_silence() -> None:
    rules = SoundRules(16_000, 1.0)
    image = np.full((64, 40), 7, np.uint8)
    [clip] = windows(image, rules)
    assert clip.shape == rules.shape
    before = (rules.frames - 40) // 2
    assert not clip[:, :before].any()
    assert not clip[:, before + 40 :].any()
    np.testing.assert_array_equal(clip[:, before : before + 40, 0], image)


@pytest.mark.parametrize("length", [98, 100, 145, 146, 400, 401, 2000])
def test_windows_overlap_by_half_and_the_last_ends_at_the_end(length: int) -> None:
    rules = SoundRules(16_000, 1.0)
    width = rules.frames
    columns = np.arange(length) % 251
    made = windows(np.tile(columns.astype(np.uint8), (64, 1)), rules)
    firsts = [next(at for at in range(length) if (columns[at : at + width] == one[0, :, 0]).all()) for one in made]
    if length < 251:
        assert firsts[0] == 0
        assert firsts[-1] == length - width
        assert all(0 < b - a <= width // 2 for a, b in pairwise(firsts))
    assert len(made) == -(-(length - width) // (width // 2)) + 1
    np.testing.assert_array_equal(made[-1][0, :, 0], columns[-width:])


def test_rules_survive_their_document_and_refuse_what_cannot_be() -> None:
    rules = SoundRules(8_000, 0.75)
    assert SoundRules.from_json(rules.to_json()) == rules
    assert rules.shape == (64, rules.frames, 1)
    assert rules.step == pytest.approx(0.01)
    for changed in (
        {"rule": 2},
        {"kind": "image"},
        {"rate": 8000.5},
        {"seconds": "1"},
        {"seconds": math.nan},
        {"rate": 1},
    ):
        with pytest.raises(DataError, match=r"^Expected .*\.$"):
            SoundRules.from_json({**rules.to_json(), **changed})
    for rate, seconds in ((1_000, 1.0), (44_100, 1.0), (16_000, 0.01), (16_000, 1e9)):
        with pytest.raises(DataError, match="Expected"):
            SoundRules(rate, seconds)
