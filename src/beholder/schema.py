"""The one number of the layout of all documents, and what is said of a document of another."""

from __future__ import annotations

from typing import Any

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
