"""A person relies on: a RUN's costs come at once without TensorFlow, and the chart holds the chapter's numbers."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from beholder.cli import _run


def parameters(*arguments: str | Path) -> int:
    return _run(["parameters", *map(str, arguments)])


def test_a_run_is_read_without_any_framework(digits_run: Path) -> None:
    code = (
        "import sys\n"
        "from beholder.cli import _run\n"
        "status = _run(['parameters', sys.argv[1]])\n"
        "heavy = ('keras', 'tensorflow', 'onnxruntime', 'matplotlib', 'scipy')\n"
        "print([name for name in heavy if name in sys.modules], status)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(digits_run)], capture_output=True, text=True, check=True)
    *table, last = done.stdout.splitlines()
    assert last == "[] 0"
    text = "\n".join(table)
    total = sum(
        layer["parameters"] for layer in json.loads((digits_run / "model/manifest.json").read_bytes())["layers"]
    )
    assert re.search(rf"^total +{total:,} ", text, re.MULTILINE)
    assert "256 × 256 fully connected to 10 neurons: 655,360 weights (65,536 for a single neuron)." in text
    assert "256 × 256 under 64 windows of 5 × 5: 1,600 weights." in text
    assert "300 × 300 under 64 windows of 5 × 5: 1,600 weights." in text


def test_the_json_document(digits_run: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert parameters(digits_run, "--json") == 0
    document = json.loads(capfd.readouterr().out)
    assert list(document) == ["schema", "model", "layers", "parameters", "multiply_adds", "argument"]
    assert document["schema"] == 2


def test_the_chart_as_png_and_as_svg(tmp_path: Path, digits_run: Path, capfd: pytest.CaptureFixture[str]) -> None:
    png, svg = tmp_path / "chart.png", tmp_path / "chart.SVG"
    assert parameters(digits_run, "--out", png) == 0
    assert capfd.readouterr().out.endswith(f"Wrote {png}.\n")
    assert parameters(digits_run, "--out", svg, "--json") == 0
    assert json.loads(capfd.readouterr().out)["out"] == str(svg)
    with Image.open(png) as image:
        assert min(image.size) > 600
    text = svg.read_text(encoding="utf-8")
    for words in ("655,360", "900,000", "1,600", "256 × 256:", "300 × 300:", "fully connected", "windows of 5 × 5"):
        assert words in text
    assert "http" not in re.sub(r'xmlns(:\w+)?="[^"]*"', "", text)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--out", "chart.pdf"], "Error: A chart is written as .png or .svg"),
        (["--size", "32"], "has a network of its own; leave --size 32 out."),
        (["--model", "bok"], "'bok'"),
    ],
)
def test_what_cannot_be_is_told(
    digits_run: Path, capfd: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    assert parameters(digits_run, *arguments) == 2
    captured = capfd.readouterr()
    assert captured.out == ""
    assert words in captured.err
    assert "Traceback" not in captured.err
