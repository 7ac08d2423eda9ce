"""Where bulk answers go: a folder of Parquet files, each written whole or not at all; all else begins with `_`."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.fs
import pyarrow.parquet as pq
from numpy.typing import NDArray

from beholder import files
from beholder.answering.bulk.object_files import Place, place, plain, reason
from beholder.errors import StorageError, UsageError

FACTS = "_beholder.json"
_WRITING = "_writing-"  # how the name of a file begins that is not whole yet
_DIGEST = 16  # bytes a key takes in memory; two of 10^10 keys are equal with a probability below 10^-18

_ROW = pa.field("row", pa.string())
_TOP = pa.list_(pa.struct([("label", pa.string()), ("probability", pa.float32())]))
COLUMNS = pa.schema(
    [
        ("path", pa.string()),
        ("label", pa.string()),
        ("probability", pa.float32()),
        ("unsure", pa.bool_()),
        ("unlike", pa.bool_()),
        ("error", pa.string()),
        ("top", _TOP),
    ]
)


class Destination:
    """A folder for answers, here or in an object store.

    Args:
        address: a path or a URI that pyarrow knows.
    """

    def __init__(self, address: str) -> None:
        self.address = plain(address)
        self._place: Place = place(address)
        if self._place.pattern:
            raise UsageError(f"Answers cannot go to a glob, {address!r}; name one folder.")

    def begin(self, facts: dict[str, Any], *, resume: bool) -> list[str]:
        """Make it ready for answers, and keep `facts` about them in it.

        Returns:
            The names of the parts that are written; none unless `resume`.

        Raises:
            UsageError: it holds something and not `resume`; or what it holds was answered otherwise than `facts` say.
            StorageError: it cannot be written to.
        """
        names = self._names()
        if names and not resume:
            raise UsageError(f"{self.address!r} is not empty; choose another folder, or go on with --resume.")
        if FACTS in names:
            self._compare(json.loads(self._read(FACTS)), facts)
        elif names:
            raise UsageError(f"{self.address!r} holds something that no bulk answer wrote; choose another folder.")
        else:
            self.write(FACTS, json.dumps(facts, indent=2, ensure_ascii=False).encode())
        if self._place.filesystem is None:
            for name in names:
                if name.startswith(_WRITING):
                    Path(self._place.path, name).unlink(missing_ok=True)
        return [name for name in names if name.endswith(".parquet") and not name.startswith("_")]

    def write_part(self, name: str, rows: Iterable[dict[str, Any]], *, by_row: bool) -> None:
        """Write the answers `rows`, one dict an image, as the part `name`."""
        schema = COLUMNS.append(_ROW) if by_row else COLUMNS
        buffer = pa.BufferOutputStream()
        with pq.ParquetWriter(buffer, schema) as writer:
            pending: list[dict[str, Any]] = []
            for row in rows:
                pending.append(row)
                if len(pending) == 4096:
                    writer.write_table(pa.Table.from_pylist(pending, schema))
                    pending = []
            writer.write_table(pa.Table.from_pylist(pending, schema))
        self.write(name, buffer.getvalue())

    def write(self, name: str, content: Any) -> None:
        """Write `content`, bytes or a buffer, to the file `name`, whole or not at all.

        Raises:
            StorageError: it cannot be written.
        """
        if self._place.filesystem is None:
            _write_here(Path(self._place.path), name, content)
            return
        try:  # an object store shows an object when all of it has arrived
            with self._place.filesystem.open_output_stream(f"{self._place.path}/{name}") as stream:
                stream.write(content)
        except (OSError, pa.ArrowException) as error:
            raise StorageError(
                f"Cannot write {self.address + '/' + name!r} ({reason(error)}); check the address and your permissions."
            ) from error

    def written(self, names: Sequence[str]) -> Written:
        """The keys of the images in the parts `names`.

        Raises:
            StorageError: a part cannot be read.
        """
        digests = [np.zeros(0, f"S{_DIGEST}")]
        for name in names:
            try:
                with self._place.open(f"{self._place.path}/{name}") as stream:
                    part = pq.ParquetFile(stream)
                    column = "row" if "row" in part.schema_arrow.names else "path"
                    keys = part.read([column]).column(column).to_pylist()
            except (OSError, pa.ArrowException) as error:
                raise StorageError(
                    f"Cannot read the answers {self.address + '/' + name!r} ({reason(error)}); delete this file, and "
                    "its images are answered again."
                ) from error
            digests.append(_digests(keys))
        return Written(np.sort(np.concatenate(digests)))

    def _names(self) -> list[str]:
        if self._place.filesystem is None:
            folder = Path(self._place.path)
            with files.storage_errors(folder):
                folder.mkdir(parents=True, exist_ok=True)
                return sorted(os.listdir(folder))  # noqa: PTH208  names, not paths
        try:
            found = self._place.filesystem.get_file_info(pa.fs.FileSelector(self._place.path, allow_not_found=True))
        except (OSError, pa.ArrowException) as error:
            raise StorageError(f"Cannot list {self.address!r} ({reason(error)}); check the address.") from error
        return sorted(entry.base_name for entry in found if entry.base_name)

    def _read(self, name: str) -> bytes:
        with self._place.open(f"{self._place.path}/{name}") as stream:
            return stream.read()

    def _compare(self, earlier: dict[str, Any], facts: dict[str, Any]) -> None:
        for name, value in facts.items():
            if earlier.get(name) != value:
                raise UsageError(
                    f"{self.address!r} was begun with {name} {earlier.get(name)!r}, not {value!r}; go on with the same "
                    "or choose another folder."
                )


class Written:
    """The keys of the images that are answered, 16 bytes each.

    Args:
        digests: theirs, sorted.
    """

    def __init__(self, digests: NDArray[np.bytes_]) -> None:
        self._digests = digests

    def missing(self, keys: Sequence[str]) -> list[bool]:
        """Which of `keys` are not among them."""
        if not len(self._digests):
            return [True] * len(keys)
        asked = _digests(keys)
        places = np.minimum(np.searchsorted(self._digests, asked), len(self._digests) - 1)
        flags: list[bool] = (self._digests[places] != asked).tolist()
        return flags


def part_name(keys: Iterable[str]) -> str:
    """The name of the part that holds the images with these keys: a function of them alone."""
    digest = hashlib.blake2b(digest_size=16)
    for key in keys:
        digest.update(f"{key}\n".encode())
    return f"part-{digest.hexdigest()}.parquet"


def _digests(keys: Sequence[str]) -> NDArray[np.bytes_]:
    joined = b"".join(hashlib.blake2b(key.encode(), digest_size=_DIGEST).digest() for key in keys)
    return np.frombuffer(joined, f"S{_DIGEST}")


def _write_here(folder: Path, name: str, content: Any) -> None:
    with files.storage_errors(folder / name):
        descriptor, temporary = tempfile.mkstemp(dir=folder, prefix=_WRITING)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).chmod(0o644)
            Path(temporary).replace(folder / name)
            files.sync_folder(folder)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
