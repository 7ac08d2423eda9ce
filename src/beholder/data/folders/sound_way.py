"""Listed sounds: one rate and one length of a clip for all, chosen from a sample."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from beholder.data.folders.how import Reading, Way
from beholder.data.folders.listing import Listing
from beholder.data.images.cache import ImageFiles, Loaded
from beholder.data.images.endings import endings_in_words
from beholder.data.images.places import Place
from beholder.data.kinds import SOUNDS
from beholder.data.progress import Progress
from beholder.data.sampling import sample_headers
from beholder.data.sounds.headers import SoundHeader
from beholder.data.sounds.lengths import clip_rate, clip_seconds
from beholder.data.sounds.loading import load_sounds
from beholder.data.sounds.needs import require_miniaudio
from beholder.data.sounds.reading import sound_header
from beholder.data.sounds.rules import SoundRules

_SAMPLE = 1000  # sounds whose headers are read


@dataclass(frozen=True)
class SoundWay(Way):
    """Sounds by the rules `sound`."""

    sound: SoundRules
    notes: tuple[str, ...] = ()

    def load(self, wanted: ImageFiles, *, cache: Path, progress: Progress) -> Loaded:
        """As `Way.load`."""
        return load_sounds(wanted, self.sound, cache=cache, progress=progress)

    def found(self, listing: Listing, loaded: Loaded, *, learned: bool) -> Iterator[str]:  # noqa: ARG002  of all sets
        """As `Way.found`: which sounds lack their ends."""
        if cut := endings_in_words([listing.paths[row] for row in loaded.endless], SOUNDS):
            yield cut


def sound_way(place: Place, measured: Sequence[Listing], reading: Reading) -> SoundWay:
    """How the sounds of data are read, told from those `measured`, in `place`.

    Raises:
        UsageError: miniaudio is missing.
        DataError: none of a sample of them can be read.
    """
    require_miniaudio()
    names = [path for listing in measured for path in listing.paths]
    headers = sample_headers(place, names, sound_header, _SAMPLE, "sounds")
    rules = choose_sound_rules(headers, reading)
    chosen = reading.rules is None and reading.seconds is None
    return SoundWay(rules, (rules_in_words(rules, headers, chosen=chosen),))


def choose_sound_rules(headers: Sequence[SoundHeader], reading: Reading) -> SoundRules:
    """The rate and the length of a clip: those of an earlier model, or as a person says, or from these `headers`."""
    if isinstance(reading.rules, SoundRules):
        return reading.rules
    rate = clip_rate([header.rate for header in headers])
    seconds = clip_seconds([header.seconds for header in headers]) if reading.seconds is None else reading.seconds
    return SoundRules(rate, seconds)


def rules_in_words(rules: SoundRules, headers: Sequence[SoundHeader], *, chosen: bool) -> str:
    """One sentence: the rate, the length of a clip, whether we have `chosen` it, and how many sounds are longer."""
    rates = Counter(header.rate for header in headers)
    usual, count = rates.most_common(1)[0]
    others = len(headers) - count
    if not others:
        rate = f"{rules.rate:,} Hz" if usual == rules.rate else f"{rules.rate:,} Hz (from {usual:,})"
    else:
        rate = f"{rules.rate:,} Hz (from {min(rates):,} to {max(rates):,})"
    longer = sum(header.seconds > rules.seconds + rules.step for header in headers)
    which = f"{longer:,} of {len(headers):,} looked at are longer and become several" if longer else "none is longer"
    hint = " (--seconds decides otherwise)" if chosen else ""
    return f"Sounds become images of time and pitch at {rate}, in clips of {rules.seconds:g} s{hint}; {which}."
