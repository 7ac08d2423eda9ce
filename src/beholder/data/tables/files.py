"""A table as a file: the names of its columns, and the values of those that are wanted, each as text."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import BinaryIO

Values = list[str]
Open = Callable[[], AbstractContextManager[BinaryIO]]


class TableFile(ABC):
    """A table; nothing of it is read before it is asked for.

    Args:
        where: what the person calls it.
        open: opens its bytes, from the first on.
    """

    def __init__(self, where: str, open: Open) -> None:  # noqa: A002  it is what it is
        self.where = where
        self.open = open

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know of how it is read."""
        return ()

    @property
    @abstractmethod
    def columns(self) -> list[str]:
        """Their names.

        Raises:
            DataError: it is empty, damaged or no such table.
        """

    @abstractmethod
    def read(self, wanted: Sequence[str]) -> tuple[list[Values], Sequence[int]]:
        """The values of the columns `wanted`, empty where a row has none, and the number of each row.

        Raises:
            DataError: it is damaged.
        """
