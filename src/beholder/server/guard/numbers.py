"""Whole numbers in an address, where anybody may write anything."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request

from beholder.errors import UsageError

_MOST_DIGITS = 8  # Python refuses to read a number of thousands of digits, and that would be a 500


def number(request: Request, name: str) -> int:
    """The piece of the path that its route calls `name`; 404 where it is no whole number."""
    value = _read(request.path_params[name])
    if value is None:
        raise HTTPException(404)
    return value


def number_in_query(request: Request, name: str, default: int, least: int = 0) -> int:
    """The parameter `name` behind the question mark.

    Raises:
        UsageError: it is no whole number of at least `least`.
    """
    text = request.query_params.get(name, str(default))
    value = _read(text)
    if value is None or value < least:
        raise UsageError(f"Expected {name} to be a whole number of at least {least}. Received: {name}={text[:40]!r}.")
    return value


def _read(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS else None
