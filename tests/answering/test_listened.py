"""A person relies on: when and at which pitch a network listened is where the heat is."""

from __future__ import annotations

import numpy as np

from beholder.answering.listened import listened_most
from beholder.data.sounds.rules import SoundRules

RULES = SoundRules(16000, 1.0)


def test_the_hottest_part_is_told_in_seconds_and_hertz() -> None:
    heat = np.zeros((64, RULES.frames), np.float32)
    heat[20:30, 40:60] = 1
    heat[50, 5] = 0.9
    found = listened_most(heat, RULES.frames, RULES.hertz, RULES.step)
    assert found is not None
    assert (found.start, found.end) == (0.4, 0.6)
    assert abs(found.low - RULES.hertz[29]) < 0.05 * found.low
    assert abs(found.high - RULES.hertz[20]) < 0.05 * found.high
    assert str(found) == f"It listened most at 0.40 to 0.60 s, {found.low:,} to {found.high:,} Hz."


def test_coarse_heat_and_a_later_start_are_understood() -> None:
    heat = np.full((4, 5), -1, np.float32)
    heat[0, 4] = 2
    found = listened_most(heat, RULES.frames, RULES.hertz, RULES.step, start=3.0)
    assert found is not None
    assert 3.6 < found.start < 3.95 < found.end <= 4.0
    assert found.low > 2500
    assert found.high > 7000


def test_silence_before_a_short_sound_is_no_moment_of_it() -> None:
    heat = np.ones((4, 4), np.float32)
    found = listened_most(heat, RULES.frames, RULES.hertz, RULES.step, start=-0.3)
    assert found is not None
    assert found.start == 0


def test_where_nothing_speaks_for_the_answer_nothing_is_told() -> None:
    assert listened_most(np.full((4, 4), -0.1, np.float32), RULES.frames, RULES.hertz, RULES.step) is None
