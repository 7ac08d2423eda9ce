"""A person relies on: the page holds each figure, says what the table shows, and asks nothing of any network."""

from __future__ import annotations

import base64
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from beholder.data.kinds import IMAGES
from beholder.errors import RunError
from beholder.report.comparison import findings, write_comparison

NBSP = "\N{NO-BREAK SPACE}"


def row(model: str, parameters: int, validation: float, gap: float, images: int = 45_000) -> dict[str, Any]:
    return {
        "model": model,
        "title": model,
        "images": images,
        "parameters": parameters,
        "validation_accuracy": validation,
        "validation_interval": (validation - 0.01, validation + 0.01),
        "train_accuracy": validation + gap,
        "gap": gap,
    }


DENSE, BOOK, FAST = (
    row("dense", 3_157_002, 0.50, 0.45),
    row("book", 2_474_698, 0.66, 0.20),
    row("fast", 791_266, 0.90, 0.04),
)


def text(sentences: list[str]) -> str:
    return " ".join(sentences).replace(NBSP, " ")


def test_the_chapters_point_is_said_where_the_figures_show_it() -> None:
    said = text(findings([FAST, BOOK, DENSE], IMAGES))
    assert "fast ranks first: 90.0 % on the validation set (95 % interval 89.0 % to 91.0 %)" in said
    assert "dense overfits most: its training accuracy, 95.0 %, ends 45.0 points above" in said
    assert "dense has the most parameters, 3,157,002; better on validation with fewer: " in said
    assert "fewer: fast (40.0 points), book (16.0 points)." in said


def test_nothing_is_said_that_the_figures_do_not_show() -> None:
    good = row("dense", 3_157_002, 0.95, 0.01)
    assert len(findings([good, row("book", 2_474_698, 0.90, 0.02)], IMAGES)) == 1


def test_how_the_gap_changes_with_more_images_is_said() -> None:
    few = row("dense", 3_157_002, 0.30, 0.70, images=500)
    assert "From 500 to 45,000 training images the gap changes: dense from 70.0 to 45.0 points." in text(
        findings([DENSE, few], IMAGES)
    )


@pytest.fixture
def folder(tmp_path: Path, digits_run: Path) -> Path:
    """Two runs of one model at two sizes, and one of another: copies of a small run."""
    rows = []
    for name, model, images, accuracy in (
        ("a-500", "a", 500, 0.5),
        ("a-900", "a", 900, 0.75),
        ("b-900", "b", 900, 0.6),
    ):
        shutil.copytree(digits_run, tmp_path / name, ignore=shutil.ignore_patterns("*.onnx", "*.keras", "*.npz"))
        figures = {
            "model": model,
            "images": images,
            "parameters": 1234 if model == "a" else 98_765,
            "multiply_adds": 4321,
            "seconds": 12.3,
            "train_accuracy": 0.875,
            "validation_accuracy": accuracy,
            "gap": 0.875 - accuracy,
            "best_epoch": 2,
            "run": f"elsewhere/{name}",
        }
        rows.append(figures)
    document = {"schema": 2, "data": "<b>digits</b>", "seed": 7, "models": rows, "missing": ["b-500"], "out": "x y"}
    (tmp_path / "comparison.json").write_text(json.dumps(document), encoding="utf-8")
    return tmp_path


def test_the_page_holds_every_figure_and_links_to_every_report(folder: Path) -> None:
    html = write_comparison(folder).read_text(encoding="utf-8").replace(NBSP, " ")
    for words in ("50.0 %", "75.0 %", "60.0 %", "87.5 %", "1,234", "98,765", "4,321", "12.3 s", "seed 7", "2 of 3"):
        assert words in html
    for name in ("a-500", "a-900", "b-900"):
        assert f'href="{name}/report.html"' in html
    assert "Not finished: b-500" in html
    assert "<b>digits</b>" not in html
    assert "The test set is still closed" in html


def test_the_page_is_self_contained_and_its_charts_have_alternatives(folder: Path) -> None:
    html = write_comparison(folder).read_text(encoding="utf-8")
    assert not re.findall(r'(?:src|srcset|href)="(?!data:|#|[ab]-\d+/report\.html")[^"]*"', html)
    alternatives = re.findall(r'<img [^>]*alt="([^"]*)"', html)
    assert len(alternatives) == 2 + 3
    assert all(len(words) > 40 for words in alternatives)
    drawn = [base64.b64decode(uri).decode() for uri in re.findall(r"data:image/svg\+xml;base64,([\w+/=]+)", html)]
    assert len(drawn) == 2 * (2 + 3)
    for svg in drawn:
        assert "http" not in re.sub(r'xmlns(:\w+)?="[^"]*"', "", svg)
    assert any(">training images<" in svg and ">900<" in svg for svg in drawn)


def test_equal_files_give_an_equal_page(folder: Path) -> None:
    assert write_comparison(folder).read_bytes() == write_comparison(folder).read_bytes()


def test_one_run_is_a_comparison_too(folder: Path) -> None:
    document = json.loads((folder / "comparison.json").read_bytes())
    (folder / "comparison.json").write_text(
        json.dumps({**document, "models": document["models"][:1]}), encoding="utf-8"
    )
    assert 'id="figures"' not in write_comparison(folder).read_text(encoding="utf-8")


def test_figures_of_the_test_set_are_shown_once_opened(folder: Path) -> None:
    document = json.loads((folder / "comparison.json").read_bytes())
    for figures in document["models"]:
        figures.update(test_accuracy=0.4321, interval=[0.4, 0.46])
    (folder / "comparison.json").write_text(json.dumps(document), encoding="utf-8")
    html = write_comparison(folder).read_text(encoding="utf-8").replace(NBSP, " ")
    assert "43.2 %" in html
    assert "40.0–46.0 %" in html
    assert "opened once, after all training" in html


def test_no_comparison_and_a_damaged_one_are_told(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="give the --out of `beholder compare`"):
        write_comparison(tmp_path)
    (tmp_path / "comparison.json").write_text('{"models": [{"model": "a"}]}', encoding="utf-8")
    with pytest.raises(RunError, match=r"damaged.*run `beholder compare` again"):
        write_comparison(tmp_path)
