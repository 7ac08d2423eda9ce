"""A person relies on: a zip of a folder or of a table is read where it is, and none can harm the machine."""

from __future__ import annotations

import stat
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from beholder.api.look import look
from beholder.data.checks.faults import file_faults
from beholder.data.opening import open_source
from beholder.data.source import Source
from beholder.data.split import Split
from beholder.errors import DataError, UsageError

COUNT = 12  # images of a class


@pytest.fixture
def pack(root: Path) -> Path:
    """A folder `birds` of two classes, of twelve images each, in the root."""
    random = np.random.default_rng(0)
    for name in ("robin", "wren"):
        (root / "birds" / name).mkdir(parents=True)
        for number in range(COUNT):
            pixels = random.integers(0, 256, (16, 16, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(root / "birds" / name / f"{number}.png")
    return root


def zipped(root: Path, *, above: bool = True, method: int = zipfile.ZIP_DEFLATED) -> Path:
    path = root.parent / "birds.zip"
    with zipfile.ZipFile(path, "w", method) as file:
        for one in sorted(root.rglob("*")):
            file.write(
                one, one.relative_to(root if above else root / "birds") if above or one != root / "birds" else ""
            )
    return path


def opened(path: Path, **options: object) -> Source:
    return open_source(path, cache=path.parent / "cache", **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_zip_of_a_folder_is_that_folder(pack: Path, method: int) -> None:
    (pack / "birds" / "robin" / "notes").write_bytes(b"GIF89a")
    before = sorted(pack.parent.rglob("*"))
    source, folder = opened(zipped(pack, method=method)), opened(pack / "birds")
    one, other = Split(source).train(), Split(folder).train()
    assert one.names == other.names
    assert one.fingerprint() == other.fingerprint()
    assert source.notes == folder.notes
    [failure] = source.skipped
    assert (failure["path"], "is a GIF image, which its name does not say" in failure["error"]) == ("robin/notes", True)
    assert [path for path in sorted(pack.parent.rglob("*")) if "cache" not in path.parts] == sorted(
        [*before, pack.parent / "birds.zip"]
    )
    assert {one.kind for one in file_faults(source)} == {one.kind for one in file_faults(folder)}
    assert look(source, rows=1, columns=2).size == look(folder, rows=1, columns=2).size


def test_a_zip_of_a_table_has_its_images(pack: Path) -> None:
    (pack / "birds" / "images").mkdir()
    rows = []
    for label in ("robin", "wren"):
        for number in range(COUNT):
            one = f"{label[0]}{number:02}"
            (pack / "birds" / label / f"{number}.png").rename(pack / "birds" / "images" / f"{one}.png")
            rows.append(f"{one},{label}")
        (pack / "birds" / label).rmdir()
    (pack / "birds" / "labels.csv").write_text("\n".join(["id,label", *rows]))
    source = opened(zipped(pack))
    assert source.files["all"] == [f"images/{row[:3]}.png" for row in rows]
    assert Split(source).train().class_names == ("robin", "wren")
    with pytest.raises(UsageError, match="--image-root"):
        opened(pack.parent / "birds.zip", image_root=pack)


def test_of_several_tables_in_a_zip_it_is_said_which_is_read(pack: Path) -> None:
    (pack / "birds" / "images").mkdir()
    rows = []
    for label in ("robin", "wren"):
        for number in range(COUNT):
            (pack / "birds" / label / f"{number}.png").rename(pack / "birds" / "images" / f"{label}{number}.png")
            rows.append(f"images/{label}{number}.png,{label}")
        (pack / "birds" / label).rmdir()
    (pack / "birds" / "train.csv").write_text("\n".join(["path,label", *rows]))
    (pack / "birds" / "sample_submission.csv").write_text("path,label\n")
    assert opened(zipped(pack)).notes[0] == "Labels are read from 'train.csv', not from 'sample_submission.csv'."


def test_a_changed_zip_is_read_anew(pack: Path) -> None:
    first = Split(opened(zipped(pack))).train()
    Image.new("RGB", (16, 16)).save(pack / "birds" / "robin" / "0.png")
    assert Split(opened(zipped(pack))).train().fingerprint() != first.fingerprint()


def damaged(path: Path) -> None:
    with zipfile.ZipFile(path) as file:
        member = file.getinfo("birds/robin/1.png")
    content = bytearray(path.read_bytes())
    content[member.header_offset + 60 : member.header_offset + 90] = bytes(30)
    path.write_bytes(content)


def test_an_image_that_is_damaged_in_its_zip_is_named(pack: Path) -> None:
    path = zipped(pack)
    damaged(path)
    source = open_source(path, cache=path.parent / "cache", for_audit=True)
    assert len(source.readers["all"](lambda *_: None)) == 2 * COUNT - 1
    assert "birds.zip/birds/robin/1.png" in source.skipped[0]["error"]


def test_what_no_data_set_needs_is_refused(pack: Path, tmp_path: Path) -> None:
    def made(name: str, *, mode: int = stat.S_IFREG, method: int = zipfile.ZIP_STORED, twice: bool = False) -> Path:
        path = tmp_path / "x.zip"
        with zipfile.ZipFile(path, "w") as file:
            info = zipfile.ZipInfo(name)
            info.external_attr, info.compress_type = mode << 16, method
            file.writestr(info, b"x")
            if twice:
                with pytest.warns(UserWarning, match="Duplicate"):
                    file.writestr(info, b"x")
        return path

    for arguments, said in (
        ({"name": "../a.png"}, "leaves its folder"),
        ({"name": "."}, "has no name"),
        ({"name": "/a.png"}, "leaves its folder"),
        ({"name": "a.png", "mode": stat.S_IFLNK}, "is a link"),
        ({"name": "a.png", "method": zipfile.ZIP_LZMA}, "is neither stored nor deflated"),
        ({"name": "a.png", "twice": True}, "twice"),
    ):
        with pytest.raises(DataError, match=said):
            opened(made(**arguments))


def test_a_bomb_is_refused_and_a_broken_zip_told(tmp_path: Path) -> None:
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        for number in range(3):
            file.writestr(f"a/{number}.png", bytes(1 << 26))
    with pytest.raises(DataError, match="declares more than an archive of images holds"):
        opened(path)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(DataError, match="cut short, damaged or no zip"):
        opened(path)
