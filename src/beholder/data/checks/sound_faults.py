"""What is wrong with single sound files: unreadable, misnamed, silent, clipped, too short, of another rate, humming."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from beholder.cores import usable_cores
from beholder.data.checks.about_files import AboutFiles, worst_first
from beholder.data.checks.findings import Finding, Kind
from beholder.data.checks.silence import SILENT
from beholder.data.checks.sound_measures import LOOKED_AT, SoundMeasures, measure_sound
from beholder.data.progress import Progress, silent
from beholder.data.sounds.formats import SUFFIXES_OF
from beholder.data.sounds.rules import LEAST_SECONDS
from beholder.data.source import Source
from beholder.errors import ImageError

_SHORT = 0.2  # of the usual length
_USUAL = 0.8  # of the sounds: so many have to be of one rate that another is odd
_MOST = 0.5  # of the sounds: what more of them have is how these data are, and no fault of one
_LOUD_HUM = -40.0  # decibels against the sound, which is the least that is told

_Measured = list[tuple[str, SoundMeasures]]
_Told = Iterator[tuple[str, float, str]]  # name, score and sentence


def sound_file_faults(source: Source, progress: Progress = silent) -> tuple[list[Finding], list[str]]:
    """Findings about single sound files, of each kind the worst first, and sentences about what most of them have.

    What could not be read is known once the sets of `source` were read.
    """
    if source.place is None or source.sound is None:
        return [], []
    about = AboutFiles(source)
    found = about.unreadable()
    measured, failures = _measured(source, about.readable, progress)
    found += [about.finding("unreadable", name, 1.0, sentence) for name, sentence in failures]
    for name, one in measured:
        if Path(name).suffix.lower() not in SUFFIXES_OF[one.header.format]:
            sentence = f"{name} is a {one.header.format} file, which its name does not say; it is read all the same."
            found.append(about.finding("wrong_format", name, 1.0, sentence))
    notes: list[str] = []
    checks: tuple[tuple[Kind, _Told, str], ...] = (
        ("silent", _silent(measured), "silent or nearly so"),
        ("clipped", _clipped(measured), "clipped"),
        ("too_short", _too_short(measured), "very short"),
        ("other_rate", _other_rates(measured, source.sound.rate), "of another rate"),
        ("mains_hum", _humming(measured), "full of mains hum"),
    )
    for kind, told, words in checks:
        named = list(told)
        if len(named) > max(1, _MOST * len(measured)):
            notes.append(f"{len(named):,} of {len(measured):,} sounds are {words}; check how they were recorded.")
        else:
            found += worst_first(about.finding(kind, *one) for one in named)
    return found, notes


def _measured(source: Source, names: Sequence[str], progress: Progress) -> tuple[_Measured, list[tuple[str, str]]]:
    """What each file is, and why some cannot be read."""
    measured: _Measured = []
    failures: list[tuple[str, str]] = []
    with ThreadPoolExecutor(usable_cores()) as threads:  # decoders and NumPy let go of the interpreter
        for done, (name, one) in enumerate(threads.map(partial(_one, source), names), start=1):
            if isinstance(one, str):
                failures.append((name, one))
            else:
                measured.append((name, one))
            if done % 64 == 0 or done == len(names):
                progress("Checking sounds", done, len(names))
    return measured, failures


def _one(source: Source, name: str) -> tuple[str, SoundMeasures | str]:
    assert source.place is not None  # noqa: S101  asked before
    try:
        return name, measure_sound(source.place.image(name))
    except ImageError as error:
        return name, str(error)


def _silent(measured: _Measured) -> _Told:
    for name, one in measured:
        if one.peak <= SILENT:
            loud = "nothing at all" if not one.peak else f"{20 * math.log10(one.peak):.0f} dB of full scale"
            yield name, 1 - one.peak / SILENT / 2, f"{name} is silent: its loudest moment has {loud}. Drop it."


def _clipped(measured: _Measured) -> _Told:
    for name, one in measured:
        if one.clipped:
            first = " in its first minute" if one.seconds > LOOKED_AT else ""
            sentence = (
                f"{name} is clipped: {one.clipped:.1%} of its values are cut off at its loudest{first}. Record it "
                "again, softer; where most sounds of a class are clipped, the network learns the clipping."
            )
            yield name, min(0.5 + 5 * one.clipped, 1.0), sentence


def _too_short(measured: _Measured) -> _Told:
    lengths = sorted(one.seconds for _, one in measured)
    usual = lengths[len(lengths) // 2] if lengths else 0.0
    least = max(LEAST_SECONDS, _SHORT * usual)
    for name, one in measured:
        if one.seconds < least:
            sentence = f"{name} lasts {one.seconds:.2f} s, and half of the sounds {usual:.2f} s or more. Is it whole?"
            yield name, 1 - one.seconds / least / 2, sentence


def _other_rates(measured: _Measured, rate: int) -> _Told:
    rates = Counter(one.header.rate for _, one in measured)
    usual, count = rates.most_common(1)[0] if rates else (0, 0)
    if count < _USUAL * len(measured):
        return
    for name, one in measured:
        own = one.header.rate
        if own != usual:
            lacking = f", and lacks what is above {own // 2:,} Hz" if own < min(usual, rate) else ""
            sentence = (
                f"{name} has {own:,} samples a second, most have {usual:,}{lacking}. Beholder brings all to {rate:,}; "
                "see to it that no class is told by its recorder."
            )
            yield name, 0.9 if lacking else 0.5, sentence


def _humming(measured: _Measured) -> _Told:
    for name, one in measured:
        if one.hum is not None:
            sentence = (
                f"{name} hums: {one.hum} Hz and its multiples are in it all the time, {-one.hum_decibels:.0f} dB below "
                "the whole sound. Filter it, or see to it that no class is told by its hum."
            )
            yield name, min(max(1 - one.hum_decibels / _LOUD_HUM, 0.05), 1.0), sentence
