"""Puts other promises into a model folder: its networks stay, what is made of their probabilities changes."""

from __future__ import annotations

import logging
import shutil
from dataclasses import asdict, replace
from pathlib import Path

from beholder import files
from beholder.artifact.manifest import MANIFEST_FILE, Manifest
from beholder.artifact.model_card import model_card, write_model_card
from beholder.artifact.store import CARD, CHECKSUMS, Artifact, replacing_artifact
from beholder.evaluation.promises import Promises


def with_promises(manifest: Manifest, promises: dict[str, Promises]) -> Manifest:
    """`manifest` with those of its networks, by `float32` and, where it has one, `int8`."""
    own, int8 = promises["float32"], manifest.int8
    return replace(
        manifest,
        unsure_below=own.unsure_below,
        risk=own.risk,
        point=own.point,
        int8=None if int8 is None else {**int8, **asdict(promises["int8"])},
    )


def change_promises(artifact: Artifact, promises: dict[str, Promises]) -> Manifest:
    """Replace the model folder of `artifact` by one with these promises, whole or not at all.

    Returns:
        Its manifest.

    Raises:
        ReplacedError: another model has its place by now.
        StorageError: the disk is full or may not be written to.
    """
    manifest = with_promises(artifact.manifest, promises)
    with replacing_artifact(artifact.folder, check_int8=False) as building:
        own = shutil.ignore_patterns(CHECKSUMS)
        shutil.copytree(artifact.folder, building, dirs_exist_ok=True, ignore=own, copy_function=_copy)
        manifest.write(building / MANIFEST_FILE)
        if _card(artifact.folder) == model_card(artifact.manifest):
            write_model_card(building, manifest)
        else:  # what a person wrote in it stays
            logging.getLogger("beholder").warning(
                "The model card of %r is not as Beholder writes it, so it was left as it is; it may tell the earlier "
                "promise.",
                str(artifact.folder),
            )
        artifact.check_same()
    return manifest


def _card(folder: Path) -> str | None:
    """The model card in `folder`; None where there is none that can be read."""
    try:
        return (folder / CARD).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def _copy(source: str, target: str) -> None:
    """A copy that outlasts a power cut, as `copytree` asks for it."""
    with Path(source).open("rb") as original, files.replacing(Path(target)) as copy:
        shutil.copyfileobj(original, copy)
