"""Numbers in an address, which anybody may write there."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request

_MOST_DIGITS = 8


def number(request: Request, name: str) -> int:
    """The part of the address that its route calls `name`, a whole number; 404 for anything else.

    Not Starlette's own `{name:int}`: Python refuses to read a number of thousands of digits, and that would be a 500.
    """
    text = str(request.path_params[name])
    if not (text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS):
        raise HTTPException(404)
    return int(text)
