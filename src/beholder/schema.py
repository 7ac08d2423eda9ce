"""The one number of the layout of all documents, and what is said of a document of another."""

from __future__ import annotations

import json
import re
from typing import Any

from beholder.errors import BeholderError

# What Python says of a call with one argument too many, or too few.
_ARGUMENT = re.compile(r"(unexpected) keyword argument '(\w+)'|missing \d+ required.* arguments?: '(\w+)'")

SCHEMA = 2  # 1 was that of Beholder 0.1


def why_unread(schema: Any) -> str | None:
    """Why a document of this `schema` is not read, to follow its path; None where it is."""
    if schema == SCHEMA:
        return None
    if schema == 1:
        return "was written by Beholder 0.1, which this version does not read"
    if isinstance(schema, int) and schema > SCHEMA:
        return f"was written by a newer Beholder (schema {schema}; this one reads {SCHEMA}): update Beholder"
    return f"is damaged (its schema is {schema!r})"


def why_damaged(error: Exception) -> str:
    """What is wrong with a document, in words, from what was raised while it was read or walked through."""
    if isinstance(error, KeyError):
        return f"it has no {str(error.args[0])!r}"
    if isinstance(error, json.JSONDecodeError | UnicodeDecodeError | RecursionError):
        return "it is not JSON"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror[0].lower() + error.strerror[1:]
    if isinstance(error, BeholderError):
        return str(error).rstrip(".")
    if match := _ARGUMENT.search(str(error)):
        return f"it has a field {match[2]!r} that this version does not know" if match[1] else f"it has no {match[3]!r}"
    return f"something in it is of the wrong kind: {error}"
