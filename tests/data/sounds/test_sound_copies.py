"""A person relies on: a recording is found again where it was cut, made louder, encoded or sampled otherwise."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from beholder.data.copies.duplicates import copy_groups, exact_duplicates, near_duplicates
from beholder.data.copies.sound_details import sound_agreement
from beholder.data.dataset import Dataset
from beholder.data.sounds.resampling import resampled
from beholder.data.sounds.rules import SoundRules
from beholder.data.sounds.spectrogram import spectrogram
from beholder.data.sounds.windows import windows

RATE = 8000
RULES = SoundRules(RATE, 0.6)
Samples = NDArray[np.floating]


def babble(seed: int, seconds: float = 0.5, voice: int | None = None) -> Samples:
    """Something like a word: gliding overtones of a pitch, each louder and softer, in a little noise.

    Words of one `voice` have the same loudness over time and nearly the same pitch, as if said twice.
    """
    random, speaker = np.random.default_rng(seed), np.random.default_rng(1000 + (seed if voice is None else voice))
    time = np.arange(round(seconds * RATE)) / RATE
    pitch = speaker.uniform(120, 240) * random.uniform(0.94, 1.06) * (1 + 0.2 * np.sin(5 * time + random.uniform(0, 6)))
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    moments = np.linspace(0, seconds, max(6, round(14 * seconds)))
    loud = np.interp(time, moments, [0, *speaker.uniform(0.1, 1, len(moments) - 2), 0])
    overtones = [
        speaker.uniform(0.2, 1) * np.interp(time, moments, 10 ** random.uniform(-1.5, 0, len(moments)))
        for _ in range(14)
    ]
    sound = sum(gain * np.sin(order * phase) for order, gain in enumerate(overtones, start=1))
    made: Samples = 0.1 * loud * sound + random.normal(0, 0.002, len(time))
    return made


def at_another_rate(samples: Samples, rate: int) -> Samples:
    """There and back again."""
    there = np.concatenate(list(resampled([samples.astype(np.float32)], RATE, rate)))
    return np.concatenate(list(resampled([there], rate, RATE)))


CHANGES: dict[str, Callable[[Samples], Samples]] = {
    "louder": lambda samples: 2.5 * samples,
    "softer": lambda samples: samples / 5,
    "cut before and after": lambda samples: samples[613:-517],
    "the first two thirds, softer": lambda samples: samples[: 2 * len(samples) // 3] / 2,
    "at a higher rate": lambda samples: at_another_rate(samples, 16000),
    "at a lower rate": lambda samples: at_another_rate(samples, 6000),
    "of eight bits": lambda samples: np.rint(samples * 400) / 400,
    "noisy": lambda samples: samples + np.random.default_rng(5).normal(0, 0.003, len(samples)),
    "delayed": lambda samples: np.pad(samples, (777, 0)),
}


def dataset(sounds: list[Samples]) -> Dataset:
    rows = [windows(spectrogram(np.asarray(one, np.float32), RATE), RULES) for one in sounds]
    recordings = np.repeat(np.arange(len(rows)), [len(one) for one in rows]).astype(np.int64)
    names = [f"{recording}.wav" for recording in recordings]
    return Dataset(np.concatenate(rows), recordings % 2, ("a", "b"), names, None, recordings, RULES)


def found(sounds: list[Samples]) -> list[tuple[str, ...]]:
    return [one.paths for one in near_duplicates({"train": dataset(sounds)})]


def test_copies_are_found_and_the_same_word_said_again_is_none() -> None:
    """100 recordings, ten voices who say their word ten times, and a copy of some."""
    originals = [babble(seed, voice=seed % 10) for seed in range(100)]
    copies = [change(originals[3 + 7 * place]) for place, change in enumerate(CHANGES.values())]
    expected = [(f"{3 + 7 * place}.wav", f"{100 + place}.wav") for place in range(len(copies))]
    pairs = found([*originals, *copies])
    assert set(pairs) <= set(expected), "no other ones"
    missed = [name for name, pair in zip(CHANGES, expected, strict=True) if pair not in pairs]
    assert missed == []


def test_a_part_of_a_long_recording_is_a_copy_of_it() -> None:
    long = np.concatenate([babble(seed, 0.7) for seed in range(4)])
    part = long[round(0.55 * RATE) : round(1.9 * RATE)]
    others = [babble(seed, 0.7) for seed in range(50, 60)]
    assert found([*others, long, part]) == [("10.wav", "11.wav")]


def test_a_short_jingle_makes_no_copies_of_what_follows_it() -> None:
    jingle = babble(0, 0.3)
    assert found([np.concatenate([jingle, babble(seed, 2.5)]) for seed in range(1, 5)]) == []


def test_steady_sounds_and_silence_are_copies_of_nothing() -> None:
    """One machine's hum, recorded again and again, differs in its noise alone."""
    time = np.arange(round(0.5 * RATE)) / RATE
    random = np.random.default_rng(0)
    hum = [0.2 * np.sin(2 * np.pi * 120 * time) + random.normal(0, 0.01, len(time)) for _ in range(30)]
    assert found([*hum, np.zeros(4000), 1e-6 * random.normal(size=4000)]) == []


def test_agreement_does_not_depend_on_level_or_moment() -> None:
    one, other = babble(1), babble(2)
    pictures = np.asarray(dataset([one, one * 3, np.pad(one, (400, 0)), other]).images)[..., 0]
    first = np.repeat(pictures[:1], 4, axis=0)
    same, louder, later, another = sound_agreement(first, pictures)
    assert same == pytest.approx(1, abs=1e-3)
    assert louder > 0.95
    assert later > 0.95
    assert another < 0.7
    np.testing.assert_allclose(sound_agreement(pictures, first), [same, louder, later, another], atol=1e-4)


def test_copies_stay_in_one_set_and_equal_sounds_are_told() -> None:
    sounds = [babble(seed, 0.9) for seed in range(12)]  # of several windows each
    data = dataset([*sounds, sounds[4], sounds[7] / 3])
    groups = copy_groups(data)
    assert len(groups) == 14
    assert groups[4] == groups[12]
    assert groups[7] == groups[13]
    assert len(set(groups)) == 12
    [equal] = exact_duplicates({"train": data})
    assert equal.paths == ("4.wav", "12.wav")
    assert equal.sentence == "2 equal sounds."
    [near] = near_duplicates({"train": data})
    assert near.paths == ("7.wav", "13.wav")
    assert near.sentence.startswith("2 sounds that are copies of one, each a little changed")
