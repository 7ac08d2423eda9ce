"""Tables as JSON Lines: an object a line, with a value for each of its columns."""

from __future__ import annotations

import codecs
import json
from array import array
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import islice
from typing import Any

from beholder.data.tables.files import TableFile, Values
from beholder.errors import DataError

_BLOCK = 200  # lines that are read at once
_LOOKED_AT = 100  # lines whose names are columns: a value that is missing may have none


class JsonLinesTable(TableFile):
    """A `.jsonl` file in UTF-8; a row's number is that of its line."""

    @cached_property
    def columns(self) -> list[str]:
        """As `TableFile.columns`."""
        rows = [row for _, row in islice(self._rows(), _LOOKED_AT)]
        if not rows:
            raise DataError(f'{self.where!r} is empty; write a line such as {{"path": …, "label": …}} for each file.')
        return list(dict.fromkeys(name for row in rows for name in row))

    def read(self, wanted: Sequence[str]) -> tuple[list[Values], Sequence[int]]:
        """As `TableFile.read`."""
        values: list[Values] = [[] for _ in wanted]
        numbers = array("q")
        known: dict[Any, str] = {}
        adding = [(one.append, name) for one, name in zip(values, wanted, strict=True)]
        for number, row in self._rows():
            for add, name in adding:
                value = row.get(name, "")
                if type(value) is not str:
                    value = as_text(value, f"Line {number} of {self.where!r}", name)
                value = value.strip()
                add(known.setdefault(value, value) if name != wanted[0] else value)
            numbers.append(number)
        return values, numbers

    def _rows(self) -> Iterator[tuple[int, dict[str, Any]]]:
        before = 0
        with self.open() as stream:
            while lines := list(islice(stream, _BLOCK)):
                if before == 0:
                    lines[0] = lines[0].removeprefix(codecs.BOM_UTF8)
                rows = _all_at_once(lines)
                if rows is None:
                    yield from self._one_by_one(lines, before)
                else:
                    yield from enumerate(rows, start=before + 1)
                before += len(lines)

    def _one_by_one(self, lines: Sequence[bytes], before: int) -> Iterator[tuple[int, dict[str, Any]]]:
        for number, line in enumerate(lines, start=before + 1):
            if not line.strip():
                continue
            try:
                row = _row(line)
            except (ValueError, RecursionError) as error:
                raise DataError(
                    f"Line {number} of {self.where!r} is not a JSON object in UTF-8; correct it."
                ) from error
            yield number, row


def _all_at_once(lines: Sequence[bytes]) -> list[dict[str, Any]] | None:
    """The objects of some lines, in half of the time; None where they have to be looked at one by one."""
    block = b",".join(lines)
    # A line that is whole by itself; what is half of a pair of surrogates is no text.
    if b"\\u" in block or not all(line.startswith(b"{") and line.rstrip().endswith(b"}") for line in lines):
        return None
    try:
        rows = json.loads(b"[%b]" % block)
    except (ValueError, RecursionError):
        return None
    return rows if len(rows) == len(lines) and all(type(row) is dict for row in rows) else None


def _row(line: bytes) -> dict[str, Any]:
    row = json.loads(line)
    if not isinstance(row, dict):
        raise ValueError(line[:20])  # noqa: TRY004  as of what is no JSON
    if b"\\u" in line:  # half of a pair of surrogates is no text
        json.dumps(row, ensure_ascii=False).encode()
    return row


def as_text(value: Any, where: str, name: str) -> str:
    """A value that is no text as it would stand in a CSV file: `3` for 3.0 too, empty for none.

    Raises:
        DataError: a list or an object.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int | float):
        return "" if value != value else str(value)  # noqa: PLR0124  what is no number is missing
    raise DataError(f"{where} has {type(value).__name__} in {name!r}; write a text or a number.")
