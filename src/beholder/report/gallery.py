"""Writes an audit's gallery: one HTML file that shows what was found and in which a person decides.

It asks nothing of any network and works as it lies on the disk. A browser runs its own script in it and no other: a
policy in the page names script and style by their hashes (Content Security Policy Level 3, section 2.3.1).
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from string import Template
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from beholder import files
from beholder.data.copies.duplicates import SURE_COPY
from beholder.data.dataset import Dataset
from beholder.figures.sound_clip import Player
from beholder.report.finding_words import KINDS, words_of
from beholder.report.reproduction import train_command
from beholder.report.templates import read_resource
from beholder.report.thumbnails import REDUCED_SIDE, thumbnail_uri
from beholder.runs.run_folder import CORRECTIONS_FILE

_MOST_FINDINGS = 300  # of one kind
_MOST_IMAGES = 60  # of one finding
_MOST_BYTES = 24 * 2**20  # of all images together
_JUDGED_SIDE = 320  # pixels on the long side of images that people compare with each other


def write_audit_gallery(
    path: Path, document: dict[str, Any], sets: Mapping[str, Dataset], player: Player | None = None
) -> None:
    """Write the gallery of the audit `document` to `path`, whole or not at all.

    At most `_MOST_FINDINGS` of a kind are shown, the surest, and `_MOST_IMAGES` of one; the page says where there are
    more. Images are what a network would receive of them; sounds can be played beside them.

    Args:
        path: the HTML file.
        document: as `findings.json`.
        sets: what was audited, by the names that its findings give to sets.
        player: gives the sound of a name, where they are sounds in files.

    Raises:
        StorageError: the disk is full or may not be written to.
    """
    files.write_bytes(path, _page(_shown(document, sets, player)).encode("utf-8"))


def policy() -> str:
    """The Content Security Policy of the page: its own style and script, images within it, its own server if any."""
    script, style = (f"'sha256-{_hash(text)}'" for text in (_script(), _style()))
    return (
        f"default-src 'none'; script-src {script}; style-src {style}; img-src data:; media-src data:; "
        "connect-src 'self'; "
        "base-uri 'none'; form-action 'none'"
    )


def _page(shown: dict[str, Any]) -> str:
    # ASCII holds any file name, and without < nothing in it can end the element.
    data = json.dumps(shown, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
    title = escape(shown["data"].encode("utf-8", "replace").decode())
    return Template(read_resource("gallery.html")).substitute(
        title=title, policy=policy(), style=_style(), data=data, script=_script()
    )


def _script() -> str:
    return read_resource("gallery_decisions.js") + read_resource("gallery.js")


def _style() -> str:
    return read_resource("report.css") + read_resource("gallery.css")


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _shown(document: dict[str, Any], sets: Mapping[str, Dataset], player: Player | None) -> dict[str, Any]:
    """What the page draws: facts, and for each kind its findings, whose images are numbers in one list."""
    by_kind = [(kind, [one for one in document["findings"] if one["kind"] == kind]) for kind in KINDS]
    present = [(kind, found) for kind, found in by_kind if found]
    album = _Album(sets, document["findings"], _MOST_BYTES // max(1, len(present)), player)
    of_what = document.get("kind", "image")
    kinds = []
    for kind, found in present:
        album.begin()
        kinds.append(
            {
                "kind": kind,
                "title": words_of(kind, of_what).title,
                "sentence": words_of(kind, of_what).sentence,
                "decisions": words_of(kind, of_what).decisions,
                "count": len(found),
                "findings": [album.finding(one) for one in found[:_MOST_FINDINGS]],
            }
        )
    names = ("beholder", "created", "data", "class_names", "images", "notes", "decisions")
    facts = {name: document[name] for name in names}
    command = train_command(document["data"], {**document.get("options", {}), "corrections": CORRECTIONS_FILE})
    identity = _hash(json.dumps(document["findings"]))
    return {**facts, "kind": of_what, "id": identity, "command": command, "kinds": kinds, "album": album.images}


class _Album:
    """The images of a page, each once, as long as there is room.

    Args:
        sets: what was audited.
        findings: of the whole audit.
        room: bytes for the images, and sounds, of one kind.
        player: gives the sound of a name; None: they are images.
    """

    def __init__(
        self, sets: Mapping[str, Dataset], findings: list[dict[str, Any]], room: int, player: Player | None
    ) -> None:
        self.images: list[dict[str, Any]] = []
        self._places: dict[tuple[str, str], int] = {}
        self._sets = sets = {set_name: dataset.files for set_name, dataset in sets.items()}
        self._player = player
        self._room = room
        self._left = room
        wanted = {path for one in findings for path in (*one["paths"], *one["neighbours"])}
        named = [(set_name, row, name) for set_name, row, name in _named(sets) if name in wanted]
        self._rows = {(set_name, name): row for set_name, row, name in named}
        self._homes = {name: set_name for set_name, _, name in reversed(named)}
        self._counts = Counter(name for _, _, name in named)

    def begin(self) -> None:
        """A new kind has the whole room for itself."""
        self._left = self._room

    def finding(self, one: dict[str, Any]) -> dict[str, Any]:
        """One finding, its images as places in `images`."""
        labels = one["labels"] or [""] * len(one["paths"])
        members = list(zip(one["paths"], one["sets"], labels, strict=True))
        side = _JUDGED_SIDE if one["kind"] == "near_duplicate" else REDUCED_SIDE
        return {
            "score": one["score"],
            "sure": sure(one),
            "sentence": one["sentence"],
            "suggestion": one["suggestion"],
            "count": len(members),
            "members": [self._place(*member, side) for member in members[:_MOST_IMAGES]],
            "neighbours": [self._neighbour(path) for path in one["neighbours"][:5] if path in self._homes],
        }

    def _neighbour(self, path: str) -> int:
        set_name = self._homes[path]
        dataset = self._sets[set_name]
        return self._place(path, set_name, dataset.class_names[dataset.labels[self._rows[set_name, path]]])

    def _place(self, path: str, set_name: str, label: str, side: int = REDUCED_SIDE) -> int:
        place = self._places.setdefault((set_name, path), len(self.images))
        if place == len(self.images):
            row = self._rows.get((set_name, path))
            side = side if self._left > self._room / 2 else REDUCED_SIDE
            image = None if row is None or self._left <= 0 else _image(self._sets[set_name].images[row], side)
            sound = None if image is None or self._player is None else self._player(path)
            self._left -= len(image or "") + len(sound or "")
            # Two images of one name cannot be told apart in a corrections file.
            unique = self._counts[path] <= 1
            shown = {"path": path, "set": set_name, "label": label, "unique": unique, "image": image}
            self.images.append(shown if sound is None else {**shown, "sound": sound})
        return place


def sure(finding: dict[str, Any]) -> bool:
    """Whether all of the images of a finding but one may be offered to be dropped without a look at each."""
    kind = finding["kind"]
    return bool(kind == "exact_duplicate" or (kind == "near_duplicate" and finding["score"] >= SURE_COPY))


def _named(sets: Mapping[str, Dataset]) -> Iterator[tuple[str, int, str]]:
    """Set, row and name of every image."""
    return ((set_name, row, name) for set_name, dataset in sets.items() for row, name in enumerate(dataset.names))


def _image(pixels: NDArray[np.uint8], side: int) -> str:
    """`pixels` (H, W, C) uint8 as a data URI, of `side` pixels at most."""
    image = Image.fromarray(np.ascontiguousarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels))
    return thumbnail_uri(image, side)
