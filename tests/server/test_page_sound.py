"""A person relies on: a sound that is recorded or brought in any way gets its answer, and can be seen and played.

The microphone is Chromium's own fake one, which hears a file.
"""

from __future__ import annotations

import base64
import io
import re
import wave
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from browser_views import in_both_sizes, in_every_view
from tones import CLASSES, tone, wav

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SPOKEN = np.concatenate([np.zeros(24_000), tone(2500, 0.5, rate=48_000), np.zeros(24_000)])  # 1.5 s


@pytest.fixture(scope="module")
def server(sounds_run: Path, serving: Callable[[Path], AbstractContextManager[str]]) -> Iterator[str]:
    """The address of a server of a classifier of sounds."""
    with serving(sounds_run) as address:
        yield address


@pytest.fixture(scope="module")
def browser(browser_that_hears: Callable[[bytes], AbstractContextManager[Browser]]) -> Iterator[Browser]:
    """A browser whose microphone hears `SPOKEN`."""
    with browser_that_hears(wav(SPOKEN, 48_000)) as started:
        yield started


def answers(page: Page) -> Any:
    return page.locator(".answer")


def file(name: str, content: bytes) -> Any:
    return {"name": name, "mimeType": "audio/wav", "buffer": content}


LISTEN = """
window.playing = [];
const play = HTMLMediaElement.prototype.play;
HTMLMediaElement.prototype.play = function () {
  window.playing.push(this);
  return play.call(this);
};"""


def heard(page: Page) -> list[bool]:
    """Whether each sound that was played, where `LISTEN` listens, was heard for a while."""
    return list(page.evaluate("window.playing.map((audio) => audio.played.length > 0)"))


def fits(page: Page) -> bool:
    """Whether nothing sticks out to the side."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def record(page: Page, seconds: float = 1.6) -> None:
    """Records until so many seconds have come."""
    page.get_by_role("button", name="Record").click()
    page.wait_for_function(f"() => Number(document.querySelector('.recorder .clock b')?.textContent) >= {seconds}")
    page.get_by_role("button", name="Stop and ask").click()


@in_every_view
def test_a_recording_is_answered(page: Page, serious_violations: Callable[[Page], list[str]]) -> None:
    page.goto("")
    page.get_by_role("button", name="Record").click()
    dialog = page.get_by_role("dialog", name="Record a sound")
    meter = dialog.get_by_role("meter", name="Loudness")
    page.wait_for_function("() => Number(document.querySelector('.levels').getAttribute('aria-valuenow')) > 60")
    assert int(meter.get_attribute("aria-valuemax") or 0) == 100
    assert dialog.get_by_role("status").inner_text() == "Recording"
    assert serious_violations(page) == []
    page.wait_for_function("() => Number(document.querySelector('.recorder .clock b').textContent) >= 1.6")
    dialog.get_by_role("button", name="Stop and ask").click()
    answers(page).first.wait_for()
    card = answers(page).first
    assert card.locator("h2").inner_text().startswith("high")
    assert card.locator(".file").first.inner_text() == "Recording"
    assert page.get_by_role("dialog").count() == 0
    card.get_by_role("slider", name="Where it listened").fill("25")
    assert float(card.locator(".heat").evaluate("image => getComputedStyle(image).opacity")) == pytest.approx(0.25)
    assert card.get_by_text("kHz").first.is_visible()
    assert card.locator(".nearest li").count() > 0
    assert fits(page)
    assert serious_violations(page) == []


def test_what_was_recorded_is_what_the_microphone_heard(page: Page) -> None:
    """The WAV that reaches the server: mono, 16 bits, the tone, without the quiet around it, which is said."""
    page.add_init_script(
        """const ask = window.fetch;
        window.fetch = (address, how) => {
          if (how?.body instanceof Blob) window.sent = how.body;
          return ask(address, how);
        };"""
    )
    page.goto("")
    with page.expect_request("**/page/ask") as asked:
        record(page)
    assert asked.value.headers["content-type"] == "audio/wav"
    body = page.evaluate("async () => [...new Uint8Array(await window.sent.arrayBuffer())]")
    with wave.open(io.BytesIO(bytes(body))) as reader:
        assert (reader.getnchannels(), reader.getsampwidth()) == (1, 2)
        rate = reader.getframerate()
        samples = np.frombuffer(reader.readframes(reader.getnframes()), "<i2") / 32767
    spectrum = np.abs(np.fft.rfft(samples))
    assert np.fft.rfftfreq(len(samples), 1 / rate)[spectrum.argmax()] == pytest.approx(2500, rel=0.01)
    answers(page).first.wait_for()
    note = answers(page).first.locator(".file").nth(1).inner_text()
    assert note.endswith("seconds: the quiet before and after was cut off.")
    assert len(samples) / rate == pytest.approx(float(note.split()[0]), abs=0.06)


def test_the_quiet_stays_where_a_person_wants_it(page: Page) -> None:
    page.goto("")
    page.get_by_role("button", name="Record").click()
    page.get_by_role("checkbox", name="Cut off the quiet before and after").uncheck()
    page.wait_for_function("() => Number(document.querySelector('.recorder .clock b').textContent) >= 1.6")
    page.get_by_role("button", name="Stop and ask").click()
    answers(page).first.wait_for()
    assert answers(page).first.locator(".file").count() == 1
    assert float(answers(page).first.locator(".position").get_attribute("max") or 0) >= 1.5


def test_a_recording_ends_by_itself_when_its_time_is_up(page: Page) -> None:
    page.route("**/static/record.js", shortened)
    page.goto("")
    page.get_by_role("button", name="Record").click()
    assert page.get_by_text("of at most 1 seconds").is_visible()
    answers(page).first.wait_for()
    assert page.get_by_role("dialog").count() == 0


def shortened(route: Any) -> None:
    text = route.fetch().text()
    assert "const MOST = 30;" in text
    route.fulfill(body=text.replace("const MOST = 30;", "const MOST = 1;"), content_type="text/javascript")


def test_a_browser_without_audio_worklets_records_too(page: Page) -> None:
    page.add_init_script("Object.defineProperty(BaseAudioContext.prototype, 'audioWorklet', { value: undefined });")
    page.goto("")
    record(page)
    answers(page).first.wait_for()
    assert answers(page).first.locator("h2").inner_text().startswith("high")


def test_recording_is_operable_by_keyboard_and_lets_the_microphone_go(page: Page) -> None:
    page.add_init_script(
        """const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
        navigator.mediaDevices.getUserMedia = async (what) => (window.stream = await ask(what));"""
    )
    page.goto("")
    page.get_by_role("button", name="Record").focus()
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.activeElement.textContent === 'Stop and ask'")
    page.keyboard.press("Escape")
    page.wait_for_function("() => window.stream.getTracks().every((track) => track.readyState === 'ended')")
    assert page.get_by_role("dialog").count() == 0
    assert page.evaluate("document.activeElement.id") == "record"
    assert answers(page).count() == 0
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.activeElement.textContent === 'Stop and ask'")
    page.wait_for_function("() => Number(document.querySelector('.recorder .clock b').textContent) >= 1.6")
    page.keyboard.press("Enter")
    answers(page).first.wait_for()
    assert page.evaluate("window.stream.getTracks().every((track) => track.readyState === 'ended')")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("NotAllowedError", "The browser may not use the microphone; allow it for this page and try again."),
        ("NotFoundError", "There is no microphone on this machine; choose a file instead."),
        ("NotReadableError", "The microphone does not start; close other programs that use it"),
    ],
)
def test_a_microphone_that_does_not_open_is_one_sentence(page: Page, name: str, said: str) -> None:
    page.add_init_script(
        f"navigator.mediaDevices.getUserMedia = async () => {{ throw new DOMException('no', '{name}'); }};"
    )
    page.goto("")
    page.get_by_role("button", name="Record").click()
    assert page.get_by_role("alert").inner_text().startswith(said)
    assert page.get_by_role("button", name="Stop and ask").is_disabled()
    page.get_by_role("button", name="Cancel").click()
    assert page.get_by_role("dialog").count() == 0


def test_a_silent_microphone_is_said(page: Page) -> None:
    page.add_init_script(
        """navigator.mediaDevices.getUserMedia = async () => (
          new AudioContext().createMediaStreamDestination().stream);"""
    )
    page.goto("")
    page.get_by_role("button", name="Record").click()
    page.get_by_text("Nothing is heard: is the microphone muted?").wait_for()


@in_both_sizes
def test_without_https_one_sentence_says_why_there_is_no_recording(
    page: Page, serious_violations: Callable[[Page], list[str]]
) -> None:
    page.add_init_script("Object.defineProperty(globalThis, 'isSecureContext', { value: false });")
    page.goto("")
    page.get_by_role("button", name="Choose sounds").wait_for()
    assert page.get_by_role("button", name="Record").count() == 0
    assert page.get_by_text("Recording needs this page over HTTPS or from localhost").is_visible()
    assert fits(page)
    assert serious_violations(page) == []


@in_every_view
def test_chosen_sounds_are_answered_seen_and_played(
    page: Page, serious_violations: Callable[[Page], list[str]]
) -> None:
    page.add_init_script(LISTEN)
    page.goto("")
    long = np.concatenate([tone(300, 0.8), tone(900, 0.8), tone(900, 0.8)])
    files = [file("none.wav", b"this is no sound"), file("long.wav", wav(long)), file("short.wav", wav(tone(300, 0.3)))]
    page.locator("input[type=file]").set_input_files(files)
    answers(page).nth(1).wait_for()
    short, long_card = answers(page).all()
    assert short.locator("h2").inner_text().startswith("low")
    assert short.locator(".when").count() == 0
    assert "0.30 s · 8,000 Hz · mono · WAV" in short.inner_text()
    assert long_card.locator("h2").inner_text().startswith("middle")
    assert long_card.locator(".when i").count() > 3
    assert page.get_by_role("alert").count() == 1

    long_card.get_by_role("button", name="Play", exact=True).evaluate(
        """(button) => new Promise((paused) => {
          const position = button.closest(".sound").querySelector(".position");
          const look = () => {
            if (Number(position.value) < 0.2) return requestAnimationFrame(look);
            button.click();
            return paused();
          };
          button.click();
          look();
        })"""
    )
    long_card.get_by_role("button", name="Play", exact=True).wait_for()
    assert heard(page) == [True]
    position = long_card.get_by_role("slider", name="Position in the sound")
    position.focus()
    page.keyboard.press("Home")
    page.keyboard.press("PageUp")
    assert float(position.input_value()) > 0
    assert "of 2.4 seconds" in (position.get_attribute("aria-valuetext") or "")
    long_card.locator(".nearest .playable").first.click()
    page.wait_for_function("() => window.playing.length === 2 && window.playing[1].played.length > 0")
    assert fits(page)
    assert serious_violations(page) == []


def test_dropped_pasted_and_example_sounds_are_answered(page: Page) -> None:
    page.goto("")
    page.get_by_role("button", name="Record").wait_for()
    transfer = page.evaluate_handle(
        """text => {
          const transfer = new DataTransfer();
          const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
          transfer.items.add(new File([bytes], "dropped.wav", { type: "audio/wav" }));
          return transfer;
        }""",
        base64.b64encode(wav(tone(900, 0.4))).decode(),
    )
    page.dispatch_event(".zone", "drop", {"dataTransfer": transfer})
    answers(page).first.wait_for()
    page.evaluate("clip => dispatchEvent(new ClipboardEvent('paste', { clipboardData: clip }))", transfer)
    answers(page).nth(1).wait_for()
    page.get_by_role("button", name="Example 1").click()
    answers(page).nth(2).wait_for()
    assert answers(page).first.locator(".file").inner_text() == "Example 1"
    image = file("a.png", b"\x89PNG\r\n\x1a\n" + bytes(99)) | {"mimeType": "image/png"}
    page.locator("input[type=file]").first.set_input_files([image])
    page.get_by_role("alert").wait_for()
    assert "sounds are expected here" in page.get_by_role("alert").inner_text()


def test_a_format_that_only_the_browser_reads_is_turned_into_wav(page: Page) -> None:
    """As of a telephone's recorder: here Opus in WebM, which Chromium writes."""
    page.goto("")
    page.get_by_role("button", name="Record").wait_for()
    recorded = page.evaluate_handle(
        """async () => {
          const context = new AudioContext();
          const tone = new OscillatorNode(context, { frequency: 2500 });
          const out = context.createMediaStreamDestination();
          tone.connect(out);
          tone.start();
          const recorder = new MediaRecorder(out.stream, { mimeType: "audio/webm" });
          const data = new Promise((resolve) => { recorder.ondataavailable = (event) => resolve(event.data); });
          recorder.start();
          await new Promise((resolve) => setTimeout(resolve, 600));
          recorder.stop();
          const transfer = new DataTransfer();
          transfer.items.add(new File([await data], "memo.webm", { type: "audio/webm" }));
          transfer.items.add(new File(["no sound"], "none.m4a", { type: "audio/mp4" }));
          return transfer;
        }"""
    )
    page.dispatch_event(".zone", "drop", {"dataTransfer": recorded})
    answers(page).first.wait_for()
    card = answers(page).first
    # On a busy machine the browser records a tone with gaps in it, which may well be called another.
    assert card.locator("h2").inner_text().startswith(tuple(CLASSES))
    assert card.locator(".file").all_inner_texts() == [
        "memo.webm",
        "Your browser turned it into a WAV file, since Beholder does not read this format.",
    ]
    page.get_by_role("alert").wait_for()


@in_every_view
def test_all_tabs_speak_of_sounds(page: Page, serious_violations: Callable[[Page], list[str]]) -> None:
    page.goto("#inside")
    page.locator(".layer-card").first.wait_for()
    assert page.get_by_role("button", name="Choose a sound").is_visible()
    for tab, ready in (("judge", "section"), ("correct", ".doubt, .empty")):
        page.goto(f"#{tab}")
        page.locator(f"#panel-{tab}").locator(ready).first.wait_for()
        assert page.locator(f"#panel-{tab}").get_by_text("sound").first.is_visible()
        assert fits(page)
        assert serious_violations(page) == []


TOLD = """() => [document.body.innerText,
  ...[...document.querySelectorAll("[alt], [aria-label], [title]")].flatMap((box) => (
    ["alt", "aria-label", "title"].map((name) => box.getAttribute(name) ?? "")))].join("\\n")"""


def test_no_page_of_a_classifier_of_sounds_speaks_of_images(page: Page) -> None:
    said = {}
    page.goto("")
    page.get_by_text("Your sound goes to this server").wait_for()
    said["Your sound goes to this server"] = page.evaluate(TOLD)
    page.locator("input[type=file]").first.set_input_files([file("a.wav", wav(tone(300, 0.9)))])
    answers(page).first.get_by_role("slider", name="Where it listened").wait_for()
    said["Most similar training sounds"] = page.evaluate(TOLD)
    page.goto("#inside")
    page.locator(".layer-card").first.wait_for()
    page.locator(".layer-card").first.click()
    said["Choose a sound"] = page.evaluate(TOLD)
    page.goto("#correct/nowhere.wav")
    page.get_by_text("no sound called 'nowhere.wav'; it keeps only some of its sounds").wait_for()
    page.goto("#correct/low/3.wav")
    page.get_by_text("The sound that you chose").wait_for()
    said["your sounds are never touched"] = page.evaluate(TOLD)
    page.goto("watch")
    page.locator(".answers li").first.wait_for()
    page.locator("#figures", has_text="Clips per second").wait_for()
    said["validation clips, "] = page.evaluate(TOLD)
    for expected, text in said.items():
        assert expected in text
        assert re.findall(r".*\bimages?\b.*", text.replace("images of time and pitch", ""), re.IGNORECASE) == []


def test_a_training_sound_can_be_heard_where_it_is_corrected(page: Page) -> None:
    page.add_init_script(LISTEN)
    page.goto("#correct/low/3.wav")
    card = page.locator(".doubt").first
    card.get_by_role("button", name="low/3.wav").click()
    page.wait_for_function("() => window.playing?.[0]?.played.length > 0")


def test_the_browser_s_wav_is_what_programs_read(page: Page) -> None:
    page.goto("")
    text = page.evaluate(
        """async () => {
          const { wavFile, withoutQuietEnds } = await import(new URL("static/wav.js", document.baseURI));
          const samples = Float32Array.from({ length: 48000 }, (_, at) => (
            at < 24000 ? 0.001 * Math.sin(at) : at < 36000 ? 2 * Math.sin(at / 20) : 0));
          const bytes = async (some) => [...new Uint8Array(await wavFile(some, 48000, "a").arrayBuffer())];
          return [await bytes(samples), await bytes(withoutQuietEnds(samples, 48000, 1)),
            await bytes(withoutQuietEnds(samples, 48000, 0.3)), await bytes(withoutQuietEnds(samples, 48000, 0.2)),
            await bytes(withoutQuietEnds(new Float32Array(480), 48000, 1))];
        }"""
    )
    lengths = []
    for content in text:
        with wave.open(io.BytesIO(bytes(content))) as reader:
            assert (reader.getnchannels(), reader.getsampwidth(), reader.getframerate()) == (1, 2, 48_000)
            frames = np.frombuffer(reader.readframes(reader.getnframes()), "<i2")
            lengths.append(len(frames))
            assert len(content) == 44 + 2 * len(frames)
    whole, cut, fitted, longer, silent = lengths
    assert whole == 48_000
    assert cut == pytest.approx(12_000 + 9_600, abs=960)  # the sound, and a tenth of a second at both ends
    assert 0.3 * 48_000 - 960 < fitted <= 0.3 * 48_000  # all of it in one clip
    assert longer == cut
    assert silent == 480
