"""A person relies on: silent sounds are counted before training, and the sentence speaks of sounds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sound_folders import make_tones, write_wav
from tones import RATE, tone, wav

from beholder.data.checks.silence import silent_level, silent_sounds
from beholder.data.opening import open_source
from beholder.data.sounds.rules import SoundRules
from beholder.data.sounds.windows import decode_sound
from beholder.data.split import Split
from beholder.sessions.data_checks import check_data


@pytest.mark.parametrize("rate", [8000, 16_000])
def test_a_tone_sixty_decibels_below_full_scale_is_where_silence_begins(rate: int) -> None:
    rules = SoundRules(rate, 0.5)
    times = np.arange(rate) / rate
    levels = [
        int(decode_sound(wav(amplitude * np.sin(2 * np.pi * 440 * times), rate), rules).max())
        for amplitude in (0.0003, 0.003)
    ]
    assert levels[0] <= silent_level(rules) < levels[1]


def test_silent_sounds_are_counted_and_told(tmp_path: Path) -> None:
    root, cache = tmp_path / "data", tmp_path / "cache"
    make_tones(root)
    for number in range(3):
        write_wav(root / "low" / f"silent{number}.wav", np.zeros(RATE * (number + 1)))
    write_wav(root / "low" / "once.wav", np.concatenate([np.zeros(RATE), tone(300, 0.5), np.zeros(RATE)]))
    sets = Split(open_source(root, cache=cache, seconds=0.5), seed=0)
    read = {"train": sets.train(), "validation": sets.validation(), "test": sets.test()}
    assert silent_sounds(read) == 3
    checks = check_data(sets, read, None)
    assert checks["counts"]["silent"] == 3
    assert checks["sentences"][0] == "Checked 64 sounds: 3 are silent or nearly so."
