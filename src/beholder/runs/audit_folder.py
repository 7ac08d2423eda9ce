"""The AUDIT folder and its documents: what the doctor found in a data set, and what a person decided."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from beholder import files
from beholder.errors import RunError
from beholder.runs.document_rules import check_fields, is_flag, is_number, is_text, list_of, object_of
from beholder.runs.run_folder import CORRECTIONS_FILE, Within, read_document


@dataclass(frozen=True)
class AuditFolder:
    """An AUDIT folder by its path; its files by what they hold."""

    path: Path

    table_file = Within("findings.csv")  # a line for each image of each finding
    gallery_file = Within("gallery.html")  # all of it for people, who decide in it
    findings_file = Within("findings.json")  # the whole document; written last, as the mark of a finished audit
    corrections_file = Within(CORRECTIONS_FILE)  # what was decided, where it was decided on the served page

    @contextmanager
    def removed_on_error(self) -> Iterator[None]:
        """Leave no empty folder behind where the data turn out to be of no use."""
        try:
            yield
        except BaseException:
            with suppress(OSError):  # it holds something, which stays
                self.path.rmdir()
            raise


def create_audit_folder(path: Path, data: str) -> AuditFolder:
    """Make the AUDIT folder `path`; one that an audit left unfinished is taken again.

    Args:
        path: where it goes.
        data: what is audited; an audit is not written into a person's own folder.

    Raises:
        RunError: an audit or something else is there, or it lies inside the data.
        StorageError: the folder cannot be made.
    """
    folder = AuditFolder(path)
    if Path(data).is_dir() and path.resolve().is_relative_to(Path(data).resolve()):
        raise RunError(f"{str(path)!r} lies inside the data {data!r}, which is never written to; choose another --out.")
    with files.storage_errors(path):
        try:
            path.mkdir(parents=True, exist_ok=True)
        except FileExistsError as error:
            raise RunError(f"{str(path)!r} is a file; choose another --out.") from error
        except NotADirectoryError as error:
            raise RunError(f"{str(path)!r} lies below a file, not a folder; choose another --out.") from error
        left = {one.name for one in path.iterdir()}
    if folder.findings_file.name in left:
        raise RunError(f"{str(path)!r} holds an audit already; choose another --out.")
    own = {folder.table_file.name, folder.gallery_file.name}
    strangers = sorted(name for name in left - own if not (name.startswith(".") and name.endswith(".part")))
    if strangers:
        raise RunError(f"{str(path)!r} holds {strangers[0]!r}, which is not part of an audit; choose another --out.")
    return folder


def is_audit_folder(path: Path) -> bool:
    """Whether `path` is an AUDIT folder rather than a RUN folder or a model folder."""
    return AuditFolder(path).findings_file.is_file()


def open_audit_folder(path: Path) -> tuple[AuditFolder, dict[str, Any]]:
    """The AUDIT folder at `path` and its document.

    Raises:
        RunError: it is none, it is damaged, or another version of Beholder made it.
    """
    folder = AuditFolder(path)
    way_out = "audit again into a new folder"
    document = read_document(
        folder.findings_file,
        missing=f"{str(path)!r} is not an AUDIT folder (it has no findings.json); give the --out of `beholder audit`.",
        damaged=way_out,
    )
    check_fields(folder.findings_file, document, way_out, _NEEDED, {"options": _are_options})
    return folder, document


def _is_decision(value: Any) -> bool:
    return isinstance(value, dict) and all(map(is_text, value.values()))


def _are_options(value: Any) -> bool:
    return isinstance(value, dict) and all(is_text(one) or is_flag(one) or is_number(one) for one in value.values())


_NEEDED = {  # the fields that others lean on
    "data": is_text,
    "class_names": list_of(is_text),
    "findings": list_of(object_of(paths=list_of(is_text))),
    "decisions": list_of(_is_decision),
}
