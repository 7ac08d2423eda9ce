"""A person relies on: sounds are learned, judged and answered as images are; figures count files."""

from __future__ import annotations

import io
import json
import shutil
import wave
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sound_folders import WINDOWS, write_wav
from tones import RATE, tone, wav

from beholder.answering.classifier import Classifier
from beholder.api.compare import compare
from beholder.api.evaluate import evaluate
from beholder.api.resume import resume
from beholder.api.threshold import threshold
from beholder.api.train import train
from beholder.artifact.manifest import read_manifest
from beholder.artifact.store import open_artifact
from beholder.artifact.validation_answers import open_validation
from beholder.artifact.validation_probabilities import open_probabilities
from beholder.data.dataset import Dataset
from beholder.data.opening import open_source
from beholder.data.sounds.rules import SoundRules
from beholder.data.sounds.spectrogram import streamed_spectrogram
from beholder.data.sounds.windows import decode_sound
from beholder.errors import ArtifactError, DataError, ImageError, UsageError

RULES = SoundRules(RATE, 0.5)


@pytest.fixture(scope="module")
def classifier(tones_run: Path) -> Classifier:
    return Classifier.load(tones_run, exact=True)


def test_the_run_says_what_it_learned_from(tones_run: Path) -> None:
    known = json.loads((tones_run / "data.json").read_bytes())
    assert known["rules"] == RULES.to_json() == read_manifest(tones_run / "model/manifest.json").image.to_json()
    assert [sum(counts) for counts in known["counts"].values()] == [48, 6]
    assert any(
        "Sounds become images of time and pitch at 8,000 Hz, in clips of 0.5 s" in note for note in known["notes"]
    )
    events = [json.loads(line) for line in (tones_run / "events.jsonl").read_text().splitlines()]
    summary = next(event["summary"] for event in events if event["event"] == "start")
    assert (summary["kind"], summary["train_images"], summary["validation_images"]) == ("sound", 48, 6)
    assert not summary["mirrored"]


def test_figures_of_validation_count_files(tones_run: Path) -> None:
    manifest = read_manifest(tones_run / "model/manifest.json")
    assert manifest.validation["count"] == 6
    answers, kept = open_validation(tones_run), open_probabilities(tones_run, 3)
    assert answers is not None
    assert kept is not None
    assert len(answers) == len(kept.labels) == len(set(answers.names)) == 6
    epochs = [json.loads(line) for line in (tones_run / "events.jsonl").read_text().splitlines()]
    shares = {event["validation_accuracy"] * 6 for event in epochs if event["event"] == "epoch"}
    assert all(abs(share - round(share)) < 1e-4 for share in shares)


def test_golden_sounds_replay_the_whole_rule(tones_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    golden = tones_run / "model/golden"
    files = sorted(golden.glob("*.wav"))
    assert len(files) == 6
    rows = [decode_sound(file, RULES) for file in files]
    assert [len(windows) for windows in rows[:-1]] == [1] * 5
    assert len(rows[-1]) > 1, "the last is longer than a clip"
    with wave.open(str(files[-1]), "rb") as file:
        assert file.getframerate() == 2 * RATE
    open_artifact(tones_run)

    def upside_down(chunks: Iterable[np.ndarray], rate: int) -> np.ndarray:
        return streamed_spectrogram(chunks, rate)[::-1]

    monkeypatch.setattr("beholder.data.sounds.windows.streamed_spectrogram", upside_down)
    with pytest.raises(ArtifactError, match="answers its golden sound"):
        open_artifact(tones_run)


def test_a_long_sound_gets_the_mean_of_its_windows(classifier: Classifier, long_tones: Path) -> None:
    path = long_tones / "low" / "19.wav"
    windows = decode_sound(path, RULES)
    assert len(windows) == WINDOWS
    expected = classifier.artifact.graph(windows).probabilities.mean(axis=0)
    [answer] = classifier.predict(path)
    [shares] = classifier.predict_proba([path])
    np.testing.assert_allclose(shares, expected, atol=1e-6)
    assert answer.path == str(path)
    assert answer.label == classifier.class_names[int(expected.argmax())]
    assert answer.probability == pytest.approx(expected.max(), abs=1e-6)
    same: list[Any] = [path.read_bytes(), path.open("rb"), windows]
    np.testing.assert_allclose(classifier.predict_proba(same), np.stack([expected] * 3), atol=1e-6)


def test_many_sounds_are_answered_in_their_order(classifier: Classifier, long_tones: Path) -> None:
    paths = sorted(long_tones.rglob("*.wav"))
    dataset: Any = open_source(long_tones, seconds=0.5).readers["all"](lambda *_: None)
    shares = classifier.predict_proba(paths)
    np.testing.assert_allclose(classifier.predict_proba(dataset), shares, atol=1e-5)
    streamed = list(classifier.stream(map(str, paths)))
    assert [answer.path for answer in streamed] == list(map(str, paths))
    assert np.mean([path.parent.name == answer.label for path, answer in zip(paths, streamed, strict=True)]) > 0.8


def test_what_is_no_sound_is_one_sentence(
    classifier: Classifier, digits_run: Path, long_tones: Path, tmp_path: Path
) -> None:
    picture = tmp_path / "picture.png"
    Image.new("RGB", (32, 32)).save(picture)
    given = [picture, Image.new("L", (8, 8)), np.zeros(8000, np.float32), b"", long_tones / "low" / "00.wav"]
    *bad, good = classifier.predict(given)  # type: ignore[arg-type]
    assert good.error is None
    errors = [str(answer.error) for answer in bad]
    assert (
        errors[0] == f"Cannot read {str(picture)!r}: it is an image (PNG), and sounds are expected here; give a sound."
    )
    assert "Expected a sound" in errors[1]
    assert "save samples as a WAV file" in errors[2]
    assert "it is empty" in errors[3]
    with pytest.raises(ImageError, match="Sound 0 cannot be answered"):
        classifier.predict_proba([picture])
    sound = long_tones / "low" / "00.wav"
    [answer] = Classifier.load(digits_run).predict(sound)
    assert answer.error == (
        f"Cannot read {str(sound)!r}: it is a sound (WAV), and images are expected here; give an image."
    )
    dataset: Any = Dataset.from_files([sound], ["low"])
    with pytest.raises(UsageError, match="holds sounds, and the network takes images"):
        Classifier.load(digits_run).predict(dataset)


def test_evaluation_counts_files(tones_run: Path, long_tones: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(tones_run, run)
    result = evaluate(run)
    assert (result.count, result.kind, result.judged) == (6, "sound", "Judged all 6 sounds of the run's test set.")
    assert np.sum(result.confusion) == 6
    assert evaluate(run).created == result.created
    with pytest.raises(UsageError, match="--corruptions changes images, and the network takes sounds; leave it out"):
        evaluate(run, corruptions=True)
    with pytest.raises(UsageError, match="--consistency changes images, and the network takes sounds; leave it out"):
        evaluate(run, consistency=True)
    with pytest.raises(DataError, match="'digits' holds images, and the network takes sounds; give sounds"):
        evaluate(run, "digits")
    other = tmp_path / "other"
    for name in ("low", "high"):
        for number in range(3):
            pitch = 300 if name == "low" else 2500
            write_wav(other / name / f"{number}.wav", tone(pitch, 1.5, 50 + number, 16_000), 16_000)
    elsewhere = evaluate(run, other)
    assert elsewhere.count == 6
    with pytest.raises(DataError, match="holds sounds, and the network takes images; give images"):
        evaluate(_digits(tmp_path), other)


def _digits(folder: Path) -> Path:
    run = folder / "digits"
    train("digits", model="linear", epochs=1, images=100, out=run)
    return run


def test_a_threshold_is_chosen_on_files(tones_run: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(tones_run, run)
    with pytest.raises(UsageError, match="validation"):
        threshold(run, target_recall={"low": 0.9})


def test_options_for_images_are_refused(long_tones: Path, tmp_path: Path) -> None:
    for option, value, said in (
        ("fit", "pad", "fit"),
        ("colour", "grey", "colour"),
        ("mirror", True, "mirror"),
        ("augmentation", "photo,crop=0.2", "augmentation photo,crop=0.2"),
    ):
        with pytest.raises(UsageError, match=f"--{said} is for images, and .* holds sounds; leave it out"):
            train(long_tones, out=tmp_path / "run", model="linear", **{option: value})  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="--seconds is for sounds, and 'digits' holds images; leave it out"):
        train("digits", out=tmp_path / "run", model="linear", seconds=1.0)
    with pytest.raises(UsageError, match=r"0.1 to 60 seconds for a clip"):
        train(long_tones, out=tmp_path / "run", model="linear", seconds=0.01)
    assert not (tmp_path / "run").exists()


def test_a_run_of_sounds_starts_from_another_and_not_from_images(
    tones_run: Path, digits_run: Path, long_tones: Path, tmp_path: Path
) -> None:
    again = train(long_tones, start_from=tones_run, epochs=1, out=tmp_path / "again")
    assert read_manifest(again.run / "model/manifest.json").image == RULES
    with pytest.raises(DataError, match="holds sounds, and the network takes images; give images"):
        train(long_tones, start_from=digits_run, epochs=1, out=tmp_path / "never")
    with pytest.raises(DataError, match="'digits' holds images, and the network takes sounds; give sounds"):
        train("digits", start_from=tones_run, epochs=1, out=tmp_path / "never")


def test_a_stopped_run_goes_on_to_what_it_would_have_become(long_tones: Path, tmp_path: Path) -> None:
    how = {"model": "fast", "epochs": 2, "seconds": 0.5, "seed": 3, "precision": "float32"}
    whole = train(long_tones, out=tmp_path / "whole", **how)  # type: ignore[arg-type]

    def stop(event: dict[str, object]) -> None:
        if event["event"] == "epoch" and event["epoch"] == 1:
            (tmp_path / "stopped" / "stop").touch()

    stopped = train(long_tones, out=tmp_path / "stopped", listener=stop, **how)  # type: ignore[arg-type]
    assert stopped.stopped
    moved = tmp_path / "moved"
    shutil.copytree(long_tones, moved)
    ended = resume(tmp_path / "stopped", data=moved)
    assert ended.validation_accuracy == whole.validation_accuracy
    one, other = (Classifier.load(run, exact=True) for run in (whole.run, ended.run))
    paths = sorted(long_tones.rglob("*.wav"))[:10]
    np.testing.assert_allclose(one.predict_proba(paths), other.predict_proba(paths), atol=1e-6)


def test_models_of_sounds_are_compared(long_tones: Path, tmp_path: Path) -> None:
    result = compare(long_tones, models=["linear"], images=[12, 24], epochs=1, seconds=0.5, out=tmp_path / "all")
    assert [row.images for row in result.models] in ([12, 24], [24, 12])
    opened = Dataset.from_files(
        paths := sorted(long_tones.rglob("*.wav")), [path.parent.name for path in paths], seconds=0.5
    )
    with pytest.raises(UsageError, match=r"opened in clips of 0.5 s; open them with seconds=1"):
        compare(opened, models=["linear"], epochs=1, seconds=1.0, out=tmp_path / "never")
    with pytest.raises(UsageError, match="--seconds is for sounds, and 'digits' holds images; leave it out"):
        compare("digits", models=["linear"], epochs=1, seconds=1.0, out=tmp_path / "never")


def test_sounds_given_in_python_can_be_trained_on_and_found_again(long_tones: Path, tmp_path: Path) -> None:
    paths = sorted(long_tones.rglob("*.wav"))
    dataset = Dataset.from_files(paths, [path.parent.name for path in paths], seconds=0.5)
    trained = train(dataset, model="linear", epochs=1, out=tmp_path / "run")
    assert evaluate(trained.run).count == 6
    assert resume(trained.run).finished_before


def test_a_stereo_sound_of_another_rate_is_answered(classifier: Classifier) -> None:
    sound = tone(300, 0.5, 5, 44_100)
    stream = io.BytesIO()
    with wave.open(stream, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(44_100)
        file.writeframes(np.rint(np.stack([sound, sound], 1) * 32767).astype("<i2").tobytes())
    plain, stereo = classifier.predict_proba([wav(sound, 44_100), stream.getvalue()])
    np.testing.assert_allclose(plain, stereo, atol=1e-5)
