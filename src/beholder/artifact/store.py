"""The `model/` folder on the disk: sealed with checksums, replaced whole, opened only when every byte is as it was."""

from __future__ import annotations

import errno
import hashlib
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from beholder import files
from beholder.artifact.familiar import read_familiar
from beholder.artifact.golden import replay_golden, replay_inside
from beholder.artifact.graph import MODEL_FILE, Graph
from beholder.artifact.inside import INSIDE_FILE, Inside
from beholder.artifact.manifest import MANIFEST_FILE, Manifest, read_manifest
from beholder.data.decoding import require_reader
from beholder.errors import ArtifactError, ReplacedError
from beholder.evaluation.decision import OperatingPoint
from beholder.evaluation.familiarity import Familiarity

INT8_FILE = "model.int8.onnx"
KERAS_FILE = "model.keras"
CHECKSUMS = "SHA256SUMS"  # in the format that `sha256sum --check` reads
CARD = "README.md"  # for people, who may write in it: it has no checksum, and nothing reads it
_OF_PROMISES = (MANIFEST_FILE, CARD)  # what changes where other promises are made of the same networks
# What systems leave in every folder that somebody looks into, and copies and network file systems bring along.
_LITTER = re.compile(
    r"(\.DS_Store|\._.*|Thumbs\.db|ehthumbs\.db|desktop\.ini|\.directory|\.nfs.*|Icon\r)", re.IGNORECASE
)
_LITTER_FOLDERS = {"@eadir", "__macosx", ".thumbnails", ".ipynb_checkpoints"}
_Precision = Literal["float32", "int8"]
_HIDDEN, _OLD = ".model-", "-old"  # how names begin, and that of a model that is being replaced ends


@dataclass(frozen=True)
class Artifact:
    """An opened model folder.

    Attributes:
        folder: where it lies.
        manifest: what it says of itself.
        graph: the network, ready to answer; its golden images were replayed.
        precision: of its products: `int8` where `graph` is the int8 model.
        familiarity: what tells images that are unlike all that it was trained on; None where it cannot.
        seal: the list of checksums, as it was when the folder was opened.
    """

    folder: Path
    manifest: Manifest
    graph: Graph
    precision: _Precision = "float32"
    familiarity: Familiarity | None = None
    seal: bytes = b""

    @property
    def unsure_below(self) -> float | None:
        """The probability below which an answer of `graph` is unsure; None where nothing was promised."""
        return self.manifest.unsure_below_in(self.precision)

    @property
    def point(self) -> OperatingPoint | None:
        """What decides which class `graph` answers; None: the most probable."""
        return self.manifest.operating_point(self.precision)

    @property
    def checksum(self) -> str:
        """SHA-256 of the list of checksums: a name for exactly this model."""
        return hashlib.sha256(self.seal).hexdigest()

    def check_same(self) -> None:
        """To be asked after a file of the folder, or one that goes with it, was read later than the model.

        The folder is only ever replaced whole: while its list of checksums is the same, so was what was read before.

        Raises:
            ReplacedError: another model has its place.
        """
        try:
            now = (self.folder / CHECKSUMS).read_bytes()
        except OSError:
            now = b""
        if self.seal and now != self.seal:
            raise ReplacedError(
                f"The model in {str(self.folder)!r} was replaced since it was opened; start the command again to use "
                "the new one."
            )


def open_artifact(path: Path, *, int8: bool = False, threads: int | None = None) -> Artifact:
    """Open the artifact at `path`, a RUN folder or the model folder itself.

    Where a death in the middle of replacing it left a RUN without its model, the earlier one is brought back first.

    Args:
        path: where it lies.
        int8: let the int8 model answer, if there is one that answers its golden images as when it was saved.
        threads: how many its graph may use; all cores by default.

    Raises:
        ArtifactError: it is missing, a byte of it changed, it is too new, or it answers its golden images otherwise
            than when it was saved. A UsageError: it takes sounds, and miniaudio is missing.
    """
    while True:
        try:
            _bring_back(path / "model")
            folder = path / "model" if (path / "model").is_dir() else path
            seen = _identity(folder)
        except OSError as error:  # too long a name, or a folder above it that may not be entered
            raise ArtifactError(f"Cannot look into {str(path)!r}: {error.strerror}; check the path.") from error
        try:
            return _open(folder, int8=int8, threads=threads)
        except ArtifactError:
            if _identity(folder) == seen:
                raise
            # A training run replaced it while it was read.


def _open(folder: Path, *, int8: bool, threads: int | None) -> Artifact:
    manifest = read_manifest(folder / MANIFEST_FILE)
    require_reader(manifest.image)
    seal = check_seal(folder)
    if int8 and manifest.int8 is not None:
        with suppress(ArtifactError):  # of one that was replaced the next lines tell
            return _described(folder, manifest, open_int8(folder, manifest, threads), "int8", seal)
    graph = Graph(folder / MODEL_FILE, threads=threads)
    replay_golden(folder / "golden", graph, manifest.image)
    return _described(folder, manifest, graph, "float32", seal)


def _described(folder: Path, manifest: Manifest, graph: Graph, precision: _Precision, seal: bytes) -> Artifact:
    """The artifact, if all of it was read from one model."""
    known = manifest.familiar is not None
    classes = len(manifest.class_names)
    familiarity = read_familiar(folder, precision, classes, graph.features) if known else None
    artifact = Artifact(folder, manifest, graph, precision, familiarity, seal)
    artifact.check_same()
    return artifact


def open_int8(folder: Path, manifest: Manifest, threads: int | None = None) -> Graph:
    """Open the int8 model in the model folder `folder`, to answer on `threads`; on all cores by default.

    Raises:
        ArtifactError: there is none, or it answers the golden images differently from when it was saved.
    """
    if manifest.int8 is None:
        raise ArtifactError(f"{str(folder)!r} has no int8 model; answer in float32.")
    int8 = Graph(folder / INT8_FILE, side_by_side=True, threads=threads)
    replay_golden(folder / "golden", int8, manifest.image, "int8")
    return int8


def open_inside(artifact: Artifact) -> Inside:
    """Open the graph that names every layer's output, which answering alone does not need.

    Raises:
        ArtifactError: it is missing, or answers the golden images differently from when it was saved.
        ReplacedError: another model has its place by now.
    """
    try:
        inside = Inside(artifact.folder)
        replay_inside(artifact.folder / "golden", inside, artifact.manifest.image)
    finally:
        artifact.check_same()
    return inside


@contextmanager
def replacing_artifact(folder: Path, *, check_int8: bool = True) -> Iterator[Path]:
    """A temporary folder to build an artifact in; sealed, checked, and moved to `folder` only when it is whole.

    What an earlier replacing left when it died is brought back or cleared away first. `check_int8` is False where the
    int8 model is a copy: it may have been made on a processor that answers otherwise than this one.
    """
    with files.storage_errors(folder):
        _bring_back(folder)
        for left in folder.parent.glob(f"{_HIDDEN}*"):
            shutil.rmtree(left, ignore_errors=True)
        building = Path(tempfile.mkdtemp(dir=folder.parent, prefix=_HIDDEN))
        try:
            yield building
            _seal(building)
            building.chmod(0o755)
            artifact = open_artifact(building)
            if (building / INSIDE_FILE).exists():
                open_inside(artifact)
            if artifact.manifest.int8 is not None and check_int8:
                open_int8(building, artifact.manifest)
            _swap(building, folder)
        finally:
            shutil.rmtree(building, ignore_errors=True)


def check_seal(folder: Path) -> bytes:
    """Compare each file of `folder` with its checksum; the list of them.

    The model card is a person's to write in, and what systems leave in folders is passed over.

    Raises:
        ArtifactError: a file changed, is missing, or was added.
    """
    try:
        seal = (folder / CHECKSUMS).read_bytes()
        lines = seal.decode("utf-8").splitlines()
        expected = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
        expected.pop(CARD, None)  # of earlier models
        found = _digests(folder)
    except (OSError, ValueError) as error:
        raise ArtifactError(f"{str(folder)!r} cannot be read ({error}); copy the model again.") from error
    for name in sorted(expected.keys() | found.keys()):
        if name not in expected:
            raise ArtifactError(f"{str(folder / name)!r} was added to the model since it was saved; remove it.")
        if expected[name] != found.get(name):
            state = "is missing" if name not in found else "changed since it was saved"
            raise ArtifactError(f"{str(folder / name)!r} {state}; copy the model again or train again.")
    return seal


def model_checksum(folder: Path) -> str | None:
    """`Artifact.checksum` of the model in `folder`, without opening it; None where there is none."""
    try:
        return hashlib.sha256((folder / CHECKSUMS).read_bytes()).hexdigest()
    except OSError:
        return None


def network_checksum(folder: Path) -> str | None:
    """A name for exactly the networks in `folder`, whatever is promised of them; None where there is no model."""
    try:
        lines = (folder / CHECKSUMS).read_bytes().splitlines()
    except OSError:
        return None
    own = [line for line in lines if line.partition(b"  ")[2] not in {name.encode() for name in _OF_PROMISES}]
    return hashlib.sha256(b"\n".join(own)).hexdigest()


def _seal(folder: Path) -> None:
    lines = [f"{digest}  {name}\n" for name, digest in _digests(folder).items()]
    files.write_bytes(folder / CHECKSUMS, "".join(lines).encode())


def _digests(folder: Path) -> dict[str, str]:
    """From the name of each file that has a checksum to it."""
    own = {folder / CHECKSUMS, folder / CARD}
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path not in own)
    names = {path.relative_to(folder): path for path in paths}
    return {name.as_posix(): _digest(path) for name, path in names.items() if not _is_litter(name)}


def _is_litter(name: Path) -> bool:
    return bool(_LITTER.fullmatch(name.name)) or any(part.lower() in _LITTER_FOLDERS for part in name.parts[:-1])


def _digest(path: Path) -> str:
    with path.open("rb") as file:  # in pieces: whatever lies there, it is not taken into memory
        return hashlib.file_digest(file, "sha256").hexdigest()


def _swap(new: Path, folder: Path) -> None:
    old = folder.with_name(f"{new.name}{_OLD}")
    try:
        while True:
            with suppress(FileNotFoundError):
                folder.rename(old)
            try:
                new.rename(folder)
                break
            except OSError as error:
                # Somebody who opened the model between the two renames brought the earlier one back.
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise
    except BaseException:
        _bring_back(folder)
        raise
    files.sync_folder(folder.parent)
    shutil.rmtree(old, ignore_errors=True)


def _identity(folder: Path) -> tuple[int, int] | None:
    """What tells a folder from another one that takes its name; None where there is none."""
    try:
        status = folder.stat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def _bring_back(folder: Path) -> None:
    """Rename a model that was being replaced to `folder` again, where nothing took its place."""
    if folder.exists():
        return
    hidden = sorted(folder.parent.glob(f"{_HIDDEN}*{_OLD}"), key=lambda old: old.stat().st_mtime)
    if hidden:
        with suppress(FileNotFoundError):  # another process was faster
            hidden[-1].rename(folder)
