"""A program relies on: a classifier of sounds answers sounds over HTTP as one of images answers images."""

from __future__ import annotations

import base64
import dataclasses
import io
import itertools
import shutil
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from starlette.testclient import TestClient
from tones import CLASSES, RATE, tone, wav

from beholder.answering.classifier import Classifier
from beholder.artifact import kept_sounds
from beholder.artifact.kept_sounds import open_sounds, write_sounds
from beholder.errors import ArtifactError
from beholder.server.app import classifier_app
from beholder.server.guard.request_limits import Limits
from beholder.server.interface import openapi_document
from beholder.server.prometheus import Metrics
from beholder.server.served import Served, open_served
from beholder.server.workers import Workers

FILES = Path(__file__).parents[1] / "data" / "sounds"
LONG = np.concatenate([tone(300, 0.8), tone(2500, 0.8), tone(2500, 0.8)])


@pytest.fixture(scope="module")
def hearing(sounds_run: Path) -> Served:
    return open_served(sounds_run)


@pytest.fixture
def listener(hearing: Served) -> TestClient:
    """Asks a classifier of sounds."""
    return TestClient(classifier_app(hearing), "http://localhost", raise_server_exceptions=False)


def png() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (20, 20), "red").save(file, "PNG")
    return file.getvalue()


def limited(hearing: Served, **limits: Any) -> TestClient:
    served = open_served(hearing.folder, limits=Limits(**limits))
    return TestClient(classifier_app(served), "http://localhost", raise_server_exceptions=False)


def ask(client: TestClient, content: bytes) -> dict[str, Any]:
    response = client.post("/page/ask", content=content, headers={"Content-Type": "audio/wav"})
    assert response.status_code == 200
    [answer] = response.json()["answers"]
    return dict(answer)


def picture(data_uri: str) -> NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data_uri.split(",")[1]))))


@pytest.mark.parametrize("kind", ["audio/wav", "audio/x-wav", "audio/mpeg", "application/octet-stream", None])
def test_the_bytes_of_a_sound_are_answered(listener: TestClient, kind: str | None) -> None:
    """What the bytes are decides, whatever they are called."""
    headers = {} if kind is None else {"Content-Type": kind}
    for name, hertz in CLASSES.items():
        response = listener.post("/predict", content=wav(tone(hertz, 0.45)), headers=headers)
        assert response.status_code == 200
        assert response.json()["predictions"][0]["label"] == name


def test_many_sounds_in_a_form_are_answered_as_by_the_classifier(listener: TestClient, sounds_run: Path) -> None:
    sounds = [wav(tone(hertz, 0.45, seed)) for seed, hertz in enumerate((300, 2500, 900))] + [wav(LONG), b"none"]
    files = [("file", (f"{number}.wav", content)) for number, content in enumerate(sounds)]
    answers = listener.post("/predict", files=files).json()["predictions"]
    references = Classifier.load(sounds_run).predict(sounds)
    for answer, reference in zip(answers[:-1], references[:-1], strict=True):
        assert answer["label"] == reference.label
        assert answer["probability"] == pytest.approx(reference.probability, abs=1e-5)
        assert (answer["unsure"], answer["unlike"]) == (reference.unsure, reference.unlike)
    assert answers[-1]["path"] == "4.wav"
    assert answers[-1]["error"] == references[-1].error


def test_an_image_is_refused_in_one_sentence(listener: TestClient) -> None:
    response = listener.post("/predict", content=png(), headers={"Content-Type": "image/png"})
    assert response.status_code == 415
    assert response.json()["error"] == (
        "Expected Content-Type audio/…, application/octet-stream or multipart/form-data, for this classifier answers "
        "sounds. Received: 'image/png'."
    )
    for response in (
        listener.post("/predict", content=png()),
        listener.post("/predict", files=[("file", ("a.wav", png()))]),
        listener.post("/page/ask/where", content=png()),
        listener.post("/page/inside", content=png()),
    ):
        assert response.status_code == 400
        assert "it is an image (PNG), and sounds are expected here; give a sound." in response.json()["error"]


def test_a_sound_is_refused_in_one_sentence_by_a_classifier_of_images(client: TestClient) -> None:
    content = wav(tone(300, 0.45))
    response = client.post("/predict", content=content, headers={"Content-Type": "audio/wav"})
    assert response.status_code == 415
    assert "for this classifier answers images. Received: 'audio/wav'." in response.json()["error"]
    response = client.post("/predict", files=[("file", ("a.png", content))])
    assert response.status_code == 400
    assert "it is a sound (WAV), and images are expected here; give an image." in response.json()["error"]


def test_a_sound_that_takes_too_long_is_refused(hearing: Served) -> None:
    content = wav(LONG)  # 2.4 s
    for limits, said in (
        ({"seconds": 2}, "it is longer than 2 seconds"),
        ({"samples": RATE}, "it is longer than 1 seconds"),
        ({"request_seconds": 2}, "with those before it the request has more than 2 seconds"),
    ):
        client = limited(hearing, **limits)
        response = client.post("/predict", content=content)
        assert response.status_code == 400
        assert said in response.json()["error"]
        assert client.post("/predict", content=wav(tone(300, 0.45))).status_code == 200


def test_the_seconds_of_one_request_are_counted_together(hearing: Served) -> None:
    client = limited(hearing, request_seconds=1.2)
    files = [("file", (f"{number}.wav", wav(tone(300, 0.45)))) for number in range(4)]
    answers = client.post("/predict", files=files).json()["predictions"]
    assert sum("label" in answer for answer in answers) == 2


def test_a_sound_that_was_refused_halfway_does_not_disturb_the_next(hearing: Served) -> None:
    client = limited(hearing, request_seconds=0.7)
    flac, ogg = ((FILES / name).read_bytes() for name in ("tone.flac", "tone.ogg"))
    [alone] = client.post("/predict", content=flac).json()["predictions"]
    for _ in range(4):
        answers = client.post("/predict", files=[("file", ("-", content)) for content in (flac, ogg)]).json()
        assert sum("error" in answer for answer in answers["predictions"]) == 1
        [again] = client.post("/predict", content=flac).json()["predictions"]
        assert again["label"] == alone["label"]
        assert again["probability"] == pytest.approx(alone["probability"], abs=1e-5)


@pytest.mark.parametrize("name", ["tone.flac", "tone.ogg", "tone.mp3"])
def test_compressed_sounds_are_answered_and_shown(listener: TestClient, name: str) -> None:
    content = (FILES / name).read_bytes()
    answer = ask(listener, content)
    [predicted] = listener.post("/predict", content=content).json()["predictions"]
    assert predicted["label"] == answer["label"]
    assert answer["sound"]["format"] == name.removeprefix("tone.").upper()
    assert answer["sound"]["seconds"] == pytest.approx(0.5, abs=0.1)


def test_the_interface_names_the_media_types(listener: TestClient, client: TestClient) -> None:
    def content(document: dict[str, Any]) -> set[str]:
        return set(document["paths"]["/predict"]["post"]["requestBody"]["content"])

    both = {"application/octet-stream", "multipart/form-data"}
    assert content(listener.get("/openapi.json").json()) == {"audio/*", *both}
    assert content(client.get("/openapi.json").json()) == {"image/*", *both}
    assert openapi_document("sound")["components"] == openapi_document("image")["components"]


def test_the_page_may_ask_for_the_microphone_where_sounds_are_answered(
    listener: TestClient, client: TestClient
) -> None:
    for path in ("/", "/static/record.js", "/nothing"):
        assert listener.get(path).headers["permissions-policy"] == "camera=(), microphone=(self), geolocation=()"
        assert client.get(path).headers["permissions-policy"] == "camera=(self), microphone=(), geolocation=()"


def test_the_spectrogram_has_its_pitches_and_seconds(listener: TestClient) -> None:
    """A tone is bright where the axis names its pitch, and as long as it lasts."""
    sound = ask(listener, wav(np.concatenate([np.zeros(4000), tone(1000, 1.0)]), RATE))["sound"]
    assert sound["seconds"] == pytest.approx(1.5, abs=1e-3)
    assert (sound["rate"], sound["channels"], sound["format"]) == (RATE, 1, "WAV")
    levels = picture(sound["image"]).astype(float)
    [share] = [one["share"] for one in sound["hertz"] if one["hertz"] == 1000]
    loudest = levels.mean(axis=1).argmax()
    assert (loudest + 0.5) / len(levels) == pytest.approx(share, abs=1.5 / len(levels))
    heard = np.flatnonzero(levels[loudest] > levels[loudest].max() / 2)
    assert heard[0] / levels.shape[1] * 1.5 == pytest.approx(0.5, abs=0.1)
    assert [one["hertz"] for one in sound["hertz"]] == sorted(one["hertz"] for one in sound["hertz"])


def test_a_long_sound_is_heard_in_windows(listener: TestClient) -> None:
    answer = ask(listener, wav(LONG))
    windows = answer["sound"]["windows"]
    assert answer["label"] == "high"
    assert windows[0]["start"] == 0
    assert windows[-1]["end"] == pytest.approx(2.4, abs=0.05)
    assert all(one["start"] < other["start"] < one["end"] for one, other in itertools.pairwise(windows))
    mean = np.mean([one["probability"] for one in windows])
    assert mean == pytest.approx(answer["probability"], abs=1e-3)
    first = [one["probability"] for one in windows if one["end"] < 0.8]
    rest = [one["probability"] for one in windows if one["start"] > 0.8]
    assert max(first) < 0.5 < min(rest)
    assert f"{len(windows)} windows" in answer["sound"]["words"]
    assert "most probable from" in answer["sound"]["words"]
    part = listener.post("/page/inside", content=wav(LONG)).json()["part"]
    assert part.startswith("Window ")
    assert f"of {len(windows)}, " in part


def test_a_short_sound_lies_on_silence_and_another_rate_is_said(listener: TestClient) -> None:
    sound = ask(listener, wav(tone(300, 0.2)))["sound"]
    assert len(sound["windows"]) == 1
    assert "in the middle of" in sound["words"]
    assert listener.post("/page/inside", content=wav(tone(300, 0.2))).json()["part"] is None
    higher = ask(listener, wav(tone(900, 0.45, rate=44_100), 44_100))
    assert higher["label"] == "middle"
    assert higher["sound"]["rate"] == 44_100
    assert "The network hears it at 8,000 Hz." in higher["sound"]["words"]


def test_where_it_listened_is_a_layer_on_the_spectrogram(listener: TestClient) -> None:
    """What speaks for the high tone is looked for in the windows that speak most for it."""
    content = wav(np.concatenate([tone(300, 1.6), *[tone(2500, 0.8)] * 4]))
    assert ask(listener, content)["label"] == "high"
    document = listener.post("/page/ask/where", content=content).json()
    cover = picture(document["overlay"])[..., 3]
    low = round(1.2 / 4.8 * cover.shape[1])
    assert not cover[:, :low].any()
    assert cover[:, low:].max() > 100
    assert "of the 8 windows that speak most for it" in document["text"]
    assert document["method"] in ("class activation", "occlusion")
    assert document["text"].startswith("The glow marks when and at which pitch")


def test_examples_are_sounds_with_pictures(listener: TestClient, hearing: Served) -> None:
    document = listener.get("/page/ask/examples").json()
    assert 0 < len(document["examples"]) == len(document["pictures"])
    for address, shown in zip(document["examples"], document["pictures"], strict=True):
        response = listener.get(address)
        assert response.headers["content-type"] == "audio/wav"
        assert ask(listener, response.content)["label"] in CLASSES
        assert picture(shown).shape[0] == 64


def test_the_nearest_training_sounds_can_be_heard(listener: TestClient, sounds_folder: Path) -> None:
    near = ask(listener, wav(tone(900, 0.45)))["neighbours"]
    assert near
    assert {one["label"] for one in near[:3]} == {"middle"}
    assert len({one["path"] for one in near}) == len(near)
    for one in near:
        original = samples_of((sounds_folder / one["path"]).read_bytes())
        response = listener.get(one["sound"])
        assert response.headers["content-type"] == "audio/wav"
        kept = samples_of(response.content)
        assert len(kept) == len(original)
        noise = np.square(kept - original).mean() / np.square(original).mean()
        assert 10 * np.log10(noise) < -30  # a telephone's quality
    assert listener.get("/page/sounds/99999.wav").status_code == 404


def samples_of(content: bytes) -> NDArray[np.float64]:
    with wave.open(io.BytesIO(content)) as reader:
        assert (reader.getnchannels(), reader.getsampwidth(), reader.getframerate()) == (1, 2, RATE)
        return np.frombuffer(reader.readframes(reader.getnframes()), "<i2") / 32768


def test_kept_sounds_are_bounded_and_damage_is_told(
    sounds_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    shutil.copytree(sounds_run, run)
    monkeypatch.setattr(kept_sounds, "_MOST_BYTES", 10_000)
    write_sounds(run, RATE, ((str(number), np.zeros(4000, np.float32)) for number in range(9)))
    kept = open_sounds(run)
    assert kept is not None
    assert list(kept.places) == ["0", "1"]
    assert not samples_of(kept.wav(1)).any()  # silence stays silence
    (run / "sounds.npz").write_bytes(b"damaged")
    with pytest.raises(ArtifactError, match="is damaged; restore it from a copy"):
        open_sounds(run)
    served = open_served(run)
    answer = ask(TestClient(classifier_app(served), "http://localhost"), wav(tone(300, 0.45)))
    served.workers.close()
    assert all(one["sound"] is None for one in answer["neighbours"])


def test_most_windows_decide_whether_a_sound_is_unlike(hearing: Served) -> None:
    flags: list[list[bool]] = []

    class Half(Classifier):
        def unlike(self, features: NDArray[np.float32]) -> list[bool]:
            assert len(features) == len(flags[-1])
            return flags[-1]

    workers = Workers(Half(hearing.classifier.artifact), Limits(), Metrics())
    client = TestClient(classifier_app(dataclasses.replace(hearing, workers=workers)), "http://localhost")
    count = len(ask(TestClient(classifier_app(hearing), "http://localhost"), wav(LONG))["sound"]["windows"])
    for strange in (0, count // 2, count // 2 + 1, count):
        flags.append([row < strange for row in range(count)])
        [answer] = client.post("/predict", content=wav(LONG)).json()["predictions"]
        assert answer["unlike"] is (strange > count / 2)
    workers.close()
