"""What is to be answered in bulk: images as files, or as rows of a Parquet data set, cut into parts when listed.

The parts are a function of the source alone, in a fixed order. That is what lets a job that was killed go on: the same
listing gives the same parts, and what of them is written is left out.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import compress, islice
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from beholder.answering.bulk.locations import Location, first_line, locate, plain, system_errors
from beholder.data.kinds import IMAGES, FileKind
from beholder.errors import DataError, ImageError, UsageError

_FETCHERS, _AHEAD = 16, 256  # an object store answers after tens of milliseconds: many are asked at once
_ROWS = 256  # of a row group that are in memory at once
_BUFFER = 1 << 20  # bytes of a Parquet file that are read at once

# How an image is called, the key of its row (None for files), and the image: path, bytes, or why there are none.
Fetched = tuple[str, str | None, str | bytes | ImageError]


@dataclass(frozen=True)
class Part:
    """Images that one worker answers together, into one file."""

    paths: tuple[str, ...] = ()  # of the images; none where they are bytes in `file`
    file: str = ""  # the Parquet file that they are rows of; empty for images as files
    group: int = 0  # the row group that holds them
    rows: Sequence[int] = ()  # their numbers in `file`

    def __len__(self) -> int:
        return len(self.rows) if self.file else len(self.paths)

    def only(self, wanted: Sequence[bool]) -> Part:
        """Those images alone for which `wanted` holds."""
        return replace(self, paths=tuple(compress(self.paths, wanted)), rows=tuple(compress(self.rows, wanted)))


class BulkSource(ABC):
    """Images for bulk answers, in a fixed order."""

    by_row = False  # whether images are told apart by their row, or by their path

    def __init__(self, where: Location, kind: FileKind = IMAGES) -> None:
        self.where, self.kind = where, kind

    @abstractmethod
    def parts(self, size: int) -> Iterator[Part]:
        """All images, `size` to a part where the source allows it; listed as they are asked for."""

    @abstractmethod
    def count(self) -> int:
        """How many images there are."""

    @abstractmethod
    def keys(self, part: Part) -> list[str]:
        """What tells each image of `part` from all others of this source."""

    @abstractmethod
    def fetch(self, part: Part) -> Iterator[Fetched]:
        """The images of `part`, in order, a few at a time in memory; never raises for a single image."""


class Files(BulkSource):
    """Image files, in the order of their paths."""

    def parts(self, size: int) -> Iterator[Part]:
        """As `BulkSource.parts`."""
        paths = self._paths()
        while some := tuple(islice(paths, size)):
            yield Part(some)

    def count(self) -> int:
        """As `BulkSource.count`."""
        return sum(1 for _ in self._paths())

    def keys(self, part: Part) -> list[str]:
        """The paths."""
        return [text(self.where.told(path)) for path in part.paths]

    def fetch(self, part: Part) -> Iterator[Fetched]:
        """As `BulkSource.fetch`."""
        for path, image in _fetched(self.where, part.paths):
            yield text(self.where.told(path)), None, image

    def _paths(self) -> Iterator[str]:
        for path in self.where.files():
            if self.where.pattern or path == self.where.path or _is_file(self.where, path, self.kind):
                yield path


class Rows(BulkSource):
    """Rows of Parquet files, in the order of the files' paths: a column `bytes`, or else a column `path`."""

    by_row = True

    def __init__(self, where: Location, file: str, kind: FileKind = IMAGES) -> None:
        super().__init__(where, kind)
        with self._opened(file) as opened:
            columns = opened.schema_arrow
        self.has_paths = "path" in columns.names
        self.has_bytes = "bytes" in columns.names
        if not (self.has_paths or self.has_bytes):
            raise UsageError(
                f"{where.told(file)!r} has no column called bytes or path to read {kind.plural} from; rename one of "
                f"its columns: {', '.join(columns.names)}."
            )

    def parts(self, size: int) -> Iterator[Part]:
        """A row group a part where images are bytes, since no piece of one can be read without the rest."""
        for file in self._files():
            with self._opened(file) as opened:
                first = 0
                for group in range(opened.metadata.num_row_groups):
                    count = opened.metadata.row_group(group).num_rows
                    rows = range(first, first + count)
                    first += count
                    if self.has_bytes:
                        yield Part((), file, group, rows)
                        continue
                    paths = [path or "" for path in _column(opened.read_row_group(group, ["path"]), "path")]
                    for start in range(0, count, size):
                        yield Part(tuple(paths[start : start + size]), file, group, rows[start : start + size])

    def count(self) -> int:
        """As `BulkSource.count`."""
        total = 0
        for file in self._files():
            with self._opened(file) as opened:
                total += opened.metadata.num_rows
        return total

    def keys(self, part: Part) -> list[str]:
        """File and number of each row."""
        file = text(self.where.told(part.file))
        return [f"{file}#{row}" for row in part.rows]

    def fetch(self, part: Part) -> Iterator[Fetched]:
        """As `BulkSource.fetch`."""
        keys = self.keys(part)
        if not self.has_bytes:
            for key, (named, image) in zip(keys, _fetched(self.where, part.paths), strict=True):
                yield named or key, key, image
            return
        for key, (path, content) in zip(keys, self._contents(part), strict=True):
            told = path or key
            missing = ImageError(f"Cannot read {told!r}: its row has no bytes; remove the row.")
            yield told, key, missing if content is None else content

    def _contents(self, part: Part) -> Iterator[tuple[str | None, bytes | None]]:
        """Path and bytes of each row of `part`; the rows between them are read over."""
        with self._opened(part.file) as opened:
            row = sum(opened.metadata.row_group(group).num_rows for group in range(part.group))
            wanted = deque(part.rows)
            columns = ["bytes", "path"] if self.has_paths else ["bytes"]
            for batch in opened.iter_batches(_ROWS, [part.group], columns, use_threads=False):
                paths = _column(batch, "path") if self.has_paths else [None] * len(batch)
                contents = batch.column("bytes")
                for index in range(len(batch)):
                    if wanted and wanted[0] == row + index:
                        wanted.popleft()
                        yield paths[index], contents[index].as_py()
                row += len(batch)

    def _files(self) -> Iterator[str]:
        return (path for path in self.where.files() if _is_parquet(path))

    @contextmanager
    def _opened(self, file: str) -> Iterator[Any]:
        what = f"Cannot read the Parquet file {self.where.told(file)!r}"
        with system_errors(DataError, what, "get a complete copy"), self.where.open(file) as stream:
            yield pq.ParquetFile(stream, pre_buffer=False, buffer_size=_BUFFER)


def open_bulk_source(address: str, kind: FileKind = IMAGES) -> BulkSource:
    """The images, or the files of another kind, at `address`.

    It is a file, a folder, a glob, a Parquet data set, or any of these in an object store.

    The first image or Parquet file that is found says which of the two it is.

    Raises:
        DataError: it cannot be listed.
        UsageError: it holds neither images nor Parquet files, or these have no column `bytes` or `path`.
    """
    where = locate(address)
    unread = False
    for path in where.files():
        if _is_parquet(path):
            return Rows(where, path, kind)
        if where.pattern or path == where.path or kind.is_name(path):
            return Files(where, kind)
        unread = unread or _is_file(where, path, kind)
    if unread:
        return Files(where, kind)
    raise UsageError(
        f"{plain(address)!r} holds no {kind.plural} ({', '.join(kind.suffixes)}) and no Parquet files; name a folder, "
        "a glob, a Parquet data set or an address with some."
    )


def text(path: str) -> str:
    """`path` as text that any program reads: bytes that are none become escapes."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _is_file(where: Location, path: str, kind: FileKind) -> bool:
    """As `predict` asks of a file in a folder; one that cannot be read gets an error as its answer."""
    return kind.is_file(path) if where.filesystem is None else kind.is_name(path) or kind.looks_like(path)


def _is_parquet(path: str) -> bool:
    name = path.rpartition("/")[2]
    return name.endswith(".parquet") and not name.startswith((".", "_"))


def _column(table: Any, name: str) -> list[str | None]:
    values: list[str | None] = table.column(name).cast(pa.string()).to_pylist()
    return values


def _fetched(where: Location, paths: Sequence[str]) -> Iterator[tuple[str, str | bytes | ImageError]]:
    """Each path with what to decode: itself where it is on this machine, else its bytes, fetched ahead."""
    with ThreadPoolExecutor(_FETCHERS) as pool:
        waiting: deque[tuple[str, Future[bytes | ImageError] | None]] = deque()
        for path in paths:
            local = path and where.filesystem is None and "://" not in path
            waiting.append((path, None if local else pool.submit(_fetch, where, path)))
            if len(waiting) == _AHEAD:
                yield _ready(*waiting.popleft())
        for path, fetching in waiting:
            yield _ready(path, fetching)


def _ready(path: str, fetching: Future[bytes | ImageError] | None) -> tuple[str, str | bytes | ImageError]:
    return path, path if fetching is None else fetching.result()


def _fetch(where: Location, path: str) -> bytes | ImageError:
    if not path:
        return ImageError("Its row has no path; remove the row.")
    try:
        if "://" in path and not path.startswith(where.prefix or "://"):
            other = locate(path)
            where, path = other, other.path
        with where.open(path.removeprefix(where.prefix)) as stream:
            return stream.read()
    except (OSError, DataError, pa.ArrowException) as error:
        return ImageError(f"Cannot read {where.told(path)!r}: {first_line(error)}; check the path and its permissions.")
