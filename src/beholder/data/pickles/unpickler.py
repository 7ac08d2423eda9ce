"""The second wall around a pickle: the few names that it may mention lead to stand-ins, never to any other code."""

from __future__ import annotations

import io
import pickle
from collections.abc import Mapping

from beholder.data.pickles.opcodes import UnreadableError


class RefusedError(Exception):
    """What a pickle wanted to run; a whole clause, for the reader of the file to complete."""


class Name:
    """A name that a pickle may mention; it has no state that a pickle could change."""

    __slots__ = ()

    def __setstate__(self, state: object) -> None:
        raise UnreadableError("it tries to change a function")


class RestrictedUnpickler(pickle.Unpickler):
    """The standard unpickler, which finds the given stand-ins and nothing else.

    Args:
        program: that `check_opcodes` let pass.
        known: from module and name to what stands in for it.
    """

    def __init__(self, program: bytes | bytearray, known: Mapping[tuple[str, str], Name]) -> None:
        super().__init__(io.BytesIO(program), encoding="bytes")
        self._known = known

    def find_class(self, module_name: str, global_name: str, /) -> Name:
        """The stand-in for a name.

        Raises:
            RefusedError: there is none.
        """
        known = self._known.get((module_name, global_name))
        if known is None:
            asked = f"{module_name}.{global_name}"
            raise RefusedError(f"it asks for {asked[:80]!r}, which no such file needs, and nothing in it was run")
        return known
