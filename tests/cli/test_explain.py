"""A person relies on: one command makes a folder of figures and a page that shows them, and overwrites nothing."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from beholder.cli import _run


def explain(*arguments: str | Path | int) -> int:
    return _run(["explain", *map(str, arguments)])


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "an image <b>.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (20, 20), dtype=np.uint8)).save(path)
    return path


class _Page(HTMLParser):
    """The tags of a page with their attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_the_folder_holds_every_figure_and_the_page_shows_them_in_order(
    digits_run: Path, image: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert explain(digits_run, image, "--out", out, "--frames", "--json", "--top", 3) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == 2
    assert document["path"] == str(image)
    assert len(document["top"]) == 3
    assert document["method"] == "occlusion"  # the last maps of so small an image have a single place
    assert document.pop("out") == str(out)
    assert json.loads((out / "explain.json").read_bytes()) == document
    found = sorted(path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file())
    assert document["files"] == found
    assert {"input.png", "windows.png", "sliding.gif", "where.png", "index.html", "explain.json"} <= set(found)
    layers = [row["name"] for row in json.loads((digits_run / "model" / "manifest.json").read_bytes())["layers"]]
    for layer in document["layers"]:
        assert layer["file"] == f"maps/{layers.index(layer['name']) + 1:02}-{layer['name']}.png"
    assert len([name for name in found if name.startswith("sliding/")]) == document["sliding"]["frames"]

    html = (out / "index.html").read_text(encoding="utf-8")
    tags = _Page(html).tags
    images = [attributes for tag, attributes in tags if tag == "img"]
    assert all(attributes["alt"] for attributes in images)
    shown = [str(attributes["src"]) for attributes in images]
    assert shown[:3] == ["input.png", "windows.png", "sliding.gif"]
    assert shown[3:-1] == [layer["file"] for layer in document["layers"]]
    assert shown[-1] == "where.png"
    targets = [
        str(v) for _, a in tags for key, v in a.items() if key in ("src", "href", "srcset") and v and v[0] != "#"
    ]
    assert all((out / target).is_file() for target in targets)
    assert not re.search(r"https?://|@import|url\(", html)
    assert "&lt;b&gt;" in html


def test_the_same_seed_draws_the_same_random_windows(
    digits_run: Path, image: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        out = tmp_path / name
        assert explain(digits_run, image, "--random", "--window", 3, "--seed", seed, "--out", out, "--json") == 0
        document = json.loads(capsys.readouterr().out)
        assert document["random"] is True
        assert document["sliding"]["size"] == [3, 3]
        assert len(document["windows"]) == 32
    same = [(tmp_path / name / "windows.png").read_bytes() for name in "abc"]
    assert same[0] == same[1] != same[2]


def test_the_stride_and_the_window_that_slides_can_be_chosen(
    digits_run: Path, image: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert explain(digits_run, image, "--stride", 2, "--slide", 3, "--out", tmp_path / "o", "--json") == 0
    sliding = json.loads(capsys.readouterr().out)["sliding"]
    assert (sliding["window"], sliding["stride"]) == (3, 2)
    assert sliding["shape"] == [4, 4]  # 8 × 8 with a window of 2 × 2, no padding


def test_what_is_there_is_not_overwritten(
    digits_run: Path, image: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert explain(digits_run, image, "--out", out) == 0
    assert explain(digits_run, image, "--out", out) == 2
    assert "--force" in capsys.readouterr().err
    assert explain(digits_run, image, "--out", out, "--force", "--random") == 0
    assert not (out / "maps" / "01-as_float.png").exists()
    (out / "mine.txt").write_text("notes")
    assert explain(digits_run, image, "--out", out, "--force") == 2
    assert "mine.txt" in capsys.readouterr().err
    assert (out / "mine.txt").read_text() == "notes"
    other = tmp_path / "other"
    other.mkdir()
    (other / "x").touch()
    assert explain(digits_run, image, "--out", other, "--force") == 2
    assert [path.name for path in other.iterdir()] == ["x"]
    assert explain(digits_run, image, "--out", image) == 2


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (["--window", 3], "--random"),
        (["--random", "--window", 9], "from 1 to 8"),
        (["--stride", 9], "stride from 1 to 8"),
        (["--slide", 8], "from 0 to 7"),
    ],
)
def test_options_that_do_not_fit_are_one_sentence_and_leave_nothing(
    digits_run: Path,
    image: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    options: list[str | int],
    word: str,
) -> None:
    assert explain(digits_run, image, "--out", tmp_path / "new" / "out", *options) == 2
    error = capsys.readouterr().err
    assert word in error
    assert error.count("\n") == 1
    assert not (tmp_path / "new").exists()


def test_an_image_that_cannot_be_read_leaves_nothing(
    digits_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.png").write_bytes(b"no image")
    for path in (tmp_path / "bad.png", tmp_path / "missing.png"):
        assert explain(digits_run, path, "--out", tmp_path / "out") == 2
        assert path.name in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.png"]


def test_a_folder_that_cannot_be_written_is_one_sentence(
    digits_run: Path, image: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert explain(digits_run, image, "--out", image / "below") == 2
    assert "a file is in the way" in capsys.readouterr().err


def test_explaining_needs_neither_tensorflow_nor_matplotlib_nor_jinja(
    digits_run: Path, image: Path, tmp_path: Path
) -> None:
    code = (
        "import sys\n"
        "from beholder.api.explain import explain\n"
        f"explain({str(digits_run)!r}, open({str(image)!r}, 'rb').read(), out={str(tmp_path / 'out')!r})\n"
        "print([n for n in ('keras', 'tensorflow', 'matplotlib', 'jinja2', 'onnx', 'scipy') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert json.loads((tmp_path / "out" / "explain.json").read_bytes())["path"] == "-"
