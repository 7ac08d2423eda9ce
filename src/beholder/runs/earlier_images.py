"""Which images the network that a run started from had seen, and those before it: kept beside its weights."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beholder.data.stored_arrays import Arrays, read_arrays, texts_from_array, texts_to_array, write_arrays
from beholder.errors import RunError

EARLIER_FILE = "initial.npz"
_SETS = ("learned", "chosen_by")
HASH_BYTES = 16
MOST_TOLD = 4_000_000_000  # bytes that a file of hashes may unpack to: of ten million images and their names


@dataclass(frozen=True)
class EarlierImages:
    """What the networks before a run's own had seen, through all runs that started from each other.

    Attributes:
        learned: hashes of the images of their training sets, as `Dataset.contents`.
        chosen_by: of those of their validation sets.
        learned_groups: the groups of the former, without `ALONE`.
        chosen_by_groups: of the latter.
        known: whether that is all; a network in a file does not say what it has seen, and images that are fitted
            otherwise than for it cannot be found again.
    """

    learned: frozenset[bytes] = frozenset()
    chosen_by: frozenset[bytes] = frozenset()
    learned_groups: frozenset[str] = frozenset()
    chosen_by_groups: frozenset[str] = frozenset()
    known: bool = True

    @property
    def seen(self) -> frozenset[bytes]:
        """Hashes of all."""
        return self.learned | self.chosen_by

    @property
    def seen_groups(self) -> frozenset[str]:
        """Groups of all."""
        return self.learned_groups | self.chosen_by_groups


NONE = EarlierImages()


def write_earlier(run: Path, earlier: EarlierImages) -> None:
    """Keep `earlier` in the RUN folder `run`, whole or not at all.

    Raises:
        StorageError: the disk is full or may not be written to.
    """
    arrays: Arrays = {"known": np.array(earlier.known)}
    for name in _SETS:
        hashes: Iterable[bytes] = sorted(getattr(earlier, name))
        arrays[name] = np.frombuffer(b"".join(hashes), np.uint8).reshape(-1, HASH_BYTES)
        arrays[f"{name}_groups"] = texts_to_array(sorted(getattr(earlier, f"{name}_groups")))
    write_arrays(run / EARLIER_FILE, arrays)


def read_earlier(run: Path) -> EarlierImages:
    """What `write_earlier` kept in the RUN folder `run`; `NONE` where it started from nothing.

    Raises:
        RunError: it is damaged.
    """
    path = run / EARLIER_FILE
    try:
        read = read_arrays(path, most_bytes=MOST_TOLD)
        learned, chosen_by = (_hashes(read[name]) for name in _SETS)
        learned_groups, chosen_by_groups = (frozenset(texts_from_array(read[f"{name}_groups"])) for name in _SETS)
        return EarlierImages(learned, chosen_by, learned_groups, chosen_by_groups, known=bool(read["known"]))
    except FileNotFoundError:
        return NONE
    except (OSError, ValueError, KeyError) as error:
        raise RunError(f"{str(path)!r} is damaged; restore it from a copy, or train again.") from error


def _hashes(stored: NDArray[Any]) -> frozenset[bytes]:
    if stored.dtype != np.uint8 or stored.ndim != 2 or stored.shape[1] != HASH_BYTES:
        raise ValueError(stored.shape)
    return frozenset(row.tobytes() for row in stored)
