"""The lines of a CSV file as spreadsheets save it: which encoding, and what parts its fields."""

from __future__ import annotations

import codecs
import csv
import io
import re

_SPREADSHEETS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # .xlsx and .ods are zip archives; .xls is a container of its own
_SEPARATOR = re.compile(r"sep=.\r?\n", re.IGNORECASE)


def is_spreadsheet(content: bytes) -> bool:
    """Whether a file is in a spreadsheet's own format, and no CSV file."""
    return content.startswith(_SPREADSHEETS)


def _text(content: bytes) -> str:
    """The text of a CSV file, as programs save it that say in which of Unicode's encodings."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", "replace")
    # A path is bytes to the system; those that are no text go through as they are.
    return content.decode("utf-8-sig", "surrogateescape")


def encoding_hint(text: str) -> str:
    """What to do about `text` where it was not in UTF-8; empty where it was."""
    return " (the file is not in UTF-8; save it as that)" if any("\udc80" <= sign <= "\udcff" for sign in text) else ""


def lines_of(content: bytes, columns: int) -> list[tuple[int, list[str]]]:
    """The fields of each line that is not empty, with its number; a spreadsheet may part them by `;` or tabs.

    Empty fields beyond so many `columns` are left out.

    Raises:
        csv.Error: it is no CSV file.
    """
    text = _text(content)
    lines, before = [], 0
    if told := _SEPARATOR.match(text):  # how Excel is told, and tells
        text, before = text[told.end() :], 1
    first = text.split("\n", 1)[0]
    delimiter = next((one for one in (",", ";", "\t") if one in first), ",")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    skipped = before
    for row in reader:
        while len(row) > columns and not row[-1].strip():
            row.pop()  # a spreadsheet's empty columns
        if any(row):
            lines.append((before + 1, row))
        before = skipped + reader.line_num
    return lines
