"""What lies below a folder in a zip archive, told as of a folder on the disk."""

from __future__ import annotations

from functools import partial

from beholder.data.folders.tree import SYSTEM_FOLDERS, Contents, Tree, Unread, why_unusable
from beholder.data.images.zipped import ZipArchive
from beholder.data.kinds import START, SUFFIXES


def zip_tree(archive: ZipArchive) -> Tree:
    """The folders below that of `archive`, as paths that begin with what it is called."""
    root = archive.told

    def look(folder: str) -> Contents:
        inner = folder.removeprefix(root).strip("/")
        names = sorted(archive.files_in(inner))
        images: list[str] = []
        unusable: dict[str, Unread] = {}
        others: list[str] = []
        for name in names:
            path, member = f"{folder}/{name}", f"{inner}/{name}".strip("/")
            if name.startswith("."):
                others.append(path)
            elif reason := why_unusable(name.lower(), partial(archive.start, member, START)):
                unusable[path] = Unread(f"Cannot read {path!r}: {reason.error}.", reason.kind)
            else:
                (images if name.lower().endswith(SUFFIXES) else others).append(path)
        folders = [name for name in sorted(archive.folders_in(inner)) if not name.startswith(".")]
        kept = tuple(f"{folder}/{name}" for name in folders if name.casefold() not in SYSTEM_FOLDERS)
        others += [f"{folder}/{name}" for name in folders if name.casefold() in SYSTEM_FOLDERS]
        return Contents(tuple(images), unusable, kept, tuple(others))

    return Tree(look)
