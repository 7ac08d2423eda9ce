"""The AUDIT folder and its documents: what the doctor found in a data set, and what a person decided."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from beholder import files
from beholder.errors import RunError
from beholder.runs.run_folder import read_document


@dataclass(frozen=True)
class AuditFolder:
    """An AUDIT folder by its path.

    findings.csv   a line for each image of each finding
    gallery.html   all of it for people, who decide in it
    findings.json  the whole document; written last, so that it is the mark of an audit that is finished
    corrections.csv    what was decided, where it was decided on the served page
    """

    path: Path

    @property
    def findings_file(self) -> Path:
        """The whole document."""
        return self.path / "findings.json"

    @property
    def table_file(self) -> Path:
        """The findings for a spreadsheet."""
        return self.path / "findings.csv"

    @property
    def gallery_file(self) -> Path:
        """The page to decide in."""
        return self.path / "gallery.html"

    @property
    def corrections_file(self) -> Path:
        """What was decided."""
        return self.path / "corrections.csv"

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
        raise RunError(f"{str(path)!r} holds {strangers[0]!r}, which is not of an audit; choose another --out.")
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
    document = read_document(
        folder.findings_file,
        missing=f"{str(path)!r} is no AUDIT folder (it has no findings.json); give the --out of `beholder audit`.",
        damaged="audit again into a new folder",
    )
    wrong = _wrong_field(document)
    if wrong is not None:
        raise RunError(
            f"{str(folder.findings_file)!r} is damaged (its {wrong!r} is not as it should be); audit again into a "
            "new folder."
        )
    return folder, document


def _wrong_field(document: dict[str, Any]) -> str | None:
    """The name of a field, of those that others lean on, that is not as it should be."""
    findings, decisions = _objects(document.get("findings")), _objects(document.get("decisions"))
    fits = {
        "data": isinstance(document.get("data"), str),
        "class_names": _are_texts(document.get("class_names")),
        "findings": findings is not None and all(_are_texts(one.get("paths")) for one in findings),
        "decisions": decisions is not None and all(_are_texts(list(one.values())) for one in decisions),
    }
    return next((name for name, good in fits.items() if not good), None)


def _objects(values: Any) -> list[dict[str, Any]] | None:
    """`values` if they are a list of JSON objects."""
    return values if isinstance(values, list) and all(isinstance(one, dict) for one in values) else None


def _are_texts(values: Any) -> bool:
    return isinstance(values, list) and all(isinstance(one, str) for one in values)
