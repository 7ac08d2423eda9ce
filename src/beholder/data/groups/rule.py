"""What says which images belong together: a pattern on their paths, a column of a table, or values given in Python."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from beholder.errors import UsageError

ALONE = ""  # the group of an image that belongs with no other


@dataclass(frozen=True)
class GroupRule:
    """What says which images belong together.

    Attributes:
        kind: `pattern`, `column` or `given`.
        value: the regular expression, or the name of the column; empty where groups were given.
    """

    kind: Literal["pattern", "column", "given"]
    value: str = ""

    def __str__(self) -> str:
        """As a part of a sentence, after `by`."""
        return "the groups given" if self.kind == "given" else f"the {self.kind} {self.value!r}"

    def to_json(self) -> dict[str, str]:
        """As documents keep it."""
        return {"by": self.kind, "rule": self.value}


def compiled(pattern: str) -> re.Pattern[str]:
    """The regular expression that a person gave; its first capture group is to be the group.

    Raises:
        UsageError: it is none, or has no capture group.
    """
    if not isinstance(pattern, str):
        raise UsageError(f"Expected a text for group_pattern. Received: {pattern!r}.")
    try:
        expression = re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise UsageError(
            f"The group pattern {pattern!r} is not a regular expression of Python ({error}); correct it."
        ) from error
    if not expression.groups:
        raise UsageError(
            f"The group pattern {pattern!r} has no capture group; put the part of the path that names the group into "
            "parentheses."
        )
    return expression


def group_in(expression: re.Pattern[str], path: str) -> str:
    """What the first capture group finds in `path`; `ALONE` where the expression does not match."""
    found = expression.search(path)
    return (found.group(1) or ALONE) if found else ALONE
