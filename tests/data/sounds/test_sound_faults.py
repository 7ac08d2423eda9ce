"""A person relies on: what is wrong with a recording is told, and nothing of one that is as it should be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tones import RATE, tone, wav, write_tones

from beholder.data.checks.findings import Finding
from beholder.data.checks.sound_faults import sound_file_faults
from beholder.data.checks.sound_measures import clipped_share, mains_hum
from beholder.data.opening import open_source


def voice(seconds: float = 1.0, rate: int = RATE) -> NDArray[np.float64]:
    """A gliding tone with overtones that comes and goes."""
    time = np.arange(round(seconds * rate)) / rate
    phase = 2 * np.pi * np.cumsum(110 + 40 * np.sin(4 * time)) / rate
    loud = np.clip(np.sin(3 * np.pi * time), 0, 1) + 0.001
    made: NDArray[np.float64] = 0.2 * loud * sum(np.sin(order * phase) / order for order in range(1, 8))
    return made + np.random.default_rng(0).normal(0, 0.001, len(time))


def hum(mains: int, seconds: float, amplitude: float, rate: int = RATE) -> NDArray[np.float64]:
    time = np.arange(round(seconds * rate)) / rate
    orders = np.arange(1, 7)[:, np.newaxis]
    made: NDArray[np.float64] = (amplitude / orders * np.sin(2 * np.pi * mains * orders * time + orders)).sum(axis=0)
    return made


@pytest.mark.parametrize("mains", [50, 60])
@pytest.mark.parametrize("seconds", [0.6, 1.0, 5.0])
@pytest.mark.parametrize("rate", [8000, 44100])
def test_mains_hum_is_told_by_its_harmonics(mains: int, seconds: float, rate: int) -> None:
    humming = voice(seconds, rate) + hum(mains, seconds, 0.01, rate)
    found, decibels = mains_hum(humming.astype(np.float32), rate)
    assert found == mains
    assert -40 < decibels < -10
    assert mains_hum(voice(seconds, rate).astype(np.float32), rate) == (None, 0.0)


def test_clipping_is_told_and_loud_tones_are_not_clipped() -> None:
    time = np.arange(RATE) / RATE
    for gain in (1.5, 4.0):
        cut = np.clip(gain * np.sin(2 * np.pi * 90 * time), -0.8, 0.8)
        assert clipped_share(cut.astype(np.float32)) > 0.3
    assert clipped_share(np.clip(8 * voice(), -0.6, 0.6).astype(np.float32)) > 0.05
    for whole in (np.sin(2 * np.pi * 90 * time), voice(), 0.99 * np.sign(voice()) * np.abs(voice()) ** 0.5):
        assert clipped_share(whole.astype(np.float32)) == 0
    eight_bits = np.rint(127 * np.sin(2 * np.pi * 60 * time)) / 127
    assert clipped_share(eight_bits.astype(np.float32)) == 0


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Finding], list[str]]:
    """Of a folder of tones with planted faults."""
    folder = tmp_path_factory.mktemp("faults") / "data"
    write_tones(folder, 12)
    planted = {
        "low/silent.wav": wav(1e-4 * tone(300, 0.5)),
        "low/nothing.wav": wav(np.zeros(4000)),
        "low/clipped.wav": wav(np.clip(8 * tone(330, 0.5), -0.7, 0.7)),
        "middle/short.wav": wav(tone(900, 0.05)),
        "middle/slow.wav": wav(tone(900, 0.5, rate=4000), 4000),
        "high/fast.wav": wav(tone(2500, 0.5, rate=44100), 44100),
        "high/humming.wav": wav(np.pad(tone(2500, 0.5), 1000) + hum(50, 0.75, 0.01)),
        "high/broken.wav": wav(tone(2500, 0.5))[:30],
        "high/named.mp3": wav(tone(2400, 0.5)),
    }
    for name, content in planted.items():
        (folder / name).write_bytes(content)
    source = open_source(str(folder), cache=folder.parent / "cache", for_audit=True)
    source.readers["all"](lambda *_: None)
    return sound_file_faults(source)


def test_each_fault_is_found_once(checked: tuple[list[Finding], list[str]]) -> None:
    findings, notes = checked
    assert notes == []
    assert {(one.kind, one.paths[0]) for one in findings} == {
        ("unreadable", "high/broken.wav"),
        ("wrong_format", "high/named.mp3"),
        ("silent", "low/silent.wav"),
        ("silent", "low/nothing.wav"),
        ("clipped", "low/clipped.wav"),
        ("too_short", "middle/short.wav"),
        ("other_rate", "middle/slow.wav"),
        ("other_rate", "high/fast.wav"),
        ("mains_hum", "high/humming.wav"),
    }
    assert len(findings) == 9
    assert all(0 < one.score <= 1 for one in findings)
    assert all(one.labels == (Path(one.paths[0]).parent.name,) for one in findings)


def test_each_finding_is_said_with_its_figure(checked: tuple[list[Finding], list[str]]) -> None:
    told = {one.paths[0]: one.sentence for one in checked[0]}
    assert "its loudest moment has nothing at all" in told["low/nothing.wav"]
    assert "dB of full scale" in told["low/silent.wav"]
    assert "lasts 0.05 s, and half of the sounds 0." in told["middle/short.wav"]
    assert "has 4,000 samples a second, most have 8,000, and lacks what is above 2,000 Hz" in told["middle/slow.wav"]
    assert "has 44,100 samples a second, most have 8,000. Beholder" in told["high/fast.wav"]
    assert "50 Hz and its multiples are in it all the time" in told["high/humming.wav"]
    assert "of its values are cut off" in told["low/clipped.wav"]


def test_what_most_sounds_have_is_said_once(tmp_path: Path) -> None:
    for name, pitch in (("low", 300), ("high", 500)):
        (tmp_path / "data" / name).mkdir(parents=True)
        for number in range(6):
            made = np.clip(8 * tone(pitch + 10 * number, 0.5, number), -0.7, 0.7)
            (tmp_path / "data" / name / f"{number}.wav").write_bytes(wav(made))
    source = open_source(str(tmp_path / "data"), cache=tmp_path / "cache", for_audit=True)
    findings, notes = sound_file_faults(source)
    assert [one for one in findings if one.kind == "clipped"] == []
    assert notes == ["12 of 12 sounds are clipped; check how they were recorded."]


def test_images_have_no_faults_of_sounds() -> None:
    assert sound_file_faults(open_source("digits")) == ([], [])
