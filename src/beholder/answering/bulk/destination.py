"""Where bulk answers go: a folder of Parquet files, each whole or not there; all else begins with `_` or `.`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.fs
import pyarrow.parquet as pq
from numpy.typing import NDArray

from beholder import files
from beholder.answering.bulk.locations import locate, plain, system_errors
from beholder.errors import StorageError, UsageError

FACTS = "_beholder.json"
_DIGEST = 16  # bytes a key takes in memory; two of 10^10 keys are equal with a probability below 10^-18

_ROW = pa.field("row", pa.string())
_TOP = pa.list_(pa.struct({"label": pa.string(), "probability": pa.float32()}))
_ANSWER = pa.schema(
    {
        "path": pa.string(),
        "label": pa.string(),
        "probability": pa.float32(),
        "unsure": pa.bool_(),
        "unlike": pa.bool_(),
        "error": pa.string(),
        "top": _TOP,
    }
)


class Destination:
    """A folder for answers, here or in an object store: a path or a URI that pyarrow knows."""

    def __init__(self, address: str) -> None:
        self.address = plain(address)
        self._location = locate(address)
        if self._location.pattern:
            raise UsageError(f"Answers go to one folder, and {address!r} is a glob; name a folder.")

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
            with self._location.open(self._path(FACTS)) as stream:
                self._compare(json.loads(stream.read()), facts)
        elif names:
            raise UsageError(f"{self.address!r} holds files that are not bulk answers; choose another folder.")
        else:
            self.write(FACTS, json.dumps(facts, indent=2, ensure_ascii=False).encode())
        if self._location.filesystem is None:
            for unfinished in Path(self._location.path).glob(".*.part"):
                unfinished.unlink(missing_ok=True)
        return [name for name in names if name.endswith(".parquet") and not name.startswith("_")]

    def write_part(self, name: str, rows: Iterable[dict[str, Any]], *, by_row: bool) -> None:
        """Write the answers `rows`, one dict an image, as the part `name`."""
        schema = _ANSWER.append(_ROW) if by_row else _ANSWER
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
        if self._location.filesystem is None:
            files.write_bytes(Path(self._location.path, name), content)
            return
        what = f"Cannot write {self.address + '/' + name!r}"
        with (  # an object store shows an object when all of it has arrived
            system_errors(StorageError, what, "check the address and your permissions"),
            self._location.filesystem.open_output_stream(self._path(name)) as stream,
        ):
            stream.write(content)

    def written(self, names: Sequence[str]) -> Written:
        """The keys of the images in the parts `names`.

        Raises:
            StorageError: a part cannot be read.
        """
        digests = [np.zeros(0, f"S{_DIGEST}")]
        for name in names:
            what = f"Cannot read the answers {self.address + '/' + name!r}"
            advice = "delete this file, and what it answers is answered again"
            with system_errors(StorageError, what, advice), self._location.open(self._path(name)) as stream:
                part = pq.ParquetFile(stream)
                column = "row" if "row" in part.schema_arrow.names else "path"
                digests.append(_digests(part.read([column]).column(column).to_pylist()))
        return Written(np.sort(np.concatenate(digests)))

    def _names(self) -> list[str]:
        if self._location.filesystem is None:
            folder = Path(self._location.path)
            with files.storage_errors(folder):
                folder.mkdir(parents=True, exist_ok=True)
                return sorted(path.name for path in folder.iterdir())
        with system_errors(StorageError, f"Cannot list {self.address!r}", "check the address"):
            everything = pa.fs.FileSelector(self._location.path, allow_not_found=True)
            found = self._location.filesystem.get_file_info(everything)
        return sorted(entry.base_name for entry in found if entry.base_name)

    def _path(self, name: str) -> str:
        return f"{self._location.path}/{name}"

    def _compare(self, earlier: dict[str, Any], facts: dict[str, Any]) -> None:
        for name, value in facts.items():
            if earlier.get(name) != value:
                raise UsageError(
                    f"{self.address!r} was begun with {name} {earlier.get(name)!r}, not {value!r}; give "
                    "the same again, or choose another folder."
                )


class Written:
    """The keys of the images that are answered, as sorted `digests` of 16 bytes."""

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
