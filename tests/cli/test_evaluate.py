"""A person relies on: evaluate opens the test set once, keeps the figures in RUN, and tells them again when asked."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from beholder.answering.classifier import Classifier
from beholder.cli import _run
from beholder.errors import RunError, UsageError

NEEDED = {"schema", "accuracy", "interval", "count", "per_class", "top5", "log_loss", "confusion", "mistakes"}


def evaluate(*arguments: str | Path) -> int:
    return _run(["evaluate", *map(str, arguments)])


@pytest.fixture
def run(digits_run: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "run"
    shutil.copytree(digits_run, copy)
    (copy / "evaluation.json").unlink(missing_ok=True)
    return copy


def one_sentence(capfd: pytest.CaptureFixture[str]) -> str:
    captured = capfd.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("Error: ")
    assert captured.err.endswith(".\n")
    assert captured.err.count("\n") == 1
    return captured.err


def test_the_figures_are_one_json_document_and_stay_in_the_run(run: Path, capfd: pytest.CaptureFixture[str]) -> None:
    report = (run / "report.html").read_bytes()
    assert evaluate(run, "--json") == 0
    document = json.loads(capfd.readouterr().out)
    assert set(document) >= NEEDED
    assert json.loads((run / "evaluation.json").read_bytes()) == document
    assert (run / "report.html").read_bytes() != report
    assert document["data"] == "digits"
    assert document["set"] == "test"
    assert document["top5"] is None, "ten classes or fewer have no top-5"


def test_the_figures_agree_with_each_other(run: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert evaluate(run, "--json") == 0
    document = json.loads(capfd.readouterr().out)
    confusion = np.array(document["confusion"])
    assert confusion.sum() == document["count"] == 180, "a tenth of 1,797"
    assert document["accuracy"] == pytest.approx(np.trace(confusion) / confusion.sum())
    low, high = document["interval"]
    assert 0 <= low < document["accuracy"] < high <= 1
    assert [row["class_name"] for row in document["per_class"]] == list("0123456789")
    for label, row in enumerate(document["per_class"]):
        assert row["recall"] == pytest.approx(confusion[label, label] / confusion[label].sum())
        assert row["count"] == confusion[label].sum()
    for mistake in document["mistakes"]:
        assert mistake["label"] != mistake["prediction"]
        assert mistake["image"].startswith("data:image/png;base64,")


def test_asked_again_it_tells_the_same_without_answering_anew(
    run: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(run, "--json") == 0
    first = capfd.readouterr().out
    written = (run / "evaluation.json").stat().st_mtime_ns

    def never(*_: Any) -> None:
        raise AssertionError("the test set was answered again")

    monkeypatch.setattr("beholder.api.evaluate.judge", never)
    assert evaluate(run, "--json") == 0
    assert capfd.readouterr().out == first
    assert (run / "evaluation.json").stat().st_mtime_ns == written


def test_asked_again_it_leaves_the_data_closed_and_makes_a_report_that_is_missing(
    run: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(run, "--json") == 0
    first = capfd.readouterr().out
    report = (run / "report.html").read_bytes()
    (run / "report.html").unlink()
    monkeypatch.setattr("beholder.api.evaluate.open_source", lambda *_, **__: pytest.fail("opened the data"))
    assert evaluate(run, "--json") == 0
    assert capfd.readouterr().out == first
    assert (run / "report.html").read_bytes() == report


def test_a_model_that_was_replaced_is_judged_anew(run: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert evaluate(run, "--json") == 0
    document = json.loads(capfd.readouterr().out)
    (run / "evaluation.json").write_text(json.dumps({**document, "model": "0" * 64, "accuracy": 0.0}))
    assert evaluate(run, "--json") == 0
    again = json.loads(capfd.readouterr().out)
    assert (again["accuracy"], again["model"]) == (document["accuracy"], document["model"])


def test_other_data_gets_a_file_of_its_own_and_leaves_figures_and_report(
    run: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(run) == 0
    capfd.readouterr()
    before = {name: (run / name).read_bytes() for name in ("evaluation.json", "report.html")}
    other = tmp_path / "other.npz"
    images = np.random.default_rng(0).integers(0, 256, (200, 8, 8), dtype=np.uint8)
    np.savez(other, images=images, labels=np.array([str(row % 10) for row in range(200)]))
    assert evaluate(run, other, "--json") == 0
    document = json.loads(capfd.readouterr().out)
    assert document["file"] == f"evaluation-{document['fingerprint'][:8]}.json"
    assert json.loads((run / document["file"]).read_bytes()) == document
    assert (document["data"], document["count"]) == (str(other), 200)
    assert document["judged"] == f"Judged all 200 images of {str(other)!r}."
    assert evaluate(run, other) == 0
    output = capfd.readouterr().out
    assert str(run / document["file"]) in output
    assert "Report:" not in output
    assert {name: (run / name).read_bytes() for name in before} == before
    assert evaluate(run, "digits", "--json") == 0
    assert json.loads(capfd.readouterr().out)["file"] == "evaluation.json"


def test_a_damaged_evaluation_says_what_to_do(run: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert evaluate(run, "--json") == 0
    document = json.loads(capfd.readouterr().out)
    del document["judged"]
    for damaged in ("{", json.dumps(document)):
        (run / "evaluation.json").write_text(damaged)
        assert evaluate(run) == 2
        message = one_sentence(capfd)
        assert str(run / "evaluation.json") in message
        assert "delete it and evaluate again" in message


def test_an_opened_source_is_judged_as_it_is(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from beholder.api.evaluate import evaluate as judge
    from beholder.data.opening import open_source

    source = open_source("digits")
    monkeypatch.setattr("beholder.api.evaluate.open_source", lambda *_, **__: pytest.fail("opened the data"))
    result = judge(run, source)
    assert (result.file, result.count) == ("evaluation.json", 180)


def test_a_table_for_people_names_every_class_and_the_report(run: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert evaluate(run) == 0
    output = capfd.readouterr().out
    for word in ("precision", "recall", "F1", "95 % interval", "log-loss", "180 images", str(run / "report.html")):
        assert word in output


def test_data_with_other_classes_is_refused(run: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "other.npz"
    np.savez(data, images=np.zeros((40, 8, 8), np.uint8), labels=np.array(["cat", "dog"] * 20))
    assert evaluate(run, data) == 2
    message = one_sentence(capfd)
    assert str(data) in message
    assert (
        "has 2 classes that the model did not learn: 'cat', 'dog'; give data with the classes that it learned"
        in message
    )
    assert not (run / "evaluation.json").exists()


def test_data_may_lack_classes_and_have_them_in_any_order(
    run: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    pixels = np.random.default_rng(0).integers(0, 17, (60, 8, 8), dtype=np.uint8) * 15
    np.savez(tmp_path / "few.npz", images=pixels, labels=np.arange(60) % 2, names=["7", "2"])
    assert evaluate(run, tmp_path / "few.npz", "--json") == 0
    document = json.loads(capfd.readouterr().out)
    assert {row["class_name"]: row["count"] for row in document["per_class"] if row["count"]} == {"2": 30, "7": 30}
    answers = Classifier.load(run).predict(pixels[..., np.newaxis], top=1)
    right = sum(answer.label == "72"[row % 2] for row, answer in enumerate(answers))
    assert document["accuracy"] == right / 60
    assert evaluate(run, tmp_path / "few.npz") == 0
    rows = {line.split()[0]: line.split()[1:] for line in capfd.readouterr().out.splitlines() if line[:1].isdigit()}
    assert rows["3"] == ["–", "–", "–", "0"], "of a class without an image no figure says anything"
    assert rows["7"][-1] == "30"


def test_data_with_images_of_another_shape_is_refused(
    run: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "larger.npz"
    images = np.random.default_rng(0).integers(0, 256, (200, 9, 9), dtype=np.uint8)
    np.savez(data, images=images, labels=np.arange(200) % 10)
    assert evaluate(run, data) == 2
    assert "(9, 9, 1)" in one_sentence(capfd)


def test_a_run_of_a_newer_schema_is_refused(run: Path, capfd: pytest.CaptureFixture[str]) -> None:
    config = json.loads((run / "config.json").read_bytes())
    (run / "config.json").write_text(json.dumps({**config, "schema": 3}))
    for arguments in (["evaluate", str(run)], ["train", "--resume", str(run)]):
        assert _run(arguments) == 2
        message = one_sentence(capfd)
        assert str(run) in message
        assert "update Beholder" in message


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"data": "digits"}', '{"schema": "one"}'])
def test_a_damaged_config_is_told_in_one_sentence(run: Path, text: str, capfd: pytest.CaptureFixture[str]) -> None:
    (run / "config.json").write_text(text)
    (run / "events.jsonl").unlink()
    for arguments in (["evaluate", str(run)], ["train", "--resume", str(run)]):
        assert _run(arguments) == 2
        assert "config.json" in one_sentence(capfd)


def test_what_is_no_run_is_told_in_one_sentence(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path, tmp_path / "nothing", tmp_path / "file"):
        assert evaluate(path) == 2
        assert str(path) in one_sentence(capfd)


@pytest.mark.usefixtures("framework")
def test_a_run_trained_on_arrays_asks_for_them_again(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    from beholder.api.evaluate import evaluate as judge
    from beholder.api.resume import resume
    from beholder.api.train import train as command

    random = np.random.default_rng(0)
    arrays = random.integers(0, 256, (60, 8, 8, 3), dtype=np.uint8), np.array(["left", "right", "up"] * 20)
    run = tmp_path / "run"
    command(arrays, model="linear", epochs=1, out=run)
    (run / "data.npz").unlink()  # which larger arrays are not kept in
    assert evaluate(run) == 2
    assert "trained on arrays" in one_sentence(capfd)
    (run / "events.jsonl").unlink()
    with pytest.raises(UsageError, match="trained on arrays"):
        resume(run)
    result = judge(run, arrays)
    assert result.count == 6
    assert [row.class_name for row in result.per_class] == ["left", "right", "up"]
    assert result.file == "evaluation.json"
    assert judge(run) == result, "told again, the arrays are not needed"
    others = judge(run, (255 - arrays[0], arrays[1]))
    assert others.file != "evaluation.json", "other arrays are not the run's own"
    assert judge(run) == result
    (run / "sets.npz").unlink()
    with pytest.raises(RunError, match="has lost its list of images"):
        judge(run, arrays)
