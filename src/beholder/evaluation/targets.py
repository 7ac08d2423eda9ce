"""What somebody wants to be promised of one class, a recall or a precision, and whether there are images for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from beholder.data.kinds import IMAGES, FileKind
from beholder.errors import UsageError
from beholder.evaluation.abstention import CONFIDENCE, fewest_images
from beholder.evaluation.groups import one_of_each
from beholder.evaluation.shares import as_said

_LISTED = 10  # class names in a sentence


@dataclass(frozen=True)
class Target:
    """What is to be promised.

    Attributes:
        figure: `recall`, the share of the class's images that get its name; or `precision`, the share of the images
            with its name that are of the class.
        class_name: of the class.
        asked: the least share, between 0 and 1, both excluded.
    """

    figure: Literal["recall", "precision"]
    class_name: str
    asked: float

    @property
    def fewest(self) -> int:
        """How many validation images of the class it takes to promise it at all: all found, and no other with them."""
        return fewest_images(1 - self.asked)


def target_of(recall: dict[str, float] | None, precision: dict[str, float] | None) -> Target | None:
    """The target of somebody who asked for the `recall` or the `precision` of a class, or for neither.

    Raises:
        UsageError: for both.
    """
    if recall and precision:
        raise UsageError("One threshold keeps one promise; give --target-recall or --target-precision, not both.")
    for figure, asked in (("recall", recall), ("precision", precision)):
        for name, share in (asked or {}).items():
            return Target("recall" if figure == "recall" else "precision", name, share)
    return None


def check_target(
    target: Target,
    class_names: Sequence[str],
    labels: NDArray[np.int64],
    groups: Sequence[str] | None = None,
    kind: FileKind = IMAGES,
    judged: str | None = "validation",
) -> None:
    """Refuse a `target` that no network could be promised to reach on a validation set.

    Args:
        target: what is asked.
        class_names: of the data.
        labels: (N,) int64, the true classes of the validation images.
        groups: of each, as `Dataset.groups`; several images of one count as one.
        kind: of the files.
        judged: the set that they are; None: all, which are judged out of fold.

    Raises:
        UsageError: it is of no class, of the only one, or of one with too few images.
    """
    if target.class_name not in class_names:
        more = f" and {len(class_names) - _LISTED} more" if len(class_names) > _LISTED else ""
        listed = ", ".join(class_names[:_LISTED])
        raise UsageError(f"There is no class {target.class_name!r}; the classes are {listed}{more}.")
    if len(class_names) == 1:
        raise UsageError(f"{target.class_name!r} is the only class, so every answer is right; leave the target out.")
    own = np.flatnonzero(labels == list(class_names).index(target.class_name))
    count = len(own) if groups is None else len(one_of_each([groups[row] for row in own.tolist()]))
    if count < target.fewest:
        files = kind.plural if judged is None else f"{judged} {kind.plural}"
        what = f"{'' if groups is None else 'groups with '}{files} of the class"
        raise UsageError(
            f"{as_said(target.asked)} {target.figure} of {target.class_name!r} cannot be promised: at "
            f"{as_said(CONFIDENCE)} confidence this takes at least {target.fewest:,} {what}, and there "
            f"{'is' if count == 1 else 'are'} {count:,}; {_way_out(count, kind)}."
        )


def _way_out(count: int, kind: FileKind) -> str:
    """What can be done with `count` files of the class, or groups with one."""
    possible = int(1000 * (1 - CONFIDENCE) ** (1 / count)) / 1000 if count else 0.0
    more = f"add {kind.plural}"
    return f"{more}, or ask for {as_said(possible)} at most" if possible >= 0.5 else f"{more} of it"
