"""A person relies on: what the documentation says can be done, can be done; what it names is there, and the reverse."""

from __future__ import annotations

import io
import pickle
import re
import runpy
import shlex
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from PIL import Image

import beholder
from beholder.cli import _run
from beholder.cli import beholder as cli
from beholder.data.copies import duplicates
from beholder.data.copies.pairs import near_copies

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
PACKAGE = ROOT / "src" / "beholder"
LARGEST_IMAGE = 150_000  # bytes
LARGEST_TOUR = 1_000_000  # bytes, all its images together
LONGEST_README = 150  # lines
# What the trainings learn in their minutes, no test here looks at.
in_short = pytest.mark.parametrize("short", [True, pytest.param(False, marks=pytest.mark.long)], ids=["short", "whole"])
TOUR = ROOT / "docs" / "tour.md"
FOLLOWED = (  # pages whose commands go on where those of the page before ended
    ("README.md", "docs/trust.md", "docs/answering.md", "docs/artifact.md"),
    ("docs/training.md", "docs/own-images.md"),
    ("docs/labels-in-a-table.md",),
)
SOUND = ROOT / "docs" / "sound.md"
SOUND_IMAGES = {  # as of the tour
    "whistles.png": "whistles.png",
    "varied.png": "varied.png",
    "where.png": "explanation/where.png",
}
TOUR_IMAGES = {  # from an image of the tour to the file that its commands write; the others are cut from reports
    "digits.png": "digits.png",
    "moved.png": "moved.png",
    "cleaned.png": "cleaned.png",
    "parameters.png": "parameters.png",
    "input.png": "random/input.png",
    "windows-random.png": "random/windows.png",
    "convolution.png": "random/maps/01-random_convolution.png",
    "relu.png": "random/maps/02-random_relu.png",
    "pooling.png": "random/maps/03-random_pool.png",
    "windows-trained.png": "trained/windows.png",
}


def blocks(text: str, *languages: str) -> Iterator[tuple[str, str]]:
    """Language and content of each fenced block in one of `languages`, in order."""
    for language, content in re.findall(r"^```(\w+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        if language in languages:
            yield language, content


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, with an archive in its cache and beside it, and somebody's own images."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BEHOLDER_CACHE", str(tmp_path / "cache"))
    for parent in (tmp_path, tmp_path / "cache"):
        write_archive(parent / "cifar-10-batches-py")
    random = np.random.default_rng(0)
    for label, name in enumerate(("robin", "wren")):
        (tmp_path / "birds" / name).mkdir(parents=True)
        for number in range(15):
            pixels = random.integers(0, 128, (12, 16, 3)) + 100 * label
            Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / "birds" / name / f"{number}.png")
    write_tables(tmp_path)
    (tmp_path / "docs").symlink_to(ROOT / "docs")  # the pages name an image that lies there
    return tmp_path


def write_tables(folder: Path) -> None:
    """Tables of the same birds, and leaves as Kaggle packs its data."""
    names = [f"{name}/{number}.png" for name in ("robin", "wren") for number in range(15)]
    rows = [(name, name.partition("/")[0]) for name in names]
    (folder / "birds.csv").write_text("\n".join(["path,label", *(f"birds/{a},{b}" for a, b in rows)]), encoding="utf-8")
    (folder / "labels").mkdir()
    told = "\n".join(["path\tlabel", *(f"{a}\t{b}" for a, b in rows)])
    (folder / "labels" / "birds.tsv").write_text(told, encoding="utf-8")
    with zipfile.ZipFile(folder / "birds.zip", "w") as file:
        for name in names:
            file.write(folder / "birds" / name, f"birds/{name}")
    (folder / "leaves" / "train_images").mkdir(parents=True)
    for number, name in enumerate(names):
        (folder / "leaves" / "train_images" / f"leaf{number:02}.png").hardlink_to(folder / "birds" / name)
    leaves = [f"leaf{number:02};{'öak' if number < 15 else 'elm'};x" for number in range(30)]
    (folder / "leaves" / "train.csv").write_bytes("\r\n".join(["id;species;note", *leaves]).encode("latin-1"))


def write_archive(folder: Path) -> None:
    """CIFAR-10, python version, with 20 images to train on and 10 to test."""
    folder.mkdir(parents=True)
    random = np.random.default_rng(0)
    for name, count in (("data_batch_1", 20), ("test_batch", 10)):
        data = random.integers(0, 256, (count, 3072)).astype(np.uint8)
        (folder / name).write_bytes(pickle.dumps({"data": data, "labels": [row % 10 for row in range(count)]}))
    names = [f"class {number}" for number in range(10)]
    (folder / "batches.meta").write_bytes(pickle.dumps({"label_names": names}))


def execute(line: str, monkeypatch: pytest.MonkeyPatch, *, short: bool) -> None:
    """One line of a `sh` block: `make TARGET`, or `beholder …` with standard input from a file or not."""
    command, _, standard_input = line.partition(" < ")
    program, *arguments = shlex.split(command)
    if program == "make":
        assert re.search(rf"^{arguments[0]}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE), line
        if arguments == ["demo"]:
            demo(monkeypatch, short=short)
        return
    assert program == "beholder", f"the tests cannot run {line!r}; put it into a console block"
    if standard_input:
        stream = io.TextIOWrapper(io.BytesIO(Path(standard_input).read_bytes()))
        monkeypatch.setattr(sys, "stdin", stream)
    understood(arguments)
    assert _run(shortened(arguments) if short else arguments) == 0, line


def demo(monkeypatch: pytest.MonkeyPatch, *, short: bool) -> None:
    """What `make demo` does once everything is installed."""
    with monkeypatch.context() as patch:
        if short:
            patch.setattr(beholder, "train", partial(beholder.train, epochs=1))
        runpy.run_path(str(ROOT / "examples" / "story.py"))["main"](Path("demo"))


def understood(arguments: list[str]) -> None:
    """The command line takes `arguments` as they are written."""
    with click.Context(cli, **cli.context_settings) as program:
        cli.commands[arguments[0]].make_context(arguments[0], arguments[1:], parent=program)


def shortened(arguments: list[str]) -> list[str]:
    """The same command for one epoch, instead of a budget too where there are many images; the shortest audit."""
    shorter = list(arguments)
    for place, name in enumerate(arguments[:-1], start=1):
        if name == "--epochs":
            shorter[place] = "1"
        elif name == "--budget" and arguments[0] == "audit":
            shorter[place] = "10s"
        elif (name, arguments[1]) == ("--budget", "digits"):
            shorter[place - 1 : place + 1] = ["--epochs", "1"]
    return shorter


def run_python(code: str) -> None:
    """A script with `code`, in this process."""
    script = Path("block.py")
    script.write_text(code, encoding="utf-8")
    runpy.run_path(str(script))


def follow(text: str, monkeypatch: pytest.MonkeyPatch, *, short: bool) -> None:
    """All that `text` tells a reader to do, in its order."""
    for language, content in blocks(text, "sh", "python"):
        if language == "python":
            run_python(content)
        else:
            for line in content.splitlines():
                execute(line, monkeypatch, short=short)


@pytest.mark.slow  # a page goes on with the runs that the pages before it made
@pytest.mark.usefixtures("framework", "folder")
@pytest.mark.parametrize("pages", FOLLOWED, ids=" ".join)
@in_short
def test_every_command_and_example_works(pages: tuple[str, ...], short: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    for page in pages:
        follow((ROOT / page).read_text(encoding="utf-8"), monkeypatch, short=short)


def remembering(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` of an array and more, which gives the same answer for the same array without looking again."""
    answers: dict[bytes, Any] = {}

    def answer(array: np.ndarray[Any, Any], *more: Any) -> Any:
        key = sha256(array.tobytes()).digest()
        if key not in answers:
            answers[key] = function(array, *more)
        return answers[key]

    return answer


def test_the_readme_can_be_read_at_one_sitting() -> None:
    assert len(README.splitlines()) <= LONGEST_README


@pytest.mark.slow  # one story, from the data to what six networks make of them
@pytest.mark.usefixtures("framework", "folder")
@in_short
def test_every_step_of_the_tour_works(folder: Path, short: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if short:  # the story splits the same images again and again
        monkeypatch.setattr(duplicates, "near_copies", remembering(near_copies))
    follow(TOUR.read_text(encoding="utf-8"), monkeypatch, short=short)
    same_sizes(ROOT / "docs" / "images" / "tour", TOUR_IMAGES, folder)


def same_sizes(shown: Path, files: dict[str, str], folder: Path) -> None:
    """The images that a page shows are those of its commands: of the same size, whatever was learned."""
    for name, drawn in files.items():
        with Image.open(shown / name) as image, Image.open(folder / drawn) as now:
            assert image.width == now.width, name
            # How many lines the words above a figure need depends on what was learned.
            assert abs(image.height - now.height) <= (60 if drawn.endswith("where.png") else 0), name


@pytest.mark.slow  # from sounds to an explanation
@pytest.mark.usefixtures("framework", "folder")
@in_short
def test_every_step_of_the_page_of_sounds_works(folder: Path, short: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    follow(SOUND.read_text(encoding="utf-8"), monkeypatch, short=short)
    same_sizes(ROOT / "docs" / "images" / "sound", SOUND_IMAGES, folder)


@pytest.mark.usefixtures("framework", "folder")
@in_short
def test_every_example_of_the_python_page_works(short: bool) -> None:
    code = "\n".join(content for _, content in blocks((ROOT / "docs" / "python.md").read_text("utf-8"), "python"))
    run_python(code.replace("epochs=10", "epochs=1").replace("budget=30", "budget=10") if short else code)


@pytest.mark.parametrize("name", beholder.__all__)
def test_every_public_name_has_its_section_on_the_python_page(name: str) -> None:
    page = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    assert re.search(rf"^### `beholder\.{name}\b", page, re.MULTILINE)


def test_the_command_line_reference_is_current() -> None:
    command = [sys.executable, str(ROOT / "docs" / "write_commands.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_an_outdated_reference_is_told(tmp_path: Path) -> None:
    script = tmp_path / "write_commands.py"
    for name in ("write_commands.py", "written.py"):
        (tmp_path / name).write_bytes((ROOT / "docs" / name).read_bytes())
    (tmp_path / "commands.md").write_text("old\n", encoding="utf-8")
    done = subprocess.run([sys.executable, str(script), "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "docs/commands.md is not what --help says now; run `make docs` and commit it.\n"


def slug(heading: str) -> str:
    """The anchor that a heading gets."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def links(page: Path) -> list[str]:
    """Where the links and images of `page` lead; those outside the repository left out."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    found = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'(?:src|href)="([^"]+)"', text)
    return [link for link in found if not re.match(r"\w+:", link)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert target.is_relative_to(ROOT), link
        if anchor:
            headings = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in map(slug, headings), link


def test_images_of_the_pages_are_small() -> None:
    images = {path: path.stat().st_size for path in (ROOT / "docs" / "images").rglob("*") if path.is_file()}
    assert images
    assert {path.name for path, size in images.items() if size > LARGEST_IMAGE} == set()
    assert sum(size for path, size in images.items() if path.parent.name == "tour") < LARGEST_TOUR


def test_every_image_is_shown_on_a_page() -> None:
    shown = {(page.parent / link).resolve() for page in PAGES for link in links(page)}
    assert {path.name for path in (ROOT / "docs" / "images").rglob("*.*") if path.resolve() not in shown} == set()


def test_the_map_of_the_code_is_current() -> None:
    command = [sys.executable, str(ROOT / "docs" / "write_house.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_list_of_messages_is_current() -> None:
    command = [sys.executable, str(ROOT / "docs" / "write_messages.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_map_names_every_file_of_the_package() -> None:
    page = (ROOT / "docs" / "house.md").read_text(encoding="utf-8")
    files = [path for path in PACKAGE.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert files
    missing = [path for path in files if path.name != "__init__.py" and f"| `{path.name}` |" not in page]
    assert missing == []
