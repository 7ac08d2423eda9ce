"""A person relies on: train leaves a usable RUN however it ends, goes on where it stopped, and overwrites nothing."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from beholder.cli import _run
from beholder.cli.train import train as train_command
from beholder.errors import UsageError

DOCUMENT = {"schema", "run", "seconds", "summary", "validation_accuracy", "epochs", "stopped", "finished_before"}
DOCUMENT |= {"risk", "point", "folds", "notes"}


def train(*arguments: str | Path) -> int:
    return _run(["train", *map(str, arguments)])


def linear(run: Path, *more: str) -> list[str]:
    return ["digits", "--model", "linear", "--epochs", "2", "--out", str(run), "--progress", "none", *more]


def events(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "events.jsonl").read_text(encoding="utf-8").splitlines()]


def weights(run: Path) -> list[np.ndarray]:
    with np.load(run / "checkpoint.npz") as stored:
        return [stored[name] for name in stored.files if name.startswith("model_")]


def snapshot(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {str(p): (p.read_bytes(), p.stat().st_mtime_ns) for p in folder.rglob("*") if p.is_file()}


def one_sentence(capfd: pytest.CaptureFixture[str]) -> str:
    captured = capfd.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("Error: ")
    assert captured.err.endswith(".\n")
    assert captured.err.count("\n") == 1
    return captured.err


@pytest.mark.usefixtures("framework")
def test_a_finished_run_holds_all_that_it_promises(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "run"
    assert train(*linear(run, "--seed", "5", "--json")) == 0
    document = json.loads(capfd.readouterr().out)
    assert set(document) == DOCUMENT
    assert document["run"] == str(run)
    assert document["epochs"] == document["summary"]["epochs"] == 2
    assert not document["stopped"]
    assert not document["finished_before"]
    assert 0 <= document["validation_accuracy"] <= 1
    manifest = json.loads((run / "model" / "manifest.json").read_bytes())
    assert document["risk"] == manifest["risk"]
    assert (document["risk"]["asked"], document["risk"]["confidence"], document["risk"]["count"]) == (0.05, 0.99, 179)
    names = {"config.json", "environment.json", "data.json", "events.jsonl", "checkpoint.npz", "model", "report.html"}
    names |= {"neighbours.npz", "probabilities.npz", "sets.npz", "validation.npz", "watch"}
    assert {path.name for path in run.iterdir()} == names
    assert json.loads((run / "config.json").read_bytes())["seed"] == 5
    described = json.loads((run / "data.json").read_bytes())
    assert sum(described["counts"]["train"]) == document["summary"]["train_images"]
    assert set(described["counts"]) == set(described["fingerprint"]) == {"train", "validation"}
    told = [event["event"] for event in events(run) if event["event"] not in ("step", "snapshot")]
    assert told == ["framework", "checks", "start", "epoch", "epoch", "export", "end"]
    for event in events(run):
        if event["event"] == "epoch":
            assert event["gap"] == pytest.approx(event["train_accuracy"] - event["validation_accuracy"], abs=1e-4)


@pytest.mark.usefixtures("framework")
def test_progress_as_json_is_the_event_log_on_standard_error(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "run"
    assert train(*linear(run, "--progress", "json", "--json")) == 0
    captured = capfd.readouterr()
    assert [json.loads(line) for line in captured.err.splitlines()] == events(run)
    assert set(json.loads(captured.out)) == DOCUMENT


@pytest.mark.usefixtures("framework")
def test_a_table_on_standard_error_and_two_lines_of_answer_by_default(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    assert train("digits", "--model", "linear", "--epochs", "1", "--out", run) == 0
    captured = capfd.readouterr()
    assert "epoch   1/1" in captured.err
    assert captured.out.startswith("Validation accuracy ")
    assert f"beholder evaluate {run}" in captured.out


@pytest.mark.usefixtures("framework")
def test_a_risk_that_cannot_be_promised_makes_every_answer_unsure_and_that_is_told(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    assert train(*linear(run, "--risk", "1%")) == 0  # which takes 459 validation images, and there are 179
    assert "takes at least 459 validation images, and there are 179, so every answer is unsure" in (
        capfd.readouterr().out
    )
    assert json.loads((run / "config.json").read_bytes())["risk"] == 0.01
    assert _run(["predict", str(run), str(run / "model" / "golden" / "0.png"), "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["predictions"][0]["unsure"] is True


def test_an_existing_out_is_refused_and_left_alone(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "mine"
    run.mkdir()
    (run / "thesis.txt").write_text("years of work")
    before = snapshot(run)
    assert train(*linear(run)) == 2
    assert f"'{run}' exists already" in one_sentence(capfd)
    assert snapshot(run) == before
    assert train(*linear(run / "thesis.txt")) == 2
    assert "exists already" in one_sentence(capfd)
    assert train(*linear(run / "thesis.txt" / "run")) == 2
    assert "thesis.txt" in one_sentence(capfd)
    assert snapshot(run) == before


def test_the_run_exists_with_its_config_before_the_framework_is_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from beholder.training.steps import framework

    run, seen = tmp_path / "run", dict[str, Any]()

    def start() -> None:
        seen.update({name: json.loads((run / name).read_bytes()) for name in ("config.json", "data.json")})
        raise UsageError("No framework today.")

    monkeypatch.setattr(framework, "start", start)
    assert train(*linear(run)) == 2
    assert one_sentence(capfd) == "Error: No framework today.\n"
    assert seen["config.json"]["model"] == "linear"
    assert seen["data.json"]["name"] == "digits"
    assert not run.exists(), "a run that never began leaves nothing behind"


def test_nothing_of_the_framework_is_imported_while_data_is_refused(tmp_path: Path) -> None:
    code = "import sys; from beholder.cli import _run; s = _run(sys.argv[1:]); print(sorted(sys.modules)); sys.exit(s)"
    done = subprocess.run(
        [sys.executable, "-c", code, "train", str(tmp_path), "--out", str(tmp_path / "run")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert str(tmp_path) in done.stderr
    assert not {"keras", "tensorflow", "jax"} & set(done.stdout.replace("'", "").strip("[]\n").split(", "))
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_leaves_a_run_that_predicts_evaluates_and_can_go_on(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    command = [sys.executable, "-m", "beholder", "train", *linear(run, "--epochs", "9000", "--progress", "json")]
    with subprocess.Popen([*command, "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        lines = []
        for line in process.stderr:
            lines.append(json.loads(line))
            if lines[-1]["event"] == "epoch":
                process.send_signal(signal.SIGINT)
                break
        rest, document = process.stderr.read(), json.load(process.stdout)
    assert process.returncode == 0, rest
    lines += [json.loads(line) for line in rest.splitlines()]
    assert lines == events(run)
    assert lines[-1]["event"] == "stopped"
    assert document["stopped"]
    assert 1 <= document["epochs"] < 9000
    assert (run / "report.html").exists()
    assert _run(["predict", str(run), str(run / "model" / "golden" / "0.png")]) == 0
    assert _run(["evaluate", str(run)]) == 0
    assert "Test accuracy" in capfd.readouterr().out


@pytest.fixture(scope="module")
def resumed_run(tmp_path_factory: pytest.TempPathFactory, framework: None) -> Path:
    """As `digits_run`, but stopped by Ctrl-C within its second epoch, and resumed."""
    from beholder.api.resume import resume
    from beholder.api.train import train as command

    def interrupt(event: dict[str, Any]) -> None:
        if event["event"] == "step" and event["epoch"] == 2 and event["step"] > 0:
            os.kill(os.getpid(), signal.SIGINT)

    run = tmp_path_factory.mktemp("resumed") / "run"
    stopped = command("digits", model="fast", epochs=3, out=run, listener=interrupt)
    assert stopped.stopped
    assert stopped.epochs == 1
    assert not resume(run).stopped
    return run


def test_a_stopped_and_resumed_run_ends_with_the_weights_of_one_that_never_stopped(
    resumed_run: Path, digits_run: Path
) -> None:
    for resumed, whole in zip(weights(resumed_run), weights(digits_run), strict=True):
        assert np.array_equal(resumed, whole)
    filters = [(run / "model" / "filters.npy").read_bytes() for run in (resumed_run, digits_run)]
    assert filters[0] == filters[1]


def test_the_log_of_a_resumed_run_tells_that_it_stopped_and_went_on(resumed_run: Path) -> None:
    log = events(resumed_run)
    told = [event["event"] for event in log if event["event"] not in ("step", "snapshot")]
    assert told == [
        "framework",
        "checks",
        "start",
        "epoch",
        "export",
        "stopped",
        "framework",
        "start",
        "resumed",
        "epoch",
        "epoch",
        "export",
        "end",
    ]
    went_on = next(event for event in log if event["event"] == "resumed")
    assert went_on["epoch"] == 2
    assert went_on["step"] >= 1


def test_resuming_a_finished_run_is_done_at_once_and_changes_nothing(
    resumed_run: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    shutil.copytree(resumed_run, run)
    before = snapshot(run)
    assert train("--resume", run, "--json") == 0
    document = json.loads(capfd.readouterr().out)
    assert set(document) == DOCUMENT
    assert document["epochs"] == 3
    assert document["finished_before"]
    assert snapshot(run) == before


@pytest.mark.usefixtures("framework")
def test_the_same_seed_gives_the_same_model_and_another_seed_another(tmp_path: Path) -> None:
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        assert train(*linear(tmp_path / name, "--seed", seed)) == 0
    first, again, other = (weights(tmp_path / name) for name in "abc")
    assert all(np.array_equal(one, two) for one, two in zip(first, again, strict=True))
    assert not all(np.array_equal(one, two) for one, two in zip(first, other, strict=True))


@pytest.mark.usefixtures("framework")
def test_early_stopping_keeps_the_best_epoch(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "run"
    # Such a rate never learns: the first epochs stay the best.
    assert train(*linear(run, "--epochs", "50", "--early-stop", "2", "--learning-rate", "1e-12", "--json")) == 0
    document = json.loads(capfd.readouterr().out)
    assert document["epochs"] == 3
    assert events(run)[-1]["best_epoch"] == 1


@pytest.mark.usefixtures("framework")
def test_a_training_that_diverges_is_told_in_one_sentence(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    arguments = ["digits", "--model", "fast", "--epochs", "1", "--learning-rate", "1e30", "--progress", "none"]
    assert train(*arguments, "--out", tmp_path / "run") == 2
    assert "--learning-rate below 1e+30" in one_sentence(capfd)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ([], "beholder train DATA"),
        (["digits", "--resume", "some-run"], "'digits'"),
        (["--resume", "no-such-run"], "'no-such-run'"),
        (["digits", "--window", "3"], "--window"),
        (["x" * 300], "x" * 300),
    ],
)
def test_arguments_that_cannot_work_are_told_in_one_sentence(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    arguments: list[str],
    named: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert train(*arguments) == 2
    assert named in one_sentence(capfd)
    assert [path.name for path in tmp_path.rglob("*")] in ([], ["runs"])


@pytest.mark.parametrize(
    "option",
    [
        ["--budget", "1h"],
        ["--epochs", "3"],
        ["--seed", "0"],
        ["--model", "auto"],
        ["--out", "other"],
        ["--no-neighbours"],
        ["--labels", "fine"],
        ["--cache", "elsewhere"],
    ],
)
def test_what_a_resumed_run_does_not_take_is_refused(
    digits_run: Path, capfd: pytest.CaptureFixture[str], option: list[str]
) -> None:
    before = snapshot(digits_run)
    assert train("--resume", digits_run, *option) == 2
    named = option[0].replace("--no-", "--")
    assert f"leave {named} out with --resume '{digits_run}'" in one_sentence(capfd)
    assert snapshot(digits_run) == before


def test_what_does_not_change_a_resumed_run_goes_with_it(digits_run: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert train("--resume", digits_run, "--progress", "none", "--json") == 0
    assert json.loads(capfd.readouterr().out)["finished_before"]


@pytest.mark.parametrize("risk", ["120%", "0", "1", "2 images", "-1%"])
def test_a_risk_that_is_no_share_is_refused(capfd: pytest.CaptureFixture[str], risk: str) -> None:
    assert train("digits", "--risk", risk) == 2
    assert f"{risk!r} is not a share between 0 and 1; write 2% or 0.02." in capfd.readouterr().err


@pytest.mark.usefixtures("framework")
@pytest.mark.parametrize("options", [["--window", "99"], ["--window", "5", "--padding", "valid"]])
def test_a_window_larger_than_the_image_is_told_in_one_sentence(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], options: list[str]
) -> None:
    arguments = ["digits", "--model", "book", "--epochs", "1", "--progress", "none"]
    assert train(*arguments, *options, "--out", tmp_path / "run") == 2
    assert "--window" in one_sentence(capfd)
    assert list(tmp_path.iterdir()) == []


def test_help_states_the_default_epochs_of_every_model() -> None:
    from beholder.models import MODELS

    (option,) = [parameter for parameter in train_command.params if parameter.name == "epochs"]
    for name, recipe in MODELS.items():
        assert f"{name} {recipe.epochs}" in str(getattr(option, "help", ""))


@pytest.mark.usefixtures("framework")
def test_data_that_changed_since_the_run_began_is_refused(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    data, run = tmp_path / "data.npz", tmp_path / "run"
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (60, 8, 8, 3), dtype=np.uint8)
    np.savez(data, images=images, labels=np.arange(60) % 2)
    assert train(data, "--model", "linear", "--epochs", "1", "--out", run, "--progress", "none") == 0
    log = [event for event in events(run) if event["event"] != "end"]
    (run / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in log))
    np.savez(data, images=255 - images, labels=np.arange(60) % 2)
    capfd.readouterr()
    before = snapshot(run)
    assert train("--resume", run) == 2
    assert str(data) in one_sentence(capfd)
    assert snapshot(run) == before
