"""The report: it holds every number of the run, asks nothing of any network, and takes names as text."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from beholder.errors import RunError, StorageError
from beholder.evaluation.metrics import macro_figures
from beholder.report.page import write_report

CLASSES = ["cat", "<script>alert('x')</script>", "dog & $x^2$"]
NBSP = "\N{NO-BREAK SPACE}"


class Page(HTMLParser):
    """A report as a reader gets it: text, tags, addresses and alternatives."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.pieces: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.pieces.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.pieces).split())

    def values(self, tag: str, name: str) -> list[str]:
        return [value for other, attribute, value in self.attributes if (other, attribute) == (tag, name)]


def _write(run: Path, name: str, document: Any) -> None:
    path = run / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document), encoding="utf-8")


def _image(side: int = 8) -> str:
    buffer = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 255, (side, side, 3), np.uint8)
    Image.fromarray(pixels).save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def _config(run: Path) -> None:
    _write(
        run,
        "config.json",
        {
            "schema": 2,
            "beholder": "0.2.0",
            "command": f"beholder train animals --model book --out {run.name}",
            "data": "animals",
            "model": "auto",
            "epochs": None,
            "batch_size": None,
            "seed": None,
            "created": "2026-01-02T03:04:05+00:00",
            "options": {},
            # What was decided, where the person left it open.
            "settings": {
                "model": "book",
                "seed": 7,
                "options": {"window": 5},
                "recipe": {"epochs": 2, "batch_size": 64},
            },
        },
    )


def _epoch(number: int, loss: float, train: float, validation: float) -> dict[str, Any]:
    return {
        "event": "epoch",
        "epoch": number,
        "epochs": 2,
        "seconds": 61.0,
        "train_loss": loss,
        "train_accuracy": train,
        "validation_loss": loss + 0.25,
        "validation_accuracy": validation,
        "gap": train - validation,
        "learning_rate": 0.05,
        "images_per_second": 1234.4,
    }


def _events(run: Path, *events: dict[str, Any], tail: str = "") -> None:
    (run / "events.jsonl").write_text("\n".join(map(json.dumps, events)) + "\n" + tail, encoding="utf-8")


def _evaluation(run: Path, **changes: Any) -> None:
    document = {
        "schema": 2,
        "model": hashlib.sha256((run / "model" / "SHA256SUMS").read_bytes()).hexdigest(),
        "data": "animals",
        "set": "test",
        "count": 40,
        "accuracy": 0.9,
        "interval": [0.7695, 0.9604],
        "top5": None,
        "log_loss": 0.4321,
        "per_class": [
            {"class_name": name, "precision": 0.811, "recall": 0.822, "f1": 0.833, "count": 20} for name in CLASSES[:2]
        ]
        + [{"class_name": CLASSES[2], "precision": 0.0, "recall": 0.0, "f1": 0.0, "count": 0}],
        "confusion": [[17, 3, 0], [1, 19, 0], [0, 0, 0]],
        "mistakes": [
            {
                "name": "test/cat/<b>1</b>.png",
                "label": "cat",
                "prediction": CLASSES[1],
                "probability": 0.987,
                "label_probability": 0.012,
                "image": _image(),
            }
        ],
        "created": "2026-01-02T04:00:00+00:00",
        "judged": "All 40 images of the test set.",
        **macro_figures([[17, 3], [1, 19]]),
        "ece": 0.031,
        "reliability": [{"count": 40, "confidence": 0.97, "accuracy": 0.9}],
        "selective": {"unsure_below": None, "asked": None, "promised": False, "coverage": 1.0, "risk": 0.1}
        | {"interval": [0.04, 0.23], "curve": [{"coverage": 1.0, "risk": 0.1}]},
    }
    _write(run, "evaluation.json", document | changes)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A RUN folder with everything in it."""
    return _complete_run(tmp_path)


@pytest.fixture(scope="module")
def html(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The report of a RUN folder with everything in it."""
    return write_report(_complete_run(tmp_path_factory.mktemp("runs"))).read_text(encoding="utf-8")


def _complete_run(folder: Path) -> Path:
    run = folder / "first run"
    _config(run)
    _write(
        run,
        "environment.json",
        {
            "python": "3.12.1",
            "platform": "Linux",
            "processor": "Some CPU",
            "cores": 2,
            "memory_gb": 7.5,
            "versions": {"keras": "3.15.2"},
        },
    )
    _write(
        run,
        "data.json",
        {
            "name": "animals",
            "class_names": CLASSES,
            "image_shape": [32, 48, 3],
            "counts": {"train": [1001, 1002, 1003], "validation": [30, 30, 40]},
            "fingerprint": {"train": "ab" * 32, "validation": "cd" * 32},
            "notes": ["The checksum is unknown.", "1 image could not be read and was left out."],
            "skipped": [{"path": "train/cat/bad\n.jpg", "error": "it is truncated"}],
        },
    )
    _events(
        run,
        {"event": "start", "time": 0, "summary": {}},
        _epoch(1, 1.5, 0.5, 0.48),
        {"event": "step", "epoch": 2, "step": 1, "steps": 2, "loss": 1.0},
        _epoch(2, 0.75, 0.97, 0.83),
        {"event": "end", "seconds": 122, "validation_accuracy": 0.83, "epochs": 2, "best_epoch": 2},
    )
    layers = [
        {"name": "conv", "type": "Conv2D", "output_shape": [32, 48, 64], "window": [5, 5], "stride": [1, 1]}
        | {"parameters": 4864, "multiply_adds": 7372800},
        {"name": "logits", "type": "Dense", "output_shape": [3], "window": None, "stride": None}
        | {"parameters": 3075, "multiply_adds": 3072},
    ]
    _write(run, "model/manifest.json", {"layers": layers})
    (run / "model" / "SHA256SUMS").write_text("00  manifest.json\n", encoding="utf-8")
    np.save(run / "model" / "filters.npy", np.random.default_rng(0).normal(size=(64, 5, 5, 3)).astype(np.float32))
    _evaluation(run)
    return run


def _page(run: Path) -> Page:
    path = write_report(run)
    assert path == run / "report.html"
    return Page(path.read_text(encoding="utf-8"))


def test_nothing_in_it_asks_for_anything_outside(html: str) -> None:
    page = Page(html)
    for _, name, value in page.attributes:
        if name in ("src", "srcset"):
            assert value.startswith("data:image/")
        if name == "href":
            assert value.startswith("#")
            assert value[1:] in [other for _, attribute, other in page.attributes if attribute == "id"]
        assert not name.startswith("on")
    assert not {"script", "link", "iframe", "object", "form", "base"} & set(page.tags)
    for word in ("http:", "https:", "@import", "url(", "//www"):
        assert word not in html
    assert "default-src 'none'" in html


def test_its_charts_ask_for_nothing_either_and_take_names_as_text(html: str) -> None:
    page = Page(html)
    uris = [uri for uri in page.values("img", "src") + page.values("source", "srcset") if "svg" in uri]
    # Loss, accuracy, confusion, reliability and coverage, each for light and dark.
    assert len(uris) == 10
    for uri in uris:
        svg = base64.b64decode(uri.partition(",")[2]).decode()
        assert "<script" not in svg
        for address in re.findall(r'(?:href|src)="([^"]*)"', svg) + re.findall(r"url\(([^)]*)\)", svg):
            assert address.startswith(("#", "data:"))
    confusion = base64.b64decode(page.values("img", "src")[2].partition(",")[2]).decode()
    assert "dog &amp; $x^2$" in confusion  # not read as mathematics
    assert len(set(uris)) == 10


def test_how_far_to_trust_an_answer_is_drawn_and_told(run: Path) -> None:
    bins = [{"low": k / 15, "high": (k + 1) / 15, "count": 0, "confidence": None, "accuracy": None} for k in range(15)]
    bins[12] |= {"count": 10, "confidence": 0.83, "accuracy": 0.7}
    bins[14] |= {"count": 30, "confidence": 0.97, "accuracy": 29 / 30}
    curve = [{"coverage": 0.5, "risk": 0.0}, {"coverage": 1.0, "risk": 0.1}]
    selective = {"unsure_below": 0.9, "asked": 0.05, "promised": True, "coverage": 0.75, "risk": 1 / 30, "curve": curve}
    selective |= {"interval": [0.0059, 0.1667], "unlike": 0.025}
    _evaluation(run, ece=0.035, reliability=bins, selective=selective)
    page = _page(run)
    text = page.text.replace(NBSP, " ")
    assert "Expected calibration error 3.5 %" in text
    assert "unsure about 25.0 % of the test images; of its other answers, 3.3 % were wrong" in text
    assert "2.5 % of the images seemed unlike" in text
    alternatives = [alt.replace(NBSP, " ") for alt in page.values("img", "alt")]
    assert any("97.0 % confident, 96.7 % right, of 30" in alt for alt in alternatives)
    assert any("The model answers 75.0 %, 3.3 % of these wrong" in alt for alt in alternatives)


def test_a_promise_is_told_before_the_test_set_is_opened(run: Path) -> None:
    (run / "evaluation.json").unlink()
    assert "How far to trust" not in _page(run).text
    manifest = json.loads((run / "model" / "manifest.json").read_bytes())
    facts = {"asked": 0.02, "confidence": 0.99, "promised": True, "count": 4500, "coverage": 0.8, "observed": 0.01}
    _write(run, "model/manifest.json", {**manifest, "risk": facts})
    assert "at most 2 % are wrong, at 99 % confidence and for images like the 4,500" in _page(run).text


def test_class_and_file_names_are_text_never_markup(html: str) -> None:
    page = Page(html)
    assert "script" not in page.tags
    assert CLASSES[1] in page.text
    assert "test/cat/<b>1</b>.png" in page.text


def test_every_number_is_there(html: str) -> None:
    text = Page(html).text.replace(NBSP, " ")
    for expected in (
        "book on animals",
        "90.0 % Test accuracy on 40 images; 95 % interval 77.0 % to 96.0 %",
        "Log-loss 0.432",
        "2 epochs, batches of 64, seed 7, one run, on Some CPU with 2 cores",
        "1 1.500 1.750 50.0 % 48.0 % 2.0 % 0.05 1,234 1 min 1 s",
        "2 0.750 1.000 97.0 % 83.0 % 14.0 %",
        "81.1 % 82.2 % 83.3 % 20",
        "17 3 0",
        "1 19 0",
        "98.7 %",
        "1.2 %",
        "7,939 parameters; one image costs 7.4 million multiply-adds",
        "Conv2D 32 * 48 * 64 5 * 5 1 * 1 4,864 7,372,800".replace("*", "\N{MULTIPLICATION SIGN}"),
        "Total 7,939 7,375,872",
        "1,001 30",
        "Total 3,006 100",
        "The checksum is unknown.",
        "1 image could not be read",
        "it is truncated",
        "beholder train animals --model book --out first run",
        "2026-01-02T03:04:05+00:00",
        "3.15.2",
        "3.12.1",
        "ab" * 32,
        "cd" * 32,
    ):
        assert expected in text


def test_every_figure_says_its_numbers_in_words(html: str) -> None:
    page = Page(html)
    alternatives = [alt.replace(NBSP, " ") for alt in page.values("img", "alt")]
    assert len(alternatives) == page.tags.count("img") == 7
    loss, accuracy, confusion, mistake, _, _, filters = alternatives
    assert "Training loss: 1.500 at first, 0.750 in the end, lowest 0.750 in epoch 2" in loss
    assert "Validation accuracy: 48.0 % at first, 83.0 % in the end" in accuracy
    assert "ends 14.0 points above" in accuracy
    assert "40 images in 3 classes" in confusion
    assert "36 on the diagonal, 4 beside it" in confusion
    assert f"cat taken for {CLASSES[1]}, 3" in confusion
    assert f"cat taken for {CLASSES[1]}" in mistake
    assert "64 windows" in filters


def test_the_gap_is_said_in_words(run: Path) -> None:
    assert "Training accuracy ends 14.0 points above validation accuracy." in _page(run).text
    _events(run, _epoch(1, 1.5, 0.5, 0.48), {"event": "overfitting", "epoch": 1, "message": "The gap is open."})
    assert "The gap is open." in _page(run).text


def test_a_ratio_without_a_denominator_is_a_dash_not_a_zero(html: str) -> None:
    assert f"{CLASSES[2]} \N{EN DASH} \N{EN DASH} \N{EN DASH} 0" in Page(html).text


def test_before_the_evaluation_it_gives_the_validation_accuracy_and_says_how_to_open_the_test_set(run: Path) -> None:
    (run / "evaluation.json").unlink()
    text = _page(run).text.replace(NBSP, " ")
    # 83 of 100: Wilson's interval.
    assert "83.0 % Validation accuracy on 100 images; 95 % interval 74.5 % to 89.1 %" in text
    assert "test set is still closed" in text
    assert "beholder evaluate 'first run'" in text


def test_test_figures_of_an_earlier_model_are_left_out_and_that_is_said(run: Path) -> None:
    (run / "model" / "SHA256SUMS").write_text("11  manifest.json\n", encoding="utf-8")
    text = _page(run).text.replace(NBSP, " ")
    assert "83.0 % Validation accuracy" in text
    assert "90.0 %" not in text
    assert "Confusion matrix" not in text
    assert "opened for an earlier model" in text
    assert "still closed" not in text


def test_a_damaged_evaluation_says_what_to_do(run: Path) -> None:
    (run / "evaluation.json").write_text("{", encoding="utf-8")
    with pytest.raises(RunError, match=r"evaluation\.json' is damaged .*; delete it and evaluate again\."):
        write_report(run)


def test_the_validation_accuracy_is_that_of_the_model_that_was_exported_last(run: Path) -> None:
    (run / "evaluation.json").unlink()
    stopped = {"event": "stopped", "reason": "the person asked for it", "validation_accuracy": 0.47}
    end = {"event": "end", "validation_accuracy": 0.91}
    first, second, resumed = _epoch(1, 1.5, 0.5, 0.48), _epoch(2, 0.75, 0.97, 0.83), {"event": "resumed"}
    for events, expected in (
        ([first, stopped], "47.0 %"),
        ([first, stopped, resumed, second], "47.0 %"),  # killed before it exported another
        ([first, stopped, resumed, second, end], "91.0 %"),
        ([first, second], "83.0 %"),
    ):
        _events(run, *events)
        assert f"{expected} Validation accuracy" in _page(run).text.replace(NBSP, " ")


def test_options_in_a_notice_are_never_cut_in_two_and_the_rest_is_text(run: Path) -> None:
    message = "Try --dropout 0.5, --weight-decay or <b>a--b</b>; see --out."
    _events(run, _epoch(1, 1.5, 0.5, 0.48), {"event": "overfitting", "epoch": 1, "message": message})
    html = write_report(run).read_text(encoding="utf-8")
    assert "Try <code>--dropout</code> 0.5, <code>--weight-decay</code> or &lt;b&gt;a--b&lt;/b&gt;; see" in html
    assert "see <code>--out</code>.</li>" in html
    assert ".notes code { white-space: nowrap; }" in html


@pytest.mark.parametrize(
    "missing",
    ["environment.json", "data.json", "events.jsonl", "model/manifest.json", "model/filters.npy", "evaluation.json"],
)
def test_any_set_may_be_missing(run: Path, missing: str) -> None:
    (run / missing).unlink()
    assert "book on animals" in _page(run).text


BUDGET = {
    "budget": 30.0,
    "forecast": {"widths": [16, 64, 128], "side": 32, "epochs": 13.66},
    "labels": "coarse",
    "images": 500,
    "corrections": {"lines": [{"path": "a", "action": "drop", "label": ""}]},
    "command": "beholder train 'my animals' --budget 30s --corrections 'my corrections.csv' --labels coarse",
    "data": "/home/me/my animals",
}
END = {"event": "end", "seconds": 30, "validation_accuracy": 0.83, "epochs": 2, "best_epoch": 2, "schedule": [[0, 18]]}


def _change_config(run: Path, **changes: Any) -> None:
    _write(run, "config.json", json.loads((run / "config.json").read_bytes()) | changes)


def test_a_budget_is_told_with_its_plan_and_the_command_that_follows_that(run: Path) -> None:
    _change_config(run, **BUDGET)
    _events(run, _epoch(1, 1.5, 0.5, 0.48), {"event": "replan", "step": 3, "steps": 18}, _epoch(2, 0.7, 0.9, 0.8), END)
    text = _page(run).text.replace(NBSP, " ")
    assert (
        "Budget 30.0 s: planned 16/64/128 at 32 px for 13.66 epochs; "
        "the plan was updated 1 time, in the end to 18 steps." in text
    )
    assert "book, 2 epochs, batches of 64" in text, "as many as it came to"
    assert "The same seed" not in text
    assert "the same command may train for more or fewer" in text
    assert (
        "beholder train '/home/me/my animals' --plan 'first run/events.jsonl' --images 500 --labels coarse "
        "--corrections 'my corrections.csv'"
    ) in text
    assert "budget 30s" in text


def test_a_budget_that_was_never_planned_anew_says_so(run: Path) -> None:
    _change_config(run, budget=30.0, forecast={"widths": None, "side": 8, "epochs": 2.5})
    text = _page(run).text.replace(NBSP, " ")
    assert "Budget 30.0 s: planned book at 8 px for 2.5 epochs; the plan was kept." in text
    _change_config(run, forecast={"widths": None, "side": 8, "epochs": 40.0})
    assert "for 40 epochs; the plan was kept." in _page(run).text.replace(NBSP, " ")


def test_no_command_follows_a_plan_beside_a_validation_set_from_python(run: Path) -> None:
    _change_config(run, **BUDGET, validation_given=True)
    _events(run, _epoch(1, 1.5, 0.5, 0.48), END)
    text = _page(run).text
    assert "--plan" not in text, "it would choose by another validation set"
    assert "given in Python" in text


@pytest.mark.parametrize("data", ["arrays", "animals"])
def test_no_command_follows_a_plan_of_arrays_or_of_a_run_that_did_not_end(run: Path, data: str) -> None:
    _change_config(run, **BUDGET | {"data": data})
    _events(run, _epoch(1, 1.5, 0.5, 0.48), END if data == "arrays" else END | {"event": "stopped"})
    text = _page(run).text
    assert "--plan" not in text
    assert "the same command may train for more or fewer" in text


def test_a_run_from_python_names_no_command(run: Path) -> None:
    _change_config(run, command=None)
    assert "None" not in _page(run).text


def test_a_run_that_only_has_its_config_gives_a_report(tmp_path: Path) -> None:
    _config(tmp_path / "run")
    text = _page(tmp_path / "run").text
    assert "No epoch is complete yet" in text
    assert "Training is not finished: 0 of 2 epochs done. Continue with beholder train --resume run ." in text


def test_half_a_line_at_the_end_of_the_log_is_passed_over(run: Path) -> None:
    _events(run, _epoch(1, 1.5, 0.5, 0.48), tail='{"event": "epoch", "epo')
    text = _page(run).text
    assert "1.500" in text
    assert "Training is not finished: 1 of 2 epochs done" in text


def test_of_an_epoch_trained_twice_the_later_counts(run: Path) -> None:
    _events(
        run,
        _epoch(1, 1.5, 0.5, 0.48),
        _epoch(2, 9.875, 0.1, 0.1),
        {"event": "stopped", "reason": "interrupted"},
        {"event": "resumed", "epoch": 2},
        _epoch(2, 0.625, 0.9, 0.88),
        {"event": "end", "seconds": 1, "validation_accuracy": 0.88, "epochs": 2, "best_epoch": 2},
    )
    text = _page(run).text
    assert "0.625" in text
    assert "9.875" not in text
    assert "interrupted and resumed 1 time" in text
    assert "not finished" not in text


def test_figures_that_are_not_numbers_are_dashes(run: Path) -> None:
    _events(run, _epoch(1, float("nan"), 0.5, 0.48), _epoch(2, float("inf"), 0.5, 0.48) | {"validation_accuracy": None})
    assert "nan" not in _page(run).text.lower()


def test_a_hundred_classes_and_large_images_stay_small(run: Path) -> None:
    names = [f"class number {index}" for index in range(100)]
    counts = np.random.default_rng(0).integers(0, 20, (100, 100))
    rows = [{"class_name": name, "precision": 0.5, "recall": 0.5, "f1": 0.5, "count": 100} for name in names]
    mistake = {"name": "a", "label": "b", "prediction": "c", "probability": 0.9, "label_probability": 0.1}
    _evaluation(run, per_class=rows, confusion=counts.tolist(), mistakes=[mistake | {"image": _image(300)}] * 24)
    path = write_report(run)
    assert path.stat().st_size < 1_500_000
    text = Page(path.read_text(encoding="utf-8")).text
    assert all(name in text for name in names)


def test_what_is_no_image_is_not_put_into_the_page(run: Path) -> None:
    mistake = {"name": "a", "label": "cat", "prediction": "dog", "probability": 0.9, "label_probability": 0.1}
    images = ["https://example.org/a.png", "data:text/html;base64,PGI+", "", None]
    _evaluation(run, mistakes=[mistake | {"image": image} for image in images])
    html = write_report(run).read_text(encoding="utf-8")
    assert Page(html).tags.count("img") == 6
    assert "example.org" not in html
    assert "PGI+" not in html


def test_names_of_any_bytes_are_drawn(run: Path) -> None:
    names = ["bad \udcff", "bell \x07 and nul \x00", "鳥\nعربى"]
    rows = [{"class_name": name, "precision": 0.5, "recall": 0.5, "f1": 0.5, "count": 2} for name in names]
    _evaluation(run, per_class=rows, confusion=[[1, 1, 0], [0, 1, 1], [1, 0, 1]])
    page = _page(run)
    assert "鳥" in page.text
    for uri in page.values("source", "srcset"):
        assert b"\x07" not in base64.b64decode(uri.partition(",")[2])


def test_equal_runs_give_equal_reports(run: Path, html: str) -> None:
    assert write_report(run).read_text(encoding="utf-8") == html


def test_it_is_made_for_phones_screen_readers_and_the_dark(html: str) -> None:
    page = Page(html)
    assert html.startswith("<!DOCTYPE html>")
    assert page.values("html", "lang") == ["en"]
    assert page.tags.count("h1") == page.tags.count("main") == 1
    assert any("width=device-width" in content for content in page.values("meta", "content"))
    assert all("prefers-color-scheme: dark" in media for media in page.values("source", "media"))
    # Every table scrolls inside a box of its own.
    assert page.tags.count("table") == len(re.findall(r'class="scroll"[^>]*>\s*<table>', html))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "is not a RUN folder"),
        ("{", "is damaged"),
        ("[]", "is damaged"),
        ('{"schema": 3}', "a newer Beholder .*: update Beholder"),
    ],
)
def test_what_is_no_run_is_told_in_a_sentence(tmp_path: Path, content: str | None, sentence: str) -> None:
    if content is not None:
        (tmp_path / "config.json").write_text(content, encoding="utf-8")
    with pytest.raises(RunError, match=sentence) as caught:
        write_report(tmp_path)
    assert str(tmp_path) in str(caught.value)
    assert not (tmp_path / "report.html").exists()


def test_a_full_disk_is_told_in_a_sentence(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StorageError, match="disk is full"):
        write_report(run)
