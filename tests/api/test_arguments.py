"""A person relies on: whatever they give to a public function is taken as it is meant, or refused in one sentence."""

from __future__ import annotations

import datetime
import importlib
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import beholder
from beholder import arguments
from beholder.sessions.session import Session
from beholder.sessions.training_data import data_name

ANYTHING: list[Any] = [
    *(None, True, np.True_, 3, -1, 0.5, float("nan"), 1j, np.int64(3), np.float32(1), 10**400),
    *("", "x", "a\0b", np.str_("x"), "30s", "2%", b"x", bytearray(b"x"), Path("nowhere")),
    *([], [1], [1, 2], {}, {"a": 1}, (), (1, 2), ("x",), {1}, object(), range(3)),
    *(np.array([1, 2]), np.array(1), np.zeros((2, 3)), np.array(["a", "b"]), np.array([object()])),
]


NAMES = (
    *("audit", "compare", "evaluate", "explain", "look", "open_source", "parameters", "predict", "predict_in_bulk"),
    *(
        "resume",
        "serve",
        "threshold",
        "train",
        "watch",
        "Split",
        "Dataset",
        "Classifier",
        "Classifier.load",
        "Classifier.predict",
    ),
    *("Classifier.predict_proba", "chapter.clean", "chapter.read_data", "chapter.unpickle"),
)


class ReachedError(Exception):
    """All arguments were taken, and the work would begin."""


def reached(*_given: Any, **_named: Any) -> Any:
    raise ReachedError


@pytest.fixture
def idle(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No training, no audit and no server begins, and nothing is written elsewhere."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Session, "train", reached)
    for name in (
        *("api.audit.create_audit_folder", "api.compare._divided_once", "api.evaluate.choose_judged"),
        *("api.explain.explain_image", "api.train.launch", "api.resume.launch", "api.threshold._change"),
        *("server.serving.run_app", "server.live.watching.run_app"),
    ):
        module, _, attribute = name.rpartition(".")
        monkeypatch.setattr(importlib.import_module(f"beholder.{module}"), attribute, reached)
    monkeypatch.setattr("beholder.answering.bulk.cluster.require_ray", reached)


def calls(run: Path) -> dict[str, tuple[Callable[..., Any], dict[str, Any]]]:
    """Every public function with arguments that it takes."""
    grey = np.zeros((4, 8, 8, 1), np.uint8)
    classifier = beholder.Classifier.load(run)
    chapter = beholder.chapter
    return {
        "audit": (beholder.audit, {"data": "digits", "out": "audit"}),
        "compare": (beholder.compare, {"data": "digits", "models": ["linear"], "out": "compared"}),
        "evaluate": (beholder.evaluate, {"run": run, "data": "digits"}),
        "explain": (beholder.explain, {"run": run, "image": grey[0], "out": "explained", "force": True}),
        "look": (beholder.look, {"data": "digits"}),
        "open_source": (beholder.open_source, {"data": "digits"}),
        "parameters": (beholder.parameters, {"run": run}),
        "predict": (beholder.predict, {"run": run, "images": grey}),
        "predict_in_bulk": (beholder.predict_in_bulk, {"run": run, "source": "images", "out": "answers"}),
        "resume": (beholder.resume, {"run": run}),
        "serve": (beholder.serve, {"run": run, "port": 0}),
        "threshold": (beholder.threshold, {"run": run, "target_recall": {"3": 0.5}}),
        "train": (beholder.train, {"data": "digits", "model": "linear", "out": "run"}),
        "watch": (beholder.watch, {"run": run, "port": 0}),
        "Split": (beholder.Split, {"source": beholder.open_source("digits")}),
        "Dataset": (
            beholder.Dataset,
            {
                "images": grey,
                "labels": np.array([0, 1, 0, 1]),
                "class_names": ("a", "b"),
                "names": ["1", "2", "3", "4"],
            },
        ),
        "Classifier": (beholder.Classifier, {"artifact": classifier.artifact}),
        "Classifier.load": (beholder.Classifier.load, {"path": run}),
        "Classifier.predict": (classifier.predict, {"images": grey}),
        "Classifier.predict_proba": (classifier.predict_proba, {"images": grey}),
        "chapter.clean": (chapter.clean, {"data": np.zeros((2, 3072), np.uint8)}),
        "chapter.read_data": (chapter.read_data, {"directory": "nowhere"}),
        "chapter.unpickle": (chapter.unpickle, {"file": "nowhere"}),
    }


@pytest.mark.usefixtures("idle", "framework")
@pytest.mark.parametrize("name", NAMES)
def test_anything_is_taken_or_refused_in_a_sentence(name: str, digits_run: Path) -> None:
    function, fine = calls(digits_run)[name]
    parameters = [one.name for one in inspect.signature(function).parameters.values() if one.kind != one.VAR_KEYWORD]
    wrong = []
    for parameter in [*parameters, *(("dropout", "widths", "window", "padding") if name == "train" else ())]:
        for number, value in enumerate(ANYTHING):
            given = {**fine, parameter: value}
            if parameter != "out" and "out" in given:
                given["out"] = f"out-{parameter}-{number}"
            try:
                function(**given)
            except (beholder.BeholderError, ReachedError):
                pass
            except Exception as error:  # noqa: BLE001 - what must not be, all of it in one list
                wrong.append(f"{name}({parameter}={value!r:.40}): {error!r:.200}")
    assert not wrong, "\n".join(wrong)


def test_every_argument_has_a_kind(digits_run: Path) -> None:
    own = {
        "class_names",
        "groups",
        "images",
        "names",
        "options",
        "recordings",
        "sound",
    }  # looked at as data, or as settings
    for function, _ in calls(digits_run).values():
        assert inspect.signature(function).parameters.keys() - arguments.KINDS.keys() <= own


@pytest.mark.parametrize(
    ("name", "written", "meant"),
    [
        *(("budget", budget, 90.0) for budget in ("90s", "1m30s", 90, 90.0, np.int64(90), np.float32(90))),
        ("budget", datetime.timedelta(minutes=1.5), 90.0),
        *(("risk", risk, 0.02) for risk in ("2%", "0.02", 0.02)),
        *(
            ("cache", cache, Path("some/folder"))
            for cache in ("some/folder", Path("some/folder"), np.str_("some/folder"))
        ),
        *(("models", models, ("fast",)) for models in ("fast", ["fast"], ("fast",), np.array(["fast"]))),
        *(("exact", flag, True) for flag in (True, np.True_)),
        *(("top", top, 3) for top in (3, np.int8(3), np.uint64(3))),
        ("epochs", np.float64(3.0), 3),
    ],
)
def test_what_a_person_writes_is_taken_as_it_is_meant(name: str, written: Any, meant: Any) -> None:
    taken = arguments.KINDS[name](name, written)
    assert taken == meant
    assert type(taken) is type(meant) or isinstance(taken, Path)


@pytest.mark.usefixtures("idle", "framework")
@pytest.mark.parametrize("name", NAMES)
def test_a_tilde_is_the_home_folder_in_every_path(
    name: str, digits_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    function, fine = calls(digits_run)[name]
    parameters = inspect.signature(function).parameters
    said = []
    for parameter in (one for one in parameters if is_path(parameters[one])):
        try:
            function(**{**fine, parameter: f"~/{parameter}"})
        except (beholder.BeholderError, ReachedError) as error:
            said.append(str(error))
    assert not [sentence for sentence in said if "~" in sentence]
    assert not (tmp_path / "~").exists()


def is_path(parameter: inspect.Parameter) -> bool:
    return arguments.KINDS.get(parameter.name) is arguments.path or "Path" in str(parameter.annotation)


def test_what_is_written_and_read_is_in_the_home_folder(
    digits_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, work = tmp_path / "home", tmp_path / "work"
    home.mkdir()
    work.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(work)
    beholder.look("digits", rows=1, columns=2).save(home / "sheet.png")
    [answer] = beholder.predict(digits_run, "~/sheet.png")
    assert answer.error is None
    beholder.explain(digits_run, "~/sheet.png", out="~/explained")
    assert (home / "explained" / "index.html").is_file()
    dataset = beholder.Dataset.from_files(["~/sheet.png"], [0], class_names=["sheet"], cache="~/cache")
    assert list(dataset.names) == [str(home / "sheet.png")]
    assert (home / "cache").is_dir()
    (home / "photos").mkdir()
    assert data_name("~/photos") == str((home / "photos").resolve()), "what a run keeps means the same from any folder"
    assert list(work.iterdir()) == []


def test_what_only_opening_obeys_is_refused_beside_an_opened_source() -> None:
    source = beholder.open_source("digits")
    for function, more in ((beholder.look, {}), (beholder.audit, {"out": "audit"}), (beholder.train, {"out": "run"})):
        with pytest.raises(beholder.UsageError, match="--labels is for opening data, and these are open already"):
            function(source, labels="coarse", **more)
        with pytest.raises(beholder.UsageError, match="--label-column is for opening data"):
            function(source, label_column="label", **more)


def test_an_opened_source_is_looked_at_in_the_colour_that_is_said() -> None:
    red = np.zeros((20, 8, 8, 3), np.uint8)
    red[..., 0] = np.arange(100, 120)[:, None, None]
    source = beholder.open_source((red, ["a", "b"] * 10))
    sheets = {colour: np.asarray(beholder.look(source, colour=colour).convert("RGB")) for colour in ("rgb", "grey")}
    is_grey = {colour: bool((sheet[..., 0] == sheet[..., 1]).all()) for colour, sheet in sheets.items()}
    assert is_grey == {"rgb": False, "grey": True}


def test_an_address_of_the_web_is_no_path(digits_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(beholder.UsageError, match=r"'https://example\.org/x\.png' is an address.*download it"):
        beholder.explain(digits_run, np.zeros((8, 8), np.uint8), out="https://example.org/x.png")
    with pytest.raises(beholder.BeholderError, match="give the path alone: '/home/a/run'"):
        beholder.predict("file:///home/a/run", [])
    assert list(tmp_path.iterdir()) == []


def test_what_training_returned_stands_for_its_run(digits_run: Path) -> None:
    trained = beholder.resume(digits_run)
    assert beholder.Classifier.load(trained).class_names == beholder.Classifier.load(digits_run).class_names
    assert beholder.parameters(trained).parameters == beholder.parameters(str(digits_run)).parameters


def test_an_argument_that_there_is_not_is_told_with_the_nearest() -> None:
    with pytest.raises(beholder.UsageError, match="look has no argument 'row'; there is rows"):
        beholder.look("digits", row=2)
    with pytest.raises(beholder.UsageError, match="missing a required argument"):
        beholder.look()


def test_signatures_are_those_of_the_functions() -> None:
    assert list(inspect.signature(beholder.look).parameters)[:3] == ["data", "rows", "columns"]
    assert "contact sheet" in str(inspect.getdoc(beholder.look)) or "Draw" in str(inspect.getdoc(beholder.look))
