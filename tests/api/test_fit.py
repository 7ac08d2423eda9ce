"""`--fit`: one rule from a folder of oblong photographs to the model's answers, its report and the next training."""

from __future__ import annotations

import io
import json
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from beholder.answering.classifier import Classifier
from beholder.api.audit import audit
from beholder.api.compare import compare
from beholder.api.evaluate import evaluate
from beholder.api.look import look
from beholder.api.resume import resume
from beholder.api.train import train
from beholder.artifact.golden import replay_golden
from beholder.artifact.store import open_artifact
from beholder.cli import _run
from beholder.data.decoding import image_rules
from beholder.data.images.decode import ImageRules, decode_array
from beholder.data.opening import open_source
from beholder.data.split import Split
from beholder.errors import ArtifactError, RunError, UsageError
from beholder.models import MODELS
from beholder.report.reading import read_run
from beholder.report.reproduction import asked_of, plan_command
from beholder.server.tabs.retraining import retrain_command

pytestmark = pytest.mark.usefixtures("framework")

GREY = (128, 128, 128)


def photograph(number: int, landscape: bool) -> Image.Image:
    """Of 3 : 4 or 4 : 3, in several sizes: noise, and what its class is, above or below, where a square is cut."""
    random = np.random.default_rng(number)
    side = 36 + 4 * (number % 4)
    height, width = (3 * side // 4, side) if landscape else (side, 3 * side // 4)
    pixels = random.integers(60, 190, (height, width, 3), dtype=np.uint8)
    edge = pixels[: side // 8] if number % 2 else pixels[-side // 8 :]
    edge[:] = (250, 20, 20)
    return Image.fromarray(pixels)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Half of the photographs are portraits, half landscapes, so that they become squares; in sets of their own."""
    root = tmp_path_factory.mktemp("fit") / "data"
    for number in range(80):
        set_name = "train" if number < 48 else "val" if number < 64 else "test"
        path = root / set_name / ("above" if number % 2 else "below") / f"{number:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        photograph(number, landscape=number % 4 < 2).save(path)
    return root


@pytest.fixture(scope="module")
def padded(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A RUN that was trained with `fit="pad"`; tests must not write to it."""
    root = tmp_path_factory.mktemp("padded")
    return train(folder, model="linear", epochs=2, fit="pad", cache=root / "cache", out=root / "run").run


def padded_by_hand(image: Image.Image, side: int) -> np.ndarray:
    """`image` in the middle of a square, by Pillow alone; of an odd rest more is right and below."""
    square = (side, side)
    return np.asarray(ImageOps.pad(image, square, Image.Resampling.BILINEAR, color=GREY, centering=(0.49, 0.49)))


def test_a_model_answers_a_file_as_the_array_that_its_rule_makes_of_it(padded: Path) -> None:
    rules = image_rules(Classifier.load(padded).artifact.manifest.image)
    assert (rules.height, rules.width, rules.fit) == (31, 31, "pad")
    assert json.loads((padded / "model" / "manifest.json").read_bytes())["image"] == {
        "rule": 2,
        "height": 31,
        "width": 31,
        "mode": "RGB",
        "fit": "pad",
    }
    classifier = Classifier.load(padded)
    for number in (0, 2):
        image = photograph(number, landscape=number == 0)
        file = io.BytesIO()
        image.save(file, "PNG")
        by_hand = padded_by_hand(image, 31)
        [asked, array, opened, expected] = classifier.predict([file.getvalue(), np.asarray(image), image, by_hand])
        assert asked.top == array.top == opened.top == expected.top
        cut = decode_array(np.asarray(image), ImageRules(31, 31, "RGB", "crop"))
        assert classifier.predict(cut)[0].top != expected.top


def test_the_golden_images_replay_the_fit(padded: Path) -> None:
    artifact = open_artifact(padded / "model")
    golden, rules = artifact.folder / "golden", image_rules(artifact.manifest.image)
    replay_golden(golden, artifact.graph, rules)
    for fit in ("crop", "stretch"):
        with pytest.raises(ArtifactError, match="answers its golden image"):
            replay_golden(golden, artifact.graph, ImageRules(rules.height, rules.width, rules.mode, fit))


def test_the_run_says_what_was_done_and_how_to_do_it_again(padded: Path, folder: Path) -> None:
    told = "become 31 × 31: 25% of each is padding"
    assert any(told in note for note in json.loads((padded / "data.json").read_bytes())["notes"])
    assert told in (padded / "report.html").read_text(encoding="utf-8")
    assert "scaled and padded to 31 × 31 pixels" in (padded / "model" / "README.md").read_text(encoding="utf-8")
    config = json.loads((padded / "config.json").read_bytes())
    assert asked_of(config)["fit"] == config["fit"] == "pad"
    again = shlex.split(retrain_command(config, padded, padded / "corrections.csv"))
    assert again[again.index("--fit") + 1] == "pad"
    planned = read_run(padded)
    assert "--fit pad" in (plan_command(_on_a_budget(planned)) or "")


def _on_a_budget(run: Any) -> Any:
    """The same run as if it had been on a budget, which a command can follow."""
    run.config["budget"] = 60.0
    return run


def test_evaluate_reads_a_folder_as_the_model_does(padded: Path, folder: Path, tmp_path: Path) -> None:
    figures = evaluate(padded, folder, cache=tmp_path / "cache")
    assert "test set" in figures.judged
    assert not any("--fit" in note for note in figures.notes)  # it has no such option
    with pytest.raises(UsageError, match=r"opened with fit='crop'; open them with fit='pad'"):
        evaluate(padded, open_source(folder, cache=tmp_path / "cache"))


def test_resuming_reads_the_folder_as_it_was_read(folder: Path, tmp_path: Path) -> None:
    """Also where it was opened before, which the run remembers."""
    common: dict[str, Any] = {"model": "linear", "epochs": 2, "out": tmp_path / "run"}
    source = open_source(folder, cache=tmp_path / "cache", fit="stretch")
    train(source, cache=tmp_path / "cache", **common)
    assert json.loads((tmp_path / "run" / "config.json").read_bytes())["fit"] == "stretch"
    (tmp_path / "run" / "model" / "manifest.json").unlink()
    _as_if_killed(tmp_path / "run")
    resume(tmp_path / "run")
    assert image_rules(Classifier.load(tmp_path / "run").artifact.manifest.image).fit == "stretch"
    _as_if_killed(tmp_path / "run")
    with pytest.raises((RunError, UsageError), match="fit='stretch'"):
        resume(tmp_path / "run", data=open_source(folder, cache=tmp_path / "cache"))


def _as_if_killed(run: Path) -> None:
    """The log of a run that did not come to its end."""
    lines = (run / "events.jsonl").read_text().splitlines()
    kept = [line for line in lines if json.loads(line)["event"] not in ("end", "export", "stopped")]
    (run / "events.jsonl").write_text("".join(f"{line}\n" for line in kept))


@pytest.mark.parametrize(("said", "expected"), [(None, "pad"), ("stretch", "stretch"), ("crop", "crop")])
def test_a_run_that_starts_from_another_fits_as_that_did_unless_told(
    padded: Path, folder: Path, tmp_path: Path, said: Any, expected: str
) -> None:
    run = train(folder, start_from=padded, epochs=1, fit=said, cache=tmp_path / "cache", out=tmp_path / "run").run
    rules = image_rules(Classifier.load(run).artifact.manifest.image)
    assert (rules.height, rules.width, rules.fit) == (31, 31, expected)
    oblong = np.random.default_rng(0).integers(0, 256, (40, 20, 40, 3), dtype=np.uint8)
    arrays = (oblong, np.arange(40) % 2)
    run = train(arrays, start_from=padded, epochs=1, fit=said, out=tmp_path / "arrays").run
    assert image_rules(Classifier.load(run).artifact.manifest.image).fit == expected
    words = {"pad": "the height is padding", "stretch": "stretched in height", "crop": "the width is cut"}
    assert any(words[expected] in note for note in json.loads((run / "data.json").read_bytes())["notes"])


def test_the_default_of_a_source_is_nobodys_word_against_the_fit_of_a_start(
    padded: Path, folder: Path, tmp_path: Path
) -> None:
    how: dict[str, Any] = {"start_from": padded, "epochs": 1}

    def fit_of(name: str, data: Any, **said: Any) -> str:
        run = train(data, out=tmp_path / name, cache=tmp_path / "cache", **how, **said).run
        return image_rules(Classifier.load(run).artifact.manifest.image).fit

    with pytest.raises(UsageError, match=r"opened with fit='crop'; open them with fit='pad'"):
        train(open_source(folder, cache=tmp_path / "cache"), out=tmp_path / "never", **how)
    assert fit_of("padded", open_source(folder, cache=tmp_path / "cache", fit="pad")) == "pad"
    assert fit_of("cropped", open_source(folder, cache=tmp_path / "cache", fit="crop")) == "crop"
    assert fit_of("told", open_source(folder, cache=tmp_path / "cache"), fit="crop") == "crop"
    oblong = np.random.default_rng(0).integers(0, 256, (40, 20, 40, 3), dtype=np.uint8), np.arange(40) % 2
    assert fit_of("arrays", open_source(oblong)) == "pad"
    assert fit_of("arrays cropped", open_source(oblong, fit="crop")) == "crop"


def test_arrays_stay_as_they_are_and_the_model_takes_other_images_by_the_fit(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (40, 12, 12, 3), dtype=np.uint8)
    run = train((images, np.arange(40) % 2), model="linear", epochs=1, fit="pad", out=tmp_path / "run").run
    classifier = Classifier.load(run)
    assert image_rules(classifier.artifact.manifest.image).fit == "pad"
    wide = Image.fromarray(images[0].repeat(4, axis=1))
    first, second = classifier.predict([wide, padded_by_hand(wide, 12)])
    assert first.top == second.top


@pytest.mark.parametrize("model", ["linear", "dense", "book", "fast"])
def test_every_network_learns_from_oblong_images(model: str, tmp_path: Path) -> None:
    assert model in MODELS
    images = np.random.default_rng(0).integers(0, 256, (48, 43, 32, 3), dtype=np.uint8)
    options: dict[str, Any] = {"widths": (8, 8, 8)} if model == "fast" else {}
    arrays = (images, np.arange(48) % 2)
    run = train(arrays, model=model, epochs=1, batch_size=16, neighbours=False, out=tmp_path / "run", **options).run
    assert Classifier.load(run).artifact.manifest.image.shape == (43, 32, 3)


def test_compare_and_audit_fit_too(folder: Path, tmp_path: Path) -> None:
    out: Path = tmp_path / "several"
    common: dict[str, Any] = {"cache": tmp_path / "cache"}
    result = compare(folder, models=["linear"], epochs=1, fit="stretch", out=out, **common)
    assert any("proportions change by a factor of 1.33" in note for note in result.notes)
    assert image_rules(Classifier.load(result.models[0].run).artifact.manifest.image).fit == "stretch"
    assert compare(folder, models=["linear"], epochs=1, fit="stretch", out=out, **common).models == result.models
    with pytest.raises(UsageError, match="other settings or images"):
        compare(folder, models=["linear"], epochs=1, fit="pad", out=out, **common)
    found = audit(folder, budget=1, fit="pad", out=tmp_path / "audit", **common)
    assert any("25% of each is padding" in note for note in found.notes)


def test_look_shows_whole_images_or_what_a_network_gets(folder: Path, tmp_path: Path) -> None:
    def sheet(**given: Any) -> Image.Image:
        return look(folder, rows=2, columns=3, seed=3, cache=tmp_path / "cache", **given)

    def tiles(image: Image.Image) -> set[tuple[int, int]]:
        """Width and height of what stands out from the paper, of each column of each row."""
        ink = (np.abs(np.asarray(image).astype(int) - (250, 250, 248)).max(axis=2) > 20)[24:-24]
        found = set()
        for row in np.array_split(ink, 2):
            for column in np.array_split(row[:-26], 3, axis=1):
                rows, columns = np.flatnonzero(column.mean(axis=1) > 0.2), np.flatnonzero(column.mean(axis=0) > 0.2)
                found.add((len(columns), len(rows)))
        return found

    whole = {fit: sheet(as_seen=True, fit=fit) for fit in (None, "crop", "pad", "stretch")}
    assert whole[None].tobytes() == whole["crop"].tobytes()
    assert len({image.tobytes() for image in whole.values()}) == 3
    assert len({size for size in tiles(whole["crop"]) if min(size) > 60}) == 1  # squares
    assert any(width > 1.2 * height for width, height in tiles(sheet()))
    assert any(height > 1.2 * width for width, height in tiles(sheet()))
    # Of each padded image nothing is missing: what is known of its class is in it.
    rows = Split(open_source(folder, cache=tmp_path / "cache", fit="pad"), seed=3).train()
    for image, name in zip(rows.images, rows.names, strict=True):
        with Image.open(folder / name) as loaded:
            np.testing.assert_array_equal(image, padded_by_hand(loaded, 31))


def test_options_of_look_that_contradict_each_other_are_one_sentence(
    folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = ["--out", str(tmp_path / "sheet.png"), "--cache", str(tmp_path / "cache")]
    assert _run(["look", str(folder), "--fit", "pad", *out]) == 2
    assert "add --as-seen to see what --fit does" in capfd.readouterr().err
    assert _run(["look", str(folder), "--cleaned", "--as-seen", *out]) == 2
    assert "leave --as-seen or --cleaned out" in capfd.readouterr().err
    assert not (tmp_path / "sheet.png").exists()
    assert _run(["look", str(folder), "--as-seen", "--fit", "pad", *out]) == 0
    assert "25% of each is padding" in capfd.readouterr().err


def test_predict_and_the_page_say_what_was_padded(
    padded: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    from starlette.testclient import TestClient

    from beholder.server.app import classifier_app
    from beholder.server.served import open_served

    photograph(0, landscape=True).save(tmp_path / "wide.png")
    assert _run(["predict", str(padded), str(tmp_path / "wide.png")]) == 0
    sentence = "The network takes 31 × 31 pixels: 25% of that is padding around this image, half on either side."
    assert sentence in capfd.readouterr().err
    served = open_served(padded)
    client = TestClient(classifier_app(served), base_url="http://localhost")
    content = (tmp_path / "wide.png").read_bytes()
    told = client.post("/page/ask", content=content, headers={"Content-Type": "image/png"}).json()["answers"][0]
    square = io.BytesIO()
    photograph(0, landscape=True).resize((50, 50)).save(square, "PNG")
    fits = client.post("/page/ask", content=square.getvalue(), headers={"Content-Type": "image/png"}).json()
    facts = client.get("/model").json()
    served.workers.close()
    assert told["received"]["fitted"] == sentence
    assert fits["answers"][0]["received"]["fitted"] is None
    assert facts["image"]["fit"] == "pad"
