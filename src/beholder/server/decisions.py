"""What people decide about single images on a page, kept at once in the corrections file of a run or of an audit."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from starlette.exceptions import HTTPException

from beholder import files
from beholder.data.corrections import Corrections, read_corrections, write_corrections
from beholder.errors import UsageError


class Decisions:
    """A corrections file that a page, its other windows and a person with an editor write.

    Args:
        file: where decisions go.
        class_names: what a label may be.
        before: the corrections that the file begins with.
    """

    def __init__(self, file: Path, class_names: Sequence[str], before: Corrections) -> None:
        self.file = file
        self._class_names = class_names
        self._before = before

    def read(self) -> Corrections:
        """The corrections as they are now.

        Raises:
            DataError: the file is damaged.
        """
        return read_corrections(self.file, self._class_names) if self.file.exists() else self._before

    def decide(self, decisions: list[Any], known: Collection[str], unknown: str) -> Corrections:
        """Keep `decisions` at once, all or none, and return all that was decided.

        Args:
            decisions: dicts of `path`; `action` (`keep`, `drop`, `relabel`, or None to take a decision back); `label`
                where that is `relabel`; and, where the page tells it, `before`, the decision that it showed until now.
            known: the images that may be decided about, beside those that the file names.
            unknown: the sentence about any other, with its name as `{}`.

        Raises:
            UsageError: it is no decision, or about an unknown image.
            HTTPException: 409, somebody else decided about the image meanwhile.
            DataError: an unknown action or class, or the file is damaged.
            StorageError: the disk is full or may not be written to.
        """
        changes = [_change(one) for one in decisions]
        with files.changing(self.file):  # a decision is a change of the whole file, which others may serve too
            corrections = self.read()
            decided = by_path(corrections)
            for one in decisions:
                path = one["path"]
                if path not in known and path not in decided:
                    raise UsageError(unknown.format(repr(path[:200])))
                if "before" in one and one["before"] != decided.get(path):
                    raise HTTPException(
                        409, f"Another window has decided about {path[:200]!r} in the meantime; look at it again."
                    )
            changed = corrections.decided(changes)
            changed.check(self._class_names)
            write_corrections(self.file, changed)
        return changed


def by_path(corrections: Corrections) -> dict[str, dict[str, str]]:
    """From the name of an image to its `action` and `label`."""
    return {one.path: {"action": one.action, "label": one.label} for one in corrections.lines}


def _change(one: Any) -> tuple[str, str | None, str]:
    """Path, action and label of one decision as a page sends it."""
    if not isinstance(one, dict):
        raise UsageError("A decision is a JSON object with path, action and label.")
    path, action, label = one.get("path"), one.get("action"), one.get("label") or ""
    if not isinstance(path, str) or not isinstance(label, str) or not isinstance(action, str | None):
        raise UsageError("A decision's path, action and label are texts; the action may be null.")
    return path, action, label
