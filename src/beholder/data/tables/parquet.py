"""Tables as Parquet files, where pyarrow is installed; the only room that reads data by it."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from beholder.data.tables.files import TableFile, Values
from beholder.data.tables.json_lines import as_text
from beholder.errors import BeholderError, DataError, UsageError

_ROWS = 1 << 16  # that are in memory at once as objects


class ParquetTable(TableFile):
    """A `.parquet` file; its rows are numbered from 1."""

    @cached_property
    def columns(self) -> list[str]:
        """As `TableFile.columns`."""
        with self._opened() as file:
            return [str(name) for name in file.schema_arrow.names]

    def read(self, wanted: Sequence[str]) -> tuple[list[Values], Sequence[int]]:
        """As `TableFile.read`."""
        values: list[Values] = [[] for _ in wanted]
        count = 0
        with self._opened() as file:
            for batch in file.iter_batches(_ROWS, columns=list(wanted), use_threads=False):
                for known, name in zip(values, wanted, strict=True):
                    known.extend(self._texts(batch, name, count))
                count += len(batch)
        return values, range(1, count + 1)

    def _texts(self, batch: Any, name: str, before: int) -> Iterator[str]:
        import pyarrow as pa

        column = batch.column(name)
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        known: dict[str, str] = {}
        for row, value in enumerate(column.to_pylist(), start=before + 1):
            text = value if isinstance(value, str) else as_text(value, f"Row {row} of {self.where!r}", name)
            text = text.strip()
            yield known.setdefault(text, text)

    @contextmanager
    def _opened(self) -> Iterator[Any]:
        if importlib.util.find_spec("pyarrow") is None:
            raise UsageError(
                f"Reading {self.where!r} needs 'pyarrow', which is not installed; run `pip install pyarrow`, or save "
                "the table as CSV."
            )
        import pyarrow.parquet as pq

        try:
            with self.open() as stream:
                yield pq.ParquetFile(stream)
        except BeholderError:
            raise
        except Exception as error:  # pyarrow answers damage with errors of Arrow, of the system and of Python
            reason = " ".join(str(error).split())[:120].rstrip(".") or type(error).__name__
            raise DataError(f"Cannot read {self.where!r}: {reason}; get a complete copy.") from error
