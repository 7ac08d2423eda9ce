"""Sound files become samples: each format and kind of WAV, bad input, cut files, any rate; the same in chunks."""

from __future__ import annotations

import io
import os
import struct
import threading
import wave
from pathlib import Path
from typing import IO

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import resample_poly

from beholder.data.images.headers import StoredImage
from beholder.data.sounds import apart
from beholder.data.sounds.endings import lacks_end
from beholder.data.sounds.formats import holds_sound, is_sound_name, looks_like_sound, sound_format
from beholder.data.sounds.lengths import clip_rate, clip_seconds
from beholder.data.sounds.reading import read_sound, sound_header, stream_sound
from beholder.data.sounds.resampling import resampled
from beholder.data.sounds.rules import SoundRules
from beholder.data.sounds.spectrogram import streamed_spectrogram
from beholder.data.sounds.windows import decode_sound
from beholder.errors import ImageError, SoundError

# Half a second of a tone of 1,000 Hz at 16 kHz and half of full scale, 0.5 * sin, which we wrote with soundfile 0.14
# (libsndfile 1.2.2): `soundfile.write(name, tone, 16_000)`.
FILES = Path(__file__).parent / "sounds"
RATE = 16_000
TONE = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(8000) / RATE)


def riff(form: bytes, data: bytes, *, before: bytes = b"", told: int | None = None) -> bytes:
    """A WAV file of these parts, with chunks `before` the sound and a length that is `told`."""
    length = len(data) if told is None else told
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form + before + b"data" + struct.pack("<I", length) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


def form(codec: int, width: int, channels: int = 1, rate: int = RATE) -> bytes:
    return struct.pack("<HHIIHH", codec, channels, rate, rate * width * channels, width * channels, 8 * width)


def pcm(samples: NDArray[np.float64], width: int) -> bytes:
    whole = np.rint(samples * (2 ** (8 * width - 1) - 1)).astype(np.int64)
    if width == 1:
        return bytes((whole + 128).astype(np.uint8).tobytes())
    return b"".join(int(one).to_bytes(width, "little", signed=True) for one in whole)


def wav(samples: NDArray[np.float64], rate: int = RATE) -> bytes:
    return riff(form(1, 2, rate=rate), pcm(samples, 2))


def mu_law(samples: NDArray[np.float64]) -> bytes:
    """ITU-T G.711 by its formula, not by its table: good to a few per cent."""
    squeezed = np.sign(samples) * np.log1p(255 * np.abs(samples)) / np.log(256)
    whole = np.rint(np.abs(squeezed) * 127).astype(np.uint8)
    return bytes(np.where(samples < 0, 127 - whole, 255 - whole).astype(np.uint8).tobytes())


EXTENSIBLE = struct.pack("<HHI", 22, 16, 4) + b"\x01\0" + bytes.fromhex("000000001000800000aa00389b71")
KINDS = {
    "8 bits": (riff(form(1, 1), pcm(TONE, 1)), 0.01),
    "16 bits": (wav(TONE), 1e-4),
    "24 bits": (riff(form(1, 3), pcm(TONE, 3)), 1e-6),
    "32 bits": (riff(form(1, 4), pcm(TONE, 4)), 1e-6),
    "float": (riff(form(3, 4), TONE.astype("<f4").tobytes()), 1e-6),
    "double": (riff(form(3, 8), TONE.astype("<f8").tobytes()), 1e-6),
    "mu-law": (riff(form(7, 1) + b"\0\0", mu_law(TONE)), 0.03),
    "extensible": (riff(form(0xFFFE, 2) + EXTENSIBLE, pcm(TONE, 2)), 1e-4),
    "odd chunk before": (riff(form(1, 2), pcm(TONE, 2), before=b"LIST\3\0\0\0abc\0"), 1e-4),
    "4 GB told": (riff(form(1, 2), pcm(TONE, 2), told=0xFFFF_FFFF), 1e-4),
    "2 GB told": (riff(form(1, 2), pcm(TONE, 2), told=0x7FFF_FFFE), 1e-4),
    "nothing told": (
        riff(form(1, 2), pcm(TONE, 2), told=0)[:4] + bytes(4) + riff(form(1, 2), pcm(TONE, 2), told=0)[8:],
        1e-4,
    ),
    "chunk behind": (wav(TONE) + b"LIST\4\0\0\0abcd", 1e-4),
    "FLAC": ((FILES / "tone.flac").read_bytes(), 1e-4),
    "Ogg": ((FILES / "tone.ogg").read_bytes(), 0.05),
    "tags, then MP3": (b"ID3\4\0\0\0\0\x7f\0" + bytes(0x7F << 7) + (FILES / "tone.mp3").read_bytes(), 0.06),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_the_tone_that_was_written(kind: str) -> None:
    content, least = KINDS[kind]
    sound = read_sound(content, RATE)
    assert sound.dtype == np.float32
    assert sound.shape == TONE.shape
    inside = slice(1500, 6500)  # an encoder may blur the ends
    assert np.abs(sound - TONE)[inside].max() < least
    header = sound_header(content)
    assert (header.rate, header.channels) == (RATE, 1)
    assert header.seconds == pytest.approx(0.5, abs=0.1)
    assert not lacks_end(content) or "GB" in kind


def test_silence_of_8_bits_is_silence() -> None:
    assert not read_sound(riff(form(1, 1), b"\x80" * 4000), RATE).any()


def test_content_tells_the_format_not_the_name(tmp_path: Path) -> None:
    path = tmp_path / "really.wav"
    path.write_bytes((FILES / "tone.mp3").read_bytes())
    assert sound_format(path.read_bytes()) == "MP3"
    assert len(read_sound(path, RATE)) == len(TONE)
    path.write_bytes(b"\xff\xd8\xff\xe0\0\x10JFIF" + bytes(100))
    assert not holds_sound(path)
    with pytest.raises(SoundError, match=r"really\.wav': it is not a sound that Beholder knows; give WAV, FLAC, Ogg"):
        read_sound(path, RATE)


def test_names() -> None:
    assert is_sound_name("a/B.WAV")
    assert is_sound_name("x.Flac")
    assert not is_sound_name("a/.hidden.wav")
    assert not is_sound_name("a.png")
    assert looks_like_sound("memo.M4A")
    assert not looks_like_sound("a.wav")
    assert sound_format(b"OggS" + bytes(24) + b"OpusHead") == "Opus"


BAD = {
    "empty": (b"", "it is empty"),
    "text": (b"once upon a time", "it is not a sound that Beholder knows"),
    "no samples": (riff(form(1, 2), b""), "it holds no sound"),
    "no channels": (riff(form(1, 2, channels=0), pcm(TONE, 2)), "it claims to have 0 channels"),
    "rate 0": (wav(TONE, 0), "it claims to have 0 samples per second"),
    "rate 1": (wav(TONE, 1), "it claims to have 1 samples per second"),
    "rate 10 MHz": (wav(TONE, 10_000_000), "it claims to have 10,000,000 samples per second"),
    "NaN": (riff(form(3, 4), np.array([0, np.nan, 0], "<f4").tobytes()), "it holds values that are no numbers"),
    "infinity": (riff(form(3, 8), np.array([0, 1e300, 0], "<f8").tobytes()), "it holds values that are no numbers"),
    "another codec": (riff(form(0x55, 1), bytes(400)), "it is a WAV file of a kind that Beholder does not read"),
    "no sound": (riff(form(1, 2), b"")[:30], "it is a WAV file without sound"),
    "cut header": (wav(TONE)[:20], "it is a WAV file without sound"),
    "tags alone": (b"ID3\4\0\0\0\0\1\0" + bytes(128), "it holds no MP3 sound where it should begin"),
    "FLAC header alone": ((FILES / "tone.flac").read_bytes()[:60], "it"),
    "Ogg of Opus": (b"OggS" + bytes(24) + b"OpusHead" + bytes(99), "it is Opus, which Beholder does not read"),
    "Ogg header alone": ((FILES / "tone.ogg").read_bytes()[:90], "it is cut short"),
    "AIFF": (b"FORM\0\0\1\0AIFF", "it is AIFF, which Beholder does not read; save it as WAV or FLAC"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_input_is_one_sentence(kind: str) -> None:
    content, why = BAD[kind]
    with pytest.raises(ImageError, match=f"^Cannot read this sound: {why}") as caught:
        decode_sound(content, SoundRules(RATE, 1.0))
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)
    assert not lacks_end(content) or kind in ("FLAC header alone", "Ogg header alone")


@pytest.mark.parametrize("name", ["tone.flac", "tone.mp3", "tone.ogg", "wav"])
def test_a_cut_file_is_read_as_far_as_it_goes_and_is_known(name: str) -> None:
    content = wav(TONE) if name == "wav" else (FILES / name).read_bytes()
    assert not lacks_end(content)
    cut = content[: len(content) * 9 // 10]
    assert lacks_end(cut)
    sound = read_sound(cut, RATE)
    assert 0 < len(sound) < len(TONE)
    whole = read_sound(content, RATE)[: len(sound)]
    assert np.abs(sound - whole)[: len(sound) * 2 // 3].max() < 0.01


def test_channels_become_their_mean() -> None:
    both = np.stack([TONE, 0 * TONE], 1).reshape(-1)
    np.testing.assert_allclose(read_sound(riff(form(1, 2, 2), pcm(both, 2)), RATE), TONE / 2, atol=1e-4)
    eight = np.tile(TONE[:, np.newaxis], 8).reshape(-1)
    np.testing.assert_allclose(read_sound(riff(form(3, 4, 8), eight.astype("<f4").tobytes()), RATE), TONE, atol=1e-6)


def test_chained_ogg_is_one_sound_after_the_other() -> None:
    content = (FILES / "tone.ogg").read_bytes()
    once = read_sound(content, RATE)
    np.testing.assert_array_equal(read_sound(content + b"rubbish" + content, RATE), np.tile(once, 2))


def test_a_flipped_bit_in_an_ogg_page_ends_it_there() -> None:
    content = bytearray((FILES / "tone.ogg").read_bytes())
    content[150] ^= 4  # in a comment's length, which stb_vorbis would believe
    with pytest.raises(SoundError, match="it is"):
        read_sound(bytes(content), RATE)


class Long:
    """A WAV file of `seconds` of hiss that is made as it is read."""

    def __init__(self, seconds: int, rate: int) -> None:
        self.size = seconds * rate * 2
        self.head = riff(form(1, 2, rate=rate), b"", told=self.size)
        self.hiss = np.random.default_rng(0).integers(-99, 99, 1 << 15).astype("<i2").tobytes()

    def is_fifo(self) -> bool:
        return False

    def open(self, _mode: str = "rb") -> IO[bytes]:
        long = self

        class File(io.RawIOBase):
            place = 0

            def seek(self, offset: int, whence: int = 0) -> int:
                base = {os.SEEK_SET: 0, os.SEEK_CUR: self.place, os.SEEK_END: len(long.head) + long.size}[whence]
                self.place = base + offset
                return self.place

            def read(self, size: int = -1) -> bytes:
                assert 0 <= size <= 1 << 20  # never all at once
                if self.place < len(long.head):
                    made = long.head[self.place : self.place + size]
                else:
                    left = len(long.head) + long.size - self.place
                    start = (self.place - len(long.head)) % 2
                    made = (long.hiss * (size // len(long.hiss) + 2))[start : start + min(size, left)]
                self.place += len(made)
                return made

            def tell(self) -> int:
                return self.place

        return File()  # type: ignore[return-value]


def test_three_hours_are_streamed() -> None:
    content: StoredImage = Long(3 * 3600, 2_000)
    assert sound_header(content).seconds == 3 * 3600
    assert sum(len(chunk) for chunk in stream_sound(content, 2_000)) == 3 * 3600 * 2_000
    with pytest.raises(SoundError, match="it is longer than 4 hours; cut it"):
        sum(len(chunk) for chunk in stream_sound(Long(4 * 3600 + 60, 2_000), 2_000))


@pytest.mark.parametrize("old", [44_100, 48_000, 192_000, 22_050])
def test_what_the_new_rate_cannot_hold_does_not_come_back_as_another_pitch(old: int) -> None:
    time = np.arange(old) / old
    inside = slice(2000, 14_000)
    for hertz in (440, 3000, 7000):
        kept = np.concatenate(list(resampled([np.sin(2 * np.pi * hertz * time).astype(np.float32)], old, RATE)))
        expected = np.sin(2 * np.pi * hertz * np.arange(len(kept)) / RATE)
        assert np.abs(kept - expected)[inside].max() < 0.002
    for hertz in (8500, 9000, 10_000, 15_000):
        if hertz < old / 2:
            gone = np.concatenate(list(resampled([np.sin(2 * np.pi * hertz * time).astype(np.float32)], old, RATE)))
            assert np.sqrt(np.mean(gone[inside] ** 2)) < 10 ** (-80 / 20)


def test_resampling_agrees_with_scipy_where_both_keep_all() -> None:
    random = np.random.default_rng(1)
    slow = resample_poly(random.normal(0, 0.1, 4000), 6, 1)  # 24 kHz with nothing above 2 kHz or so
    ours = np.concatenate(list(resampled([slow.astype(np.float32)], 24_000, RATE)))
    theirs = resample_poly(slow, 2, 3)
    assert len(ours) == len(theirs)
    assert np.abs(ours - theirs)[300:-300].max() < 0.002


@pytest.mark.parametrize(
    ("old", "new"), [(44_100, 16_000), (8_000, 16_000), (11_025, 8_000), (44_101, 16_000), (768_000, 2_000)]
)
def test_resampling_is_the_same_in_chunks(old: int, new: int) -> None:
    sound = np.random.default_rng(0).normal(0, 0.1, old // 2).astype(np.float32)
    whole = np.concatenate(list(resampled([sound], old, new)))
    assert len(whole) == pytest.approx(len(sound) * new / old, rel=1e-3, abs=1)
    for size in (1 << 10, 9_999):
        chunks = [sound[start : start + size] for start in range(0, len(sound), size)]
        np.testing.assert_array_equal(np.concatenate(list(resampled(chunks, old, new))), whole)
    image = streamed_spectrogram(resampled([sound], old, new), new)
    np.testing.assert_array_equal(image, streamed_spectrogram([whole], new))


def test_a_lost_decoder_ends_nothing_but_its_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    content = (FILES / "tone.flac").read_bytes()
    whole = read_sound(content, RATE)
    connection = apart._decoder.connection
    assert connection is not None
    connection.send((b"x", "no such kind"))  # brings it down
    with pytest.raises(SoundError, match="it is damaged"):
        read_sound(content, RATE)
    np.testing.assert_array_equal(read_sound(content, RATE), whole)


def test_a_sound_that_is_left_early_does_not_disturb_the_next() -> None:
    long = riff(form(7, 1) + b"\0\0", mu_law(np.tile(TONE, 40)))
    assert len(next(iter(stream_sound(long, RATE)))) > 0
    assert len(read_sound((FILES / "tone.flac").read_bytes(), RATE)) == len(TONE)


def test_threads_read_side_by_side() -> None:
    content, lengths = (FILES / "tone.ogg").read_bytes(), list[int]()
    threads = [threading.Thread(target=lambda: lengths.append(len(read_sound(content, RATE)))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert lengths == [len(TONE)] * 3


def test_a_long_compressed_file_is_streamed_from_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("beholder.data.sounds.reading._MOST_IN_MEMORY", 1000)
    for name in ("tone.mp3", "tone.flac"):
        content = b"ID3\4\0\0\0\0\1\0" + bytes(128) + (FILES / name).read_bytes()
        (tmp_path / name).write_bytes(content)
        streamed = read_sound(tmp_path / name, RATE)
        np.testing.assert_array_equal(streamed, read_sound((FILES / name).read_bytes() + bytes(0), RATE))


def test_a_small_file_of_a_very_long_sound_is_refused_early(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("beholder.data.sounds.reading._MANY_VALUES", 4_000)
    monkeypatch.setattr("beholder.data.sounds.reading._MOST_GROWING", 1)
    with pytest.raises(SoundError, match="it is a small file of a very long sound; cut it"):
        read_sound((FILES / "tone.mp3").read_bytes(), RATE)
    assert len(read_sound(wav(TONE), RATE)) == len(TONE)


def test_what_the_wave_module_writes() -> None:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((2, 3, 44_100, 0, "NONE", ""))
        writer.writeframes(pcm(np.repeat(np.sin(2 * np.pi * 500 * np.arange(22_050) / 44_100) / 2, 2), 3))
    sound = read_sound(file.getvalue(), RATE)
    assert len(sound) == 8000
    expected = np.sin(2 * np.pi * 500 * np.arange(8000) / RATE) / 2
    assert np.abs(sound - expected)[500:-500].max() < 0.001


def test_lengths_and_rates_are_those_of_most() -> None:
    assert clip_seconds([0.5] * 100) == 0.5
    assert clip_seconds([*[1.0] * 96, *[50.0] * 4]) == 1.0
    assert clip_seconds([99.0]) == 10.0
    assert clip_seconds([0.001]) == 0.1
    assert clip_rate([44_100, 8_000, 44_100]) == 16_000
    assert clip_rate([8_000, 8_000, 44_100]) == 8_000
    assert clip_rate([1_000]) == 2_000
