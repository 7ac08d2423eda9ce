"""A person relies on: the figures of the Judge tab are those of `evaluate`, and a cell leads to its images."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np
import pytest
from browser_views import in_every_view
from numpy.typing import NDArray
from starlette.testclient import TestClient

import beholder
from beholder.answering.classifier import Classifier
from beholder.artifact.validation_answers import open_validation
from beholder.evaluation.decision import OperatingPoint, decide
from beholder.server.app import classifier_app
from beholder.server.served import Served, open_served
from beholder.server.tabs.judge import judgement

if TYPE_CHECKING:
    from playwright.sync_api import Page


def test_the_test_set_is_told_as_evaluate_told_it(client: TestClient, served_run: Path) -> None:
    document = client.get("/page/judge").json()
    evaluation = json.loads((served_run / "evaluation.json").read_text("utf-8"))
    test = document["sets"]["test"]
    assert test["confusion"] == evaluation["confusion"]
    assert test["accuracy"] == evaluation["accuracy"]
    for figure in ("macro_recall", "macro_f1", "uneven"):
        assert test[figure] == evaluation[figure]
    for row, expected in zip(test["per_class"], evaluation["per_class"], strict=True):
        assert row == {key: pytest.approx(value) if key != "class_name" else value for key, value in expected.items()}
    assert [one["path"] for one in test["mistakes"]] == [one["name"] for one in evaluation["mistakes"]][:24]
    assert len(document["epochs"]) == 3
    assert len(document["filters"]) == 8


def test_reliability_and_coverage_are_those_of_evaluate_and_of_the_kept_answers(
    client: TestClient, served_run: Path
) -> None:
    document = client.get("/page/judge").json()
    evaluation = json.loads((served_run / "evaluation.json").read_text("utf-8"))
    test, validation = (document["sets"][set_name]["honesty"] for set_name in ("test", "validation"))
    for name in ("ece", "reliability", "selective"):
        assert test[name] == evaluation[name]
    assert sum(one["count"] for one in validation["reliability"]) == document["sets"]["validation"]["count"]
    last = validation["selective"]["curve"][-1]
    assert last == {"coverage": 1.0, "risk": pytest.approx(1 - document["sets"]["validation"]["accuracy"])}
    assert f"of {test['reliability'][-1]['count']:,}" in test["words"]["reliability"]
    assert document["promise"].endswith(".")


def test_a_cell_holds_the_validation_images_that_got_this_answer(client: TestClient, served_run: Path) -> None:
    kept = open_validation(served_run)
    assert kept is not None
    counts = client.get("/page/judge").json()["sets"]["validation"]["confusion"]
    assert counts == kept.confusion().tolist()
    cell = client.get("/page/judge/cell/3/3").json()
    assert cell["count"] == counts[3][3]
    assert {(one["label"], one["answer"]) for one in cell["images"]} == {("3", "3")}
    assert {one["path"] for one in cell["images"]} <= {
        kept.names[row] for row in range(len(kept)) if kept.labels[row] == 3
    }
    for address in ("10/0", "x/0", "0/" + "9" * 5000):
        assert client.get(f"/page/judge/cell/{address}").status_code == 404


def test_a_promise_of_one_class_is_told_and_decides_the_validation_set_too(served_run: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(served_run, run)
    promised = beholder.threshold(run, target_precision={"3": 0.01}).float32["point"]  # it calls too much a 3
    served = open_served(run)
    client = TestClient(classifier_app(served), "http://127.0.0.1")
    document, cell = client.get("/page/judge").json(), client.get("/page/judge/cell/5/3").json()
    served.workers.close()
    assert "at least 1 % of these answers are right" in document["promise"]
    figures = document["sets"]["validation"]
    column = [row[3] for row in figures["confusion"]]
    assert (column[3], sum(column) - column[3]) == (promised["found"], promised["false"])
    assert promised["false"] > 20
    assert cell["count"] == column[5]
    assert "an earlier model's" in " ".join(document["notes"])
    beholder.evaluate(run)
    served = open_served(run)
    document = TestClient(classifier_app(served), "http://127.0.0.1").get("/page/judge").json()
    served.workers.close()
    assert "1 % precision of '3' was promised" in document["sets"]["test"]["judged"]


def as_int8(run: Path, point: dict[str, Any] | None, probabilities: NDArray[np.float32] | None) -> Served:
    """`run` as served where an int8 model answers, which said this of the validation set; it need not run here."""
    with np.load(run / "probabilities.npz") as stored:
        arrays = dict(stored)
    said = arrays["float32"][:0] if probabilities is None else probabilities
    np.savez(run / "probabilities.npz", **{**arrays, "int8": said, "int8_unlike": np.zeros(len(said), np.bool_)})
    served = open_served(run, exact=True)
    artifact = served.classifier.artifact
    manifest = dataclasses.replace(artifact.manifest, int8={**(artifact.manifest.int8 or {}), "point": point})
    classifier = Classifier(dataclasses.replace(artifact, manifest=manifest, precision="int8"))
    return dataclasses.replace(served, classifier=classifier)


def test_the_figures_are_those_of_the_network_that_answers(served_run: Path, tmp_path: Path) -> None:
    """An int8 model has answers and a threshold of its own; what another network said is told to be another's."""
    run = tmp_path / "run"
    shutil.copytree(served_run, run)
    promised = beholder.threshold(run, target_precision={"3": 0.01}).float32["point"]
    with np.load(run / "probabilities.npz") as stored:
        float32, labels = stored["float32"], stored["labels"]
    said = np.ascontiguousarray(float32[:, ::-1])
    point = {**promised, "threshold": 0.9}
    for given, answers in ((None, said.argmax(axis=1)), (point, decide(said, OperatingPoint(3, 0.9)))):
        served = as_int8(run, given, said)
        document = judgement(served)
        served.workers.close()
        expected = np.zeros((10, 10), np.int64)
        np.add.at(expected, (labels, answers), 1)
        assert document["sets"]["validation"]["confusion"] == expected.tolist()
        wrong = document["sets"]["validation"]["mistakes"][0]
        assert wrong["answer"] != wrong["label"]
        bins = document["sets"]["validation"]["honesty"]["reliability"]
        assert sum(one["count"] * one["accuracy"] for one in bins if one["count"]) == pytest.approx(
            int((said.argmax(axis=1) == labels).sum())
        )
        assert not any("network's" in note for note in document["notes"])
        assert given is None or "at least 90 %" in document["promise"]
    kept = open_validation(run)
    assert kept is not None
    served = as_int8(run, None, None)
    document = judgement(served)
    served.workers.close()
    of_float32 = kept.decided(float32, OperatingPoint(3, promised["threshold"]))
    assert document["sets"]["validation"]["confusion"] == of_float32.confusion().tolist()
    assert "The figures of the validation set are the float32 network's, and int8 answers here." in document["notes"]


def test_test_figures_of_another_network_are_told(served_run: Path, tmp_path: Path) -> None:
    shutil.copytree(served_run, tmp_path / "run")
    file = tmp_path / "run" / "evaluation.json"
    for precision, told in (("int8", True), ("float32", False)):
        file.write_text(json.dumps({**json.loads(file.read_bytes()), "precision": precision}))
        served = open_served(tmp_path / "run", exact=True)
        notes = judgement(served)["notes"]
        served.workers.close()
        assert ("The figures of the test set are the int8 network's, and float32 answers here." in notes) is told


def test_sounds_are_called_sounds(sounds_run: Path) -> None:
    served = open_served(sounds_run)
    words = judgement(served)["sets"]["validation"]["words"]
    served.workers.close()
    assert re.match(r"Confusion matrix of \d+ sounds in ", words)


def test_a_model_folder_says_what_is_missing(served_run: Path) -> None:
    served = open_served(served_run / "model")
    document = TestClient(classifier_app(served), "http://127.0.0.1").get("/page/judge").json()
    served.workers.close()
    assert (document["sets"], document["epochs"]) == ({}, [])
    assert "serve the RUN folder" in document["notes"][0]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"mistakes": [1]}, "evaluation.json' is damaged (its 'mistakes'"),
        ({"selective": {}}, "evaluation.json' is damaged (its 'selective'"),
        ({"confusion": [[1]], "per_class": []}, "evaluation.json' is damaged (its 'per_class'"),
        ({"confusion": [], "per_class": []}, "of other classes than the model's"),
    ],
)
def test_figures_that_make_no_sense_are_a_note(
    served_run: Path, tmp_path: Path, changes: dict[str, object], words: str
) -> None:
    shutil.copytree(served_run, tmp_path / "run")
    file = tmp_path / "run" / "evaluation.json"
    file.write_text(json.dumps({**json.loads(file.read_bytes()), **changes}))
    served = open_served(tmp_path / "run")
    answer = TestClient(classifier_app(served), "http://127.0.0.1").get("/page/judge")
    served.workers.close()
    assert answer.status_code == 200
    assert list(answer.json()["sets"]) == ["validation"]
    assert words in " ".join(answer.json()["notes"])


@in_every_view
def test_judging_by_mouse_and_keyboard(page: Page, serious_violations: Callable[[Page], list[str]]) -> None:
    page.goto("#judge")
    first = page.locator("[data-cell='0/0']")
    first.click()
    page.get_by_role("heading", name="0, and answered so").wait_for()
    first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="1, and answered so").wait_for()
    page.get_by_role("button", name="Precision").click()
    shares = page.locator(".classes td:nth-child(2)").all_inner_texts()
    numbers = [float(share.split()[0]) for share in shares]
    assert numbers == sorted(numbers, reverse=True)
    page.get_by_role("button", name="Validation set").click()
    assert "steered by" in page.locator(".headline").inner_text()
    assert page.locator(".charts .curve").count() == 4
    assert page.get_by_role("img", name="Reliability diagram").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert serious_violations(page) == []


def test_images_of_a_cell_lead_to_correct_and_filters_are_shown(page: Page, client: TestClient) -> None:
    document = client.get("/page/judge").json()
    cell = client.get("/page/judge/cell/3/3").json()
    paths = [quote(one["path"], safe="!'()*-._~") for one in cell["images"]]  # as encodeURIComponent has it
    page.goto("#judge")
    for set_name in ("Validation set", "Test set"):
        page.get_by_role("button", name=set_name).click()
        page.locator("[data-cell='3/3']").click()
        page.get_by_role("heading", name="3, and answered so").wait_for()
        links = page.locator(".cell .gallery a")
        assert [link.get_attribute("href") for link in links.all()] == [f"#correct/{path}" for path in paths]
        assert links.first.locator("img").evaluate("image => image.complete && image.naturalWidth > 0")
    mistakes = page.locator("section", has=page.get_by_role("heading", name="Confident mistakes")).locator(".gallery a")
    assert [link.get_attribute("href") for link in mistakes.all()] == ["#correct"] * len(
        document["sets"]["test"]["mistakes"]
    )
    assert page.locator(".filters img").count() == len(document["filters"])
    assert page.locator(".filters img").first.evaluate("image => image.complete && image.naturalWidth > 0")
    links.first.click()
    page.get_by_role("tab", name="Correct", selected=True).wait_for()
    assert page.evaluate("location.hash") == f"#correct/{paths[0]}"
