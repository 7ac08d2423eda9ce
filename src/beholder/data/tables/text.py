"""Tables as text, separated by commas, semicolons, tabs or bars: their encoding, their separator, and their rows."""

from __future__ import annotations

import codecs
import csv
import io
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property

from beholder.data.tables.files import TableFile, Values
from beholder.errors import DataError

_SEPARATORS = ",;\t|"
_START = 1 << 16  # characters in which the first row ends
_CHUNK = 1 << 20
_BYTE_ORDERS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class TextTable(TableFile):
    """A `.csv` or `.tsv` file; quotes are those of RFC 4180, lines may end in any way."""

    @cached_property
    def encoding(self) -> str:
        """UTF-8 if it is that, UTF-16 if it says so, else Windows-1252, of which Latin-1 is all but a part."""
        with self.open() as stream:
            start = stream.read(2)
        if start in _BYTE_ORDERS:
            return "utf-16"
        return next(one for one in ("utf-8-sig", "cp1252", "latin-1") if self._decodes(one))

    @property
    def notes(self) -> tuple[str, ...]:
        """As `TableFile.notes`."""
        if self.encoding in ("utf-8-sig", "utf-16"):
            return ()
        return (
            f"{self.where!r} is not UTF-8 and was read as Windows-1252 (Latin-1); save it as UTF-8 if that is wrong.",
        )

    @cached_property
    def columns(self) -> list[str]:
        """As `TableFile.columns`."""
        return [name.strip() for name in self._first]

    def read(self, wanted: Sequence[str]) -> tuple[list[Values], Sequence[int]]:
        """As `TableFile.read`; a row's number is what a spreadsheet shows: the first has the names."""
        places = [self.columns.index(name) for name in wanted]
        most = len(self.columns)
        values: list[Values] = [[] for _ in wanted]
        known: dict[str, str] = {}  # labels are few: each is kept once
        numbers = array("q")
        add_number, (add_first, *adding) = numbers.append, [one.append for one in values]
        first, rest = places[0], list(zip(adding, places[1:], strict=True))
        rows = self._rows()
        next(row for _, row in rows if any(row))
        for number, row in rows:
            if len(row) != most:
                if not any(row):
                    continue
                self._even(number, row)
            add_first(row[first].strip())
            for add, place in rest:
                value = row[place]
                add(known[value] if value in known else known.setdefault(value, value.strip()))
            add_number(number)
        return values, numbers

    def _even(self, number: int, row: list[str]) -> None:
        """Give a row a field for each column.

        Raises:
            DataError: it has more.
        """
        most = len(self.columns)
        if any(row[most:]):
            raise DataError(
                f"Row {number} of {self.where!r} has {len(row)} fields, where the first has {most}; put fields that "
                "hold a separator into quotes."
            )
        row.extend([""] * (most - len(row)))

    @cached_property
    def _separator(self) -> str:
        """The one that parts the first row into most fields."""
        with self._text() as text:
            start = text.read(_START)
        if "\0" in start:
            raise DataError(f"{self.where!r} is not text; save the table as CSV, in UTF-8.")
        usual = "\t" if self.where.lower().endswith(".tsv") else ","
        return max(_SEPARATORS, key=lambda one: (_fields(start, one), one == usual))

    @property
    def _first(self) -> list[str]:
        first = next((row for _, row in self._rows() if any(row)), None)
        if first is None:
            raise DataError(f"{self.where!r} is empty; begin it with the names of its columns, path and label.")
        while len(first) > 1 and not first[-1].strip():
            first.pop()  # a spreadsheet's empty columns
        return first

    def _rows(self) -> Iterator[tuple[int, list[str]]]:
        """Each row with its number, from 1."""
        number, separator = 0, self._separator
        with self._text() as text:
            try:
                for number, row in enumerate(
                    csv.reader(text, delimiter=separator, skipinitialspace=True, strict=True), start=1
                ):
                    yield number, row
            except csv.Error as error:
                raise DataError(
                    f"Row {number + 1} of {self.where!r} cannot be read ({error}); check its quotes."
                ) from error

    @contextmanager
    def _text(self) -> Iterator[io.TextIOWrapper]:
        with self.open() as stream, io.TextIOWrapper(stream, self.encoding, newline="") as text:
            try:
                yield text
            except UnicodeError as error:  # UTF-16 alone is believed unseen
                raise DataError(f"{self.where!r} is not complete text in UTF-16; save it again, in UTF-8.") from error

    def _decodes(self, encoding: str) -> bool:
        decoder = codecs.getincrementaldecoder(encoding)()
        with self.open() as stream:
            try:
                while chunk := stream.read(_CHUNK):
                    decoder.decode(chunk)
                decoder.decode(b"", final=True)
            except UnicodeDecodeError:
                return False
        return True


def _fields(start: str, separator: str) -> int:
    """How many fields the first row has."""
    try:
        reader = csv.reader(io.StringIO(start, newline=""), delimiter=separator, skipinitialspace=True, strict=True)
        return len(next((row for row in reader if any(row)), []))
    except csv.Error:
        return 0
