"""A person relies on: sounds are shown with seconds and hertz, explained in them, and played where they are judged."""

from __future__ import annotations

import base64
import io
import json
import re
import shutil
import wave
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tones import RATE, tone, wav

from beholder.answering.classifier import Classifier
from beholder.answering.explanation import explain_image
from beholder.api.audit import audit
from beholder.api.evaluate import evaluate
from beholder.api.explain import explain
from beholder.api.look import look
from beholder.data.sounds.rules import SoundRules
from beholder.errors import UsageError
from beholder.figures.png import png_uri
from beholder.figures.sound_clip import SECONDS, SoundUri, checked_sound, sound_uri
from beholder.report.page import write_report

RULES = SoundRules(RATE, 0.5)


def played(uri: str) -> tuple[int, float]:
    """The rate and the seconds of a WAV file in a data URI."""
    head, _, content = uri.partition(",")
    assert head == "data:audio/wav;base64"
    with wave.open(io.BytesIO(base64.b64decode(content))) as file:
        return file.getframerate(), file.getnframes() / file.getframerate()


def test_a_sheet_shows_sounds_with_axes_and_how_they_are_varied(long_tones: Path) -> None:
    plain = look(long_tones, rows=1, columns=2, seconds=0.5)
    varied = look(long_tones, rows=2, columns=2, seconds=0.5, augmented=True)
    assert varied.width == plain.width
    assert varied.height > plain.height
    tile = 2 * RULES.frames
    assert plain.width == 2 * 24 + 16 + 2 * (48 + max(tile, 128) + 6)
    again = look(long_tones, rows=2, columns=2, seconds=0.5, augmented=True, augmentation="sound,mask=0.9")
    assert (np.asarray(again) != np.asarray(varied)).any()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cleaned": True}, "--cleaned is for images"),
        ({"fit": "pad", "as_seen": True}, "--fit is for images"),
        ({"augmented": True, "augmentation": "photo"}, "--augmentation is for images"),
    ],
)
def test_what_is_for_images_alone_is_refused(long_tones: Path, options: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        look(long_tones, **options)  # type: ignore[arg-type]


def test_images_are_not_varied_as_sounds() -> None:
    with pytest.raises(UsageError, match="--augmentation sound is for sounds, and 'digits' holds images"):
        look("digits", augmented=True, augmentation="sound")


def test_an_explanation_tells_when_and_at_which_pitch(tones_run: Path, tmp_path: Path) -> None:
    path = tmp_path / "short.wav"
    path.write_bytes(wav(tone(900, 0.4)))
    result = explain(tones_run, path, out=tmp_path / "out")
    assert result.clip is not None
    assert (result.clip["number"], result.clip["count"], result.clip["seconds"]) == (1, 1, 0.5)
    assert -0.06 < result.clip["start"] < -0.04, "a short sound lies in the middle of silence"
    listened = result.where["listened"]
    if listened is not None:
        assert 0 <= listened["start"] < listened["end"] <= 0.5
        assert 100 < listened["low"] <= listened["high"] < RATE / 2
        assert f"{listened['low']:,} to {listened['high']:,} Hz" in result.where["text"]
    page = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert "Where it listened" in page
    assert "as an image of time, to the right, and pitch, upwards" in page
    with Image.open(tmp_path / "out" / "input.png") as image:
        assert image.size == (48 + max(2 * RULES.frames, 128) + 6, 6 + 128 + 20)


def test_of_a_long_sound_the_clip_that_speaks_most_is_explained(tones_run: Path, tmp_path: Path) -> None:
    """A tone in the third second of five of noise: the clip that is explained has it."""
    random = np.random.default_rng(0)
    samples = random.normal(0, 0.002, 5 * RATE)
    samples[2 * RATE : 2 * RATE + RATE // 2] = tone(2500, 0.5)
    path = tmp_path / "long.wav"
    path.write_bytes(wav(samples))
    classifier = Classifier.load(tones_run)
    found = explain_image(classifier, path)
    assert found.clip is not None
    label = classifier.class_names.index(str(found.prediction.label))
    clips = np.asarray(classifier.artifact.graph(found.image[np.newaxis]).probabilities)[0, label]
    [whole] = classifier.predict(path)
    assert clips >= float(whole.probability or 0) - 1e-6
    assert found.prediction.probability == pytest.approx(whole.probability, abs=1e-6)
    assert found.clip.count > 10
    assert found.clip.start == pytest.approx((found.clip.number - 1) * (RULES.frames // 2) * RULES.step, abs=0.3)


def test_mistakes_in_a_report_can_be_played(tones_run: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(tones_run, run)
    evaluation = evaluate(run)
    assert all(isinstance(one["sound"], SoundUri) for one in evaluation.mistakes)
    document = json.loads((run / "evaluation.json").read_bytes())
    name, uri = "low/00.wav", sound_uri(wav(tone(300, 4.0)))
    assert uri is not None
    made: dict[str, object] = {
        "name": name,
        "label": "low",
        "prediction": "high",
        "probability": 0.9,
        "label_probability": 0.1,
    }
    made["image"] = png_uri(np.zeros((8, 8, 1), np.uint8))
    document["mistakes"] = [{**made, "sound": uri}, {**made, "sound": "data:audio/x;base64,AAAA"}]
    (run / "evaluation.json").write_text(json.dumps(document), encoding="utf-8")
    write_report(run)
    page = (run / "report.html").read_text(encoding="utf-8")
    [sound] = re.findall(r'<audio controls preload="none" src="([^"]+)"', page)
    assert played(sound) == (RATE, SECONDS)
    assert "media-src data:" in page


def test_only_small_sounds_get_through() -> None:
    uri = sound_uri(wav(tone(500, 1.0, rate=16000), 16000))
    assert uri is not None
    assert played(uri) == (8000, 1.0)
    assert checked_sound(uri) == uri
    assert repr(uri).startswith("<sound, ")
    assert sound_uri(b"no sound") is None
    large = base64.b64encode(wav(np.zeros(100_000))).decode()
    for wrong in (None, "", "data:,x", "data:audio/wav;base64,####", f"data:audio/wav;base64,{large}", uri[:400]):
        assert checked_sound(wrong) is None


def test_the_gallery_of_an_audit_plays_what_was_found(tmp_path: Path, long_tones: Path) -> None:
    folder = tmp_path / "data"
    for source in sorted(long_tones.rglob("*.wav")):
        if int(source.stem) < 4:
            (folder / source.parent.name).mkdir(parents=True, exist_ok=True)
            (folder / source.parent.name / source.name).write_bytes(source.read_bytes())
    (folder / "low" / "again.wav").write_bytes((folder / "low" / "00.wav").read_bytes())
    (folder / "high" / "silent.wav").write_bytes(wav(np.zeros(4000)))
    result = audit(folder, out=tmp_path / "audit", cache=tmp_path / "cache", budget=10)
    kinds = {one.kind for one in result.findings}
    assert {"exact_duplicate", "silent", "few_images"} <= kinds
    assert not kinds & {"dark", "low_information", "blurred"}
    assert result.kind == "sound"
    assert result.images == {"all": 14}
    page = (tmp_path / "audit" / "gallery.html").read_text(encoding="utf-8")
    data = json.loads(re.findall(r'<script type="application/json" id="audit">(.*?)</script>', page, re.DOTALL)[0])
    assert data["kinds"][0]["title"] == "Equal sounds"
    sounds = [one["sound"] for one in data["album"]]
    assert len(sounds) == 3
    assert {played(one)[0] for one in sounds} == {8000}
    assert "media-src data:" in page
