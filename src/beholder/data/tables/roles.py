"""Which set each row of a table is of, told by a column: `train`, `val` and `test` by their usual names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from beholder.data.folders.roles import doubtful_name, role_of
from beholder.errors import DataError

_MOST = 1000  # different values: more are numbers or names of something else


def roles_of(
    values: Sequence[str], numbers: Sequence[int], column: str, where: str, *, said: bool
) -> tuple[list[str] | None, list[str]]:
    """The set of each row, None where the column says none, and sentences about what was understood.

    Args:
        values: of the column.
        numbers: of the rows.
        column: its name.
        where: the table.
        said: whether the person named the column; otherwise it is left alone where none of its values is a set.

    Raises:
        DataError: a value that is no name of a set, beside others that are.
    """
    different = dict.fromkeys(values)
    role = {value: role_of(value) for value in different} if len(different) <= _MOST else dict.fromkeys(different)
    if not said and not any(role.values()):
        named = ", ".join(map(repr, list(role)[:3]))
        told = f"The column {column!r} names no sets (such as {named}) and is not used." if any(role) else ""
        return None, [told] if told else []
    for value, one in role.items():
        if one is None:
            row = numbers[values.index(value)]
            has = f"has {value!r}" if value else "has nothing"
            raise DataError(
                f"Row {row} of {where!r} {has} in the column {column!r} ({Counter(values)[value]:,} in all), which is "
                "not the name of a set; write train, validation or test."
            )
    present = {one for one in role.values() if one is not None}
    notes = [note for value in role if (note := doubtful_name(value, present))]
    return [str(role[value]) for value in values], notes
