"""A person relies on: in a notebook training shows how far it is, results show themselves, and no cell is flooded."""

from __future__ import annotations

import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import beholder
from beholder.api.results import ComparedModel, ComparisonResult
from beholder.api.showing import in_notebook, shown
from beholder.data.progress import silent
from beholder.report.cells.drawings import confusion, curves
from beholder.report.cells.progress import Bar, progress_cell

if TYPE_CHECKING:
    from beholder.api.audit_result import AuditResult

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")

LARGEST_CELL = 30_000  # characters that one cell shows
CELLS = (
    "import beholder",
    "trained = beholder.train('digits', model='linear', epochs=3, out='run')\ntrained",
    "figures = beholder.evaluate(trained)\nfigures",
    "print(figures.to_dict()['mistakes'])",
    "beholder.evaluate(trained, exact=True, progress=False)\nprint('silent')",
    "(beholder.Split(beholder.open_source('digits')).test(), beholder.open_source('digits'))",
)


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> list[list[Any]]:
    """What each cell of a notebook shows that a kernel of its own ran."""
    folder = tmp_path_factory.mktemp("notebook")
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code) for code in CELLS])
    client = nbclient.NotebookClient(book, timeout=300, resources={"metadata": {"path": str(folder)}})
    client.create_kernel_manager()
    client.km.kernel_spec.argv[0] = sys.executable  # this environment, whatever kernels are known elsewhere
    client.execute()
    return [cell.outputs for cell in book.cells]


def html_of(outputs: list[Any]) -> list[str]:
    return [one.data["text/html"] for one in outputs if "text/html" in one.get("data", {})]


class Balanced(HTMLParser):
    """Fails where a tag is closed that was not opened."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, _attributes: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)

    def handle_startendtag(self, _tag: str, _attributes: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def check_html(html: str) -> None:
    parser = Balanced()
    parser.feed(html)
    assert parser.open == []


@pytest.mark.slow
def test_training_shows_its_progress_and_then_itself(cells: list[list[Any]]) -> None:
    progress, result = html_of(cells[1])
    assert "epoch   3/3" in progress
    assert "validation" in progress
    assert "validation accuracy, 95 % interval" in result
    assert "<svg" in result
    assert "rows: label, columns: answer" in result
    assert [one.output_type for one in cells[1]] == ["display_data", "execute_result"], "one output, drawn anew"


@pytest.mark.slow
def test_an_evaluation_shows_itself(cells: list[list[Any]]) -> None:
    evaluation = html_of(cells[2])[-1]
    assert "accuracy on 180 images of the test set, 95 % interval" in evaluation
    assert "weakest classes" in evaluation


def test_other_results_show_themselves(
    digits_run: Path, write_audit: Callable[[Path], AuditResult], tmp_path: Path
) -> None:
    row: dict[str, Any] = {
        "model": "linear",
        "images": 9,
        "parameters": 12345,
        "multiply_adds": 1,
        "seconds": 1.0,
        "best_epoch": 1,
    }
    shares: dict[str, Any] = {
        "train_accuracy": 0.9,
        "validation_accuracy": 0.8123,
        "gap": 0.1,
        "run": Path("runs/linear"),
    }
    compared = ComparisonResult(
        data="digits",
        seed=0,
        models=(ComparedModel(**row, **shares, test_accuracy=0.7, interval=(0.6, 0.8)),),
        missing=("dense",),
        out=Path("runs"),
        notes=("A <note>.",),
        created="2026-01-01T00:00:00+00:00",
    )
    costs = beholder.parameters(digits_run)
    shown_as = {
        "81.2 %": compared._repr_html_(),
        "70.0 % (60.0 to 80.0 %)": compared._repr_html_(),
        "A &lt;note&gt;.": compared._repr_html_(),
        f"{costs.parameters:,}": costs._repr_html_(),
        "Labels in doubt": write_audit(tmp_path / "audit")._repr_html_(),
    }
    for words, html in shown_as.items():
        assert words in html
        check_html(html)
        assert len(html) < LARGEST_CELL


@pytest.mark.slow
def test_no_cell_is_flooded(cells: list[list[Any]]) -> None:
    for outputs in cells:
        text = repr(outputs)
        assert len(text) < LARGEST_CELL
        assert "base64" not in text
        assert all(one.output_type != "error" for one in outputs)
        for html in html_of(outputs):
            check_html(html)
    assert "characters>" in cells[3][0].text
    assert "Dataset(180 grey images of 8 × 8 pixels, 10 classes)" in cells[5][0].data["text/plain"]


@pytest.mark.slow
def test_nothing_is_shown_where_it_is_not_wanted(cells: list[list[Any]]) -> None:
    assert [one.text for one in cells[4]] == ["silent\n"]


def test_a_program_is_told_nothing_unless_it_asks(capsys: pytest.CaptureFixture[str]) -> None:
    assert not in_notebook()
    assert shown(None) == (silent, None)
    assert shown(False) == (silent, None)
    assert shown(print) == (print, None)
    heard: list[str] = []
    tell, hear = shown(True, lambda event: heard.append(event["event"]))
    tell("Reading images", 1, 2)
    assert hear is not None
    hear({"event": "advice", "message": "Bring more images."})
    assert heard == ["advice"]
    assert capsys.readouterr() == ("", "Bring more images.\n")


def test_names_of_people_are_no_markup() -> None:
    names = ["<b>cat</b>", "a & b"]
    for html in (
        confusion([[3, 1], [0, 0]], names),
        progress_cell(
            [("<script>", False), ("warn <i>", True)] * 8, [Bar("<u>", 3, 10, "<s>"), Bar("no total", 1, None)]
        ),
    ):
        check_html(html)
        for mark in ("<b>", "<script>", "<i>", "<u>", "<s>", "& b"):
            assert mark not in html


def test_drawings_stay_small() -> None:
    epochs = [{"epoch": one, "train_accuracy": 0.5, "validation_accuracy": 0.5} for one in range(1, 5001)]
    assert len(curves(epochs)) < LARGEST_CELL
    assert curves(epochs[:1]) == ""
    assert "numbers" not in confusion([[1] * 61] * 61, ["class"] * 61)
    assert confusion([[1] * 61] * 61, ["class"] * 61) == "", "too many to be read"
    many = confusion([[1] * 60] * 60, [f"class {one}" for one in range(60)])
    assert "class 7" not in many, "squares without words"


@pytest.mark.slow
def test_the_kernel_ran_in_its_own_folder(cells: list[list[Any]]) -> None:
    assert not Path("run").exists()
