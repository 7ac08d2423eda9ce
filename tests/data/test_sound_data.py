"""A person relies on: a folder, a table or a zip of sounds is read like one of images; no file is in two sets."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sound_folders import WINDOWS, make_tones, write_wav
from tones import CLASSES, RATE, tone

from beholder.data.corrections import Correction, Corrections
from beholder.data.dataset import Dataset
from beholder.data.images.cache import ImageFiles
from beholder.data.images.places import Folder
from beholder.data.opening import open_source
from beholder.data.sounds import loading, needs
from beholder.data.sounds.loading import load_sounds
from beholder.data.sounds.rules import SoundRules
from beholder.data.sounds.windows import decode_and_look_at_end, decode_sound
from beholder.data.split import Split, first_images
from beholder.errors import DataError, UsageError

RULES = SoundRules(RATE, 0.5)


@pytest.fixture
def tones(root: Path) -> Path:
    return make_tones(root)


def test_a_folder_of_sounds_becomes_windows_by_the_one_rule(tones: Path, cache: Path) -> None:
    source = open_source(tones, cache=cache, seconds=0.5)
    assert (source.kind, source.sound, source.class_names) == ("sound", RULES, tuple(sorted(CLASSES)))
    dataset = source.readers["all"](lambda *_: None)
    assert (len(dataset.files), dataset.image_shape) == (60, RULES.shape)
    for row, name in enumerate(dataset.files.names):
        rows = dataset.of_files(np.array([row]))
        assert set(rows.names) == {name}
        np.testing.assert_array_equal(rows.images[:], decode_sound(tones / name, RULES))
    assert len(dataset) == 54 + 6 * WINDOWS
    assert "60 sounds in 3 classes" in source.notes[0]
    assert "at 8,000 Hz, in clips of 0.5 s" in source.notes[1]
    assert "6 of 60 looked at are longer" in source.notes[1]


def test_the_clip_is_as_long_as_nearly_all_training_sounds(root: Path, cache: Path) -> None:
    source = open_source(make_tones(root, each=40, long=1), cache=cache)
    assert source.sound == SoundRules(RATE, 0.5)
    assert open_source(root, cache=cache, seconds=3).sound == SoundRules(RATE, 3.0)


def test_no_file_lies_in_two_sets_and_each_set_has_its_share_of_files(tones: Path, cache: Path) -> None:
    sets = Split(open_source(tones, cache=cache, seconds=0.5), seed=3)
    parts = {"train": sets.train(), "validation": sets.validation(), "test": sets.test()}
    names = [name for part in parts.values() for name in part.files.names]
    assert sorted(names) == sorted(set(names))
    assert {set_name: len(part.files) for set_name, part in parts.items()} == {"train": 48, "validation": 6, "test": 6}
    fewer = first_images(parts["train"], 12, seed=0)
    assert len(fewer.files) == 12
    assert set(fewer.names) <= set(parts["train"].names)


def test_sets_by_groups_keep_a_speaker_in_one_set(root: Path, cache: Path) -> None:
    for speaker in range(5):
        for name, hertz in CLASSES.items():
            for take in range(4):
                write_wav(
                    root / name / f"s{speaker}-{take}.wav", tone(hertz * (1 + speaker / 50), 0.5, 10 * speaker + take)
                )
    sets = Split(open_source(root, cache=cache, group_pattern=r"/(s\d)-"), seed=0)
    speakers = [set(part.groups or ()) for part in (sets.train(), sets.validation(), sets.test())]
    assert [len(one) for one in speakers] == [3, 1, 1]
    assert len(set.union(*speakers)) == 5


def test_a_table_and_a_zip_give_the_same_sounds_as_the_folder(tones: Path, tmp_path: Path, cache: Path) -> None:
    lines = [f"{path.relative_to(tones)},{path.parent.name}" for path in sorted(tones.rglob("*.wav"))]
    (tmp_path / "labels.csv").write_text("\n".join(["audio,label", *lines]))
    with zipfile.ZipFile(tmp_path / "tones.zip", "w") as archive:
        for path in sorted(tones.rglob("*.wav")):
            archive.write(path, f"tones/{path.relative_to(tones)}")
    read = [
        open_source(data, cache=cache, image_root=root).readers["all"](lambda *_: None)
        for data, root in ((tones, None), (tmp_path / "labels.csv", tones), (tmp_path / "tones.zip", None))
    ]
    assert len({dataset.fingerprint() for dataset in read}) == 1
    assert [dataset.recordings is not None for dataset in read] == [True] * 3


def test_upper_case_names_and_unreadable_sounds(tones: Path, cache: Path) -> None:
    (tones / "low" / "00.wav").rename(tones / "low" / "00.WAV")
    (tones / "high" / "00.wav").write_bytes(b"RIFF____WAVE")
    (tones / "middle" / "note.txt").write_text("a tone")
    (tones / "middle" / "05.m4a").write_bytes(b"\0\0\0 ftypM4A ")
    source = open_source(tones, cache=cache)
    dataset = source.readers["all"](lambda *_: None)
    assert "low/00.WAV" in dataset.names
    assert [one["path"] for one in source.skipped] == ["high/00.wav", "middle/05.m4a"]
    assert "M4A" in source.skipped[1]["error"] or ".m4a" in source.skipped[1]["error"]
    assert "2 sounds could not be read and were left out" in source.told()[-1]


def test_many_unreadable_sounds_are_refused(tones: Path, cache: Path) -> None:
    for number in range(5):
        (tones / "high" / f"{number:02d}.wav").write_bytes(b"no sound")
    with pytest.raises(DataError, match=r"5 of 60 sounds in .* are unreadable, more than 5%"):
        open_source(tones, cache=cache).readers["all"](lambda *_: None)


def test_a_sound_that_lacks_its_end_is_taken_and_told(tones: Path, cache: Path) -> None:
    for name in ("04", "05"):
        path = tones / "high" / f"{name}.wav"
        path.write_bytes(path.read_bytes()[:-1000])
    for _ in range(2):  # the second time from the cache
        source = open_source(tones, cache=cache)
        assert len(source.readers["all"](lambda *_: None).files) == 60
        assert source.later == [
            "2 sounds lack their ends, as after a download that broke off, and are taken as far as they go; the first: "
            "'high/04.wav'."
        ]


def test_images_and_sounds_are_not_mixed(tones: Path, cache: Path) -> None:
    Image.new("RGB", (32, 32)).save(tones / "low" / "cover.png")
    with pytest.raises(
        DataError, match=r"both images \(such as 'low/cover.png'\) and sounds \(such as 'high/00.wav'\)"
    ):
        open_source(tones, cache=cache)


def test_options_of_the_other_kind_are_refused(tones: Path, tmp_path: Path, cache: Path) -> None:
    for option, value in (("fit", "pad"), ("colour", "grey")):
        with pytest.raises(UsageError, match=rf"--{option} is for images, and .* holds sounds; leave it out"):
            open_source(tones, cache=cache, **{option: value})  # type: ignore[arg-type]
    for label in ("a", "b"):
        for number in range(3):
            folder = tmp_path / "pictures" / label
            folder.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (32, 32), (number, 0, 0)).save(folder / f"{number}.png")
    for data in (tmp_path / "pictures", "digits"):
        with pytest.raises(UsageError, match=r"--seconds is for sounds, and .* holds images; leave it out"):
            open_source(data, cache=cache, seconds=1.0)
        with pytest.raises(DataError, match="holds images, and the network takes sounds; give sounds"):
            open_source(data, cache=cache, rules=RULES)


def test_sounds_without_miniaudio_are_one_sentence(tones: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(needs, "has_miniaudio", lambda: False)
    with pytest.raises(UsageError, match=r"Reading sounds needs miniaudio; run `pip install 'beholder\[sound\]'`."):
        open_source(tones, cache=cache)


def test_what_did_not_change_is_not_decoded_again(tones: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[str] = []

    def listening(content: Path, rules: SoundRules) -> tuple[np.ndarray, bool]:
        decoded.append(f"{content.parent.name}/{content.name}")
        return decode_and_look_at_end(content, rules)

    monkeypatch.setattr(loading, "decode_and_look_at_end", listening)
    names = [str(path.relative_to(tones)) for path in sorted(tones.rglob("*.wav"))]
    files = ImageFiles(Folder(tones), "all", names)
    first = load_sounds(files, RULES, cache=cache)
    assert decoded == names
    decoded.clear()
    again = load_sounds(files, RULES, cache=cache)
    assert decoded == []
    np.testing.assert_array_equal(again.images, first.images)
    write_wav(tones / names[7], tone(1234, 1.0))
    (tones / names[3]).unlink()
    changed = load_sounds(files, RULES, cache=cache)
    assert set(decoded) == {names[3], names[7]}
    assert list(changed.failures) == [3]
    fresh = load_sounds(files, RULES, cache=cache / "other")
    np.testing.assert_array_equal(changed.images, fresh.images)
    np.testing.assert_array_equal(changed.rows, fresh.rows)


def test_all_cores_give_the_same_bytes(root: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_tones(root, each=70)
    names = [str(path.relative_to(root)) for path in sorted(root.rglob("*.wav"))]
    files = ImageFiles(Folder(root), "all", names)
    crowd = load_sounds(files, RULES, cache=cache)
    monkeypatch.setattr("beholder.data.worker_processes._IN_PROCESS", 1000)
    alone = load_sounds(files, RULES, cache=cache / "other")
    np.testing.assert_array_equal(crowd.images, alone.images)
    np.testing.assert_array_equal(crowd.rows, alone.rows)


def test_a_correction_of_a_file_is_one_of_all_its_windows(tones: Path, cache: Path) -> None:
    dataset = open_source(tones, cache=cache, seconds=0.5).readers["all"](lambda *_: None)
    lines = (Correction("low/19.wav", "relabel", "high"), Correction("low/18.wav", "drop"))
    after = Corrections(lines).apply(dataset)
    assert len(dataset) - len(after) == WINDOWS
    changed = [after.labels[row] for row, name in enumerate(after.names) if name == "low/19.wav"]
    assert changed == [0] * WINDOWS


def test_sounds_that_are_listed_in_python(tones: Path, cache: Path) -> None:
    paths = sorted(tones.rglob("*.wav"))
    dataset = Dataset.from_files(paths, [path.parent.name for path in paths], seconds=0.5, cache=cache)
    assert (len(dataset.files), dataset.sound) == (60, RULES)
    assert list(dataset.files.names) == list(map(str, paths))
    assert repr(dataset) == "Dataset(60 sounds, 102 clips of 0.5 s at 8,000 Hz, 3 classes)"
    assert open_source(dataset).sound == RULES
    with pytest.raises(UsageError, match="--fit is for images"):
        Dataset.from_files(paths, [path.parent.name for path in paths], fit="pad", cache=cache)


@pytest.mark.parametrize(
    ("places", "sentence"),
    [
        (("train", "test"), "hold sounds without class folders; sort the sounds into"),
        (("data/data/a", "data/data/b"), "holds sounds in one folder only"),
        (("a/x", "a/y", "b/x", "b/y"), "no sounds of their own.*move the sounds up"),
        (("train_a", "test_a", "train_b", "test_b"), "sort the sounds into train/<class>/"),
        (("train/a", "train/b", "c"), "'c' with 1 sound that is in no set.*put its sounds directly into it"),
    ],
)
def test_folders_that_can_be_meant_in_two_ways_are_told_of_sounds(
    root: Path, cache: Path, places: tuple[str, ...], sentence: str
) -> None:
    for place in places:
        write_wav(root / place / "one.wav", tone(440, 0.5))
    with pytest.raises(DataError, match=sentence) as caught:
        open_source(root, cache=cache)
    assert "image" not in str(caught.value)


def test_what_is_left_out_of_a_folder_is_told_of_sounds(root: Path, cache: Path) -> None:
    for place in ("train/a", "train/b", "test"):
        write_wav(root / place / "one.wav", tone(440, 0.5))
        write_wav(root / place / "two.wav", tone(880, 0.5))
    (root / "val").mkdir()
    notes = open_source(root, cache=cache, seconds=0.5).notes
    assert any(note.startswith("'test' holds 2 sounds without class folders") for note in notes)
    assert "'val' holds no sounds and is left out." in notes


def test_a_column_that_may_say_groups_is_told_of_rows(root: Path, cache: Path) -> None:
    lines = ["path,label,speaker"]
    for number, name in enumerate(("a", "b") * 3):
        write_wav(root / f"{number}.wav", tone(440, 0.5, number))
        lines.append(f"{number}.wav,{name},{number % 2}")
    (root / "labels.csv").write_text("\n".join(lines), encoding="utf-8")
    [told] = [note for note in open_source(root / "labels.csv", cache=cache, seconds=0.5).notes if "speaker" in note]
    assert "If rows with the same 'speaker' belong together, add --group-column 'speaker'" in told
