"""What the doctor says of a data set: one finding a line, worst first."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

Kind = Literal[
    "unreadable",
    "wrong_format",
    "low_information",
    "odd_size",
    "exif_orientation",
    "dark",
    "light",
    "blurred",
    "silent",
    "clipped",
    "too_short",
    "other_rate",
    "mains_hum",
    "exact_duplicate",
    "near_duplicate",
    "group_across_sets",
    "wrong_label",
    "outlier",
    "few_images",
    "imbalance",
    "inseparable",
]


@dataclass(frozen=True)
class Finding:
    """Something about a data set that a person may want to decide on.

    Attributes:
        kind: what it is.
        paths: names of the images in the data, as corrections name them; each once; none where it is about classes.
        sets: for each path the set that it lies in: `train`, `validation`, `test`, or `all` where none was made.
        score: 0 to 1, how sure the doctor is; findings of one kind rank by it.
        labels: for each path the class that the data gives it; empty where it is about no image.
        suggestion: of a wrong label the class that is more likely; of classes their names; None otherwise.
        sentence: what was found, for people.
        neighbours: names of the images most like a single one, nearest first, for people to compare; may be empty.
    """

    kind: Kind
    paths: tuple[str, ...]
    sets: tuple[str, ...]
    score: float
    labels: tuple[str, ...] = ()
    suggestion: str | None = None
    sentence: str = ""
    neighbours: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """As in `audit --json`."""
        return {
            **asdict(self),
            "paths": list(self.paths),
            "sets": list(self.sets),
            "score": round(self.score, 4),
            "labels": list(self.labels),
            "neighbours": list(self.neighbours),
        }
