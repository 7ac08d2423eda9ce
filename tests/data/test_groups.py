"""A person relies on: images of one group never lie in two sets, and sets have their shares as well as groups allow."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from beholder.data.dataset import Dataset
from beholder.data.groups.dividing import divide_groups
from beholder.data.groups.grouped import grouped_by_pattern
from beholder.data.groups.linked import linked
from beholder.data.groups.proposal import propose_groups
from beholder.data.kinds import IMAGES, SOUNDS
from beholder.data.opening import open_source
from beholder.data.source import Source
from beholder.data.split import Split
from beholder.data.tables.rows import Rows
from beholder.errors import DataError, UsageError

THREE = {"train": 0.8, "validation": 0.1, "test": 0.1}
POINTS = 0.05
SPEAKER = r"/(s\d+)-"

Counts = NDArray[np.int64]


def random_counts(random: np.random.Generator) -> Counts:
    """(groups, classes): the images of each class that each group has; groups of one size, or of very different ones.

    Each group has one class, as an animal in many photographs, or several, as a patient.
    """
    groups, classes = int(random.integers(3, 60)), int(random.integers(2, 8))
    sizes = 1 + (random.pareto(random.uniform(0.7, 4), groups) * random.integers(1, 8)).astype(int).clip(0, 119)
    if sizes.sum() > 600:
        sizes = np.maximum(1, sizes * 600 // sizes.sum())
    counts = np.zeros((groups, classes), np.int64)
    if random.random() < 0.5:
        counts[np.arange(groups), random.integers(0, classes, groups)] = sizes
    else:
        counts = np.stack([random.multinomial(size, np.full(classes, 1 / classes)) for size in sizes])
    return counts[:, counts.any(axis=0)]


def groups_allow(counts: Counts, fractions: dict[str, float]) -> bool:
    """Whether some division has all shares within 5 points: every sum that groups can have is counted out.

    A group stays in training where a class would otherwise have fewer than two images there. (Two groups that cannot
    both leave it are left out of account, but where every group has one class.)
    """
    total, classes = int(counts.sum()), counts.shape[1]
    reached = np.zeros((total + 1, total + 1), bool)  # images in validation, images in test
    reached[0, 0] = True
    needed = np.minimum(2, counts.sum(axis=0))
    if (np.count_nonzero(counts, axis=1) == 1).all():
        for label in range(classes):
            learned = [reached, np.zeros_like(reached), np.zeros_like(reached)]  # by its images in training, at most 2
            for size in counts[counts[:, label] > 0, label].tolist():
                after = [moved(one, size) for one in learned]
                for have, one in enumerate(learned):
                    after[min(2, have + size)] |= one
                learned = after
            reached = np.logical_or.reduce(learned[int(needed[label]) :])
    else:
        for row in counts:
            if (counts.sum(axis=0) - row >= needed).all():
                reached |= moved(reached, int(row.sum()))
    validation, test = np.nonzero(reached)
    sizes = np.stack([total - validation - test, validation, test])
    asked = np.array(list(fractions.values()))[:, np.newaxis]
    return bool(((np.abs(sizes / total - asked) <= POINTS) & (sizes > 0)).all(axis=0).any())


def moved(reached: NDArray[np.bool_], size: int) -> NDArray[np.bool_]:
    """The sums after a group of `size` went into validation or test."""
    after = np.zeros_like(reached)
    after[size:] |= reached[:-size]
    after[:, size:] |= reached[:, :-size]
    return after


def test_no_group_lies_in_two_sets_and_shares_are_near_where_groups_allow_it() -> None:
    random = np.random.default_rng(21)
    allowed = 0
    for number in range(1000):
        counts = random_counts(random)
        labels = np.concatenate([np.repeat(np.arange(counts.shape[1]), row) for row in counts])
        groups = np.repeat([f"group {index}" for index in range(len(counts))], counts.sum(axis=1))
        sets = divide_groups(labels, groups.tolist(), seed=number, fractions=THREE)
        assert sorted(np.concatenate(list(sets.values())).tolist()) == list(range(len(labels)))
        homes = [set(groups[rows]) for rows in sets.values()]
        assert sum(map(len, homes)) == len(counts) == len(set.union(*homes))
        assert min(map(len, homes)) > 0
        if groups_allow(counts, THREE):
            allowed += 1
            for name, rows in sets.items():
                assert abs(len(rows) / len(labels) - THREE[name]) <= POINTS + 1e-9, (number, name)
    assert allowed > 800


def test_sets_are_stratified_where_groups_are_small() -> None:
    random = np.random.default_rng(0)
    labels = random.choice(4, 3000, p=[0.6, 0.25, 0.1, 0.05])
    groups = [f"{label}-{row // 3}" if row % 2 else f"mixed {row // 3}" for row, label in enumerate(labels)]
    sets = divide_groups(labels, groups, seed=0, fractions=THREE)
    for label in range(4):
        total = (labels == label).sum()
        for name, rows in sets.items():
            assert (labels[rows] == label).sum() / total == pytest.approx(THREE[name], abs=0.01)


def test_neither_the_order_of_the_rows_nor_the_run_matters_and_the_seed_does() -> None:
    random = np.random.default_rng(3)
    labels, groups = random.integers(0, 3, 400), [f"g{number}" for number in random.integers(0, 80, 400)]
    order = random.permutation(400)

    def test_groups(rows: NDArray[np.int64], seed: int) -> set[str]:
        chosen = divide_groups(labels[rows], [groups[row] for row in rows], seed=seed, fractions=THREE)
        return {groups[rows[row]] for row in chosen["test"]}

    assert test_groups(np.arange(400), 1) == test_groups(order, 1)
    assert test_groups(order, 1) != test_groups(order, 2)


def test_copies_join_groups_until_too_little_is_left() -> None:
    copies = [bytes([number]) for number in (0, 1, 2, 3, 4, 0, 5, 6)]
    joined = linked(["a", "a", "b", "c", "d", "b", "e", ""], copies, fewest=3)
    assert joined.parts[0] == joined.parts[1] == joined.parts[2] == joined.parts[5]
    assert len(set(joined.parts)) == 5
    assert list(joined.sentences(IMAGES)) == [
        "2 images are copies of images of other groups, and those groups stay in one set."
    ]
    assert list(linked(["a", "b"], [b"0", b"0"], fewest=2).sentences(IMAGES)) == [
        "2 images are copies of images of other groups; to keep all of these in one set would join too many groups, so "
        "2 may have a copy in another set, which flatters the figures."
    ]
    [told] = linked(["a", "b", "c", "d", "e"], [b"0", b"0", b"1", b"2", b"3"], fewest=3).sentences(SOUNDS)
    assert told == "2 sounds are copies of sounds of other groups, and those groups stay in one set."


def make_folder(root: Path, speakers: int = 6, digits: int = 2, takes: int = 3) -> None:
    """`<digit>/<speaker>-<take>.png`, all different."""
    random = np.random.default_rng(0)
    for digit in range(digits):
        (root / str(digit)).mkdir(parents=True)
        for speaker in range(speakers):
            for take in range(takes):
                image = Image.fromarray(random.integers(0, 256, (16, 16), dtype=np.uint8))
                image.save(root / str(digit) / f"s{speaker}-{take}.png")


def sets_of(source: Source) -> dict[str, set[str]]:
    """The groups of each set."""
    sets = Split(source)
    read = {"train": sets.train(), "validation": sets.validation(), "test": sets.test()}
    return {name: set(dataset.groups or []) for name, dataset in read.items()}


def test_a_folder_is_divided_by_the_first_capture_group_of_a_pattern(root: Path, cache: Path) -> None:
    make_folder(root)
    source = open_source(root, cache=cache, group_pattern=SPEAKER)
    homes = sets_of(source)
    assert {name: len(groups) for name, groups in homes.items()} == {"train": 4, "validation": 1, "test": 1}
    assert set.union(*homes.values()) == {f"s{number}" for number in range(6)}
    assert source.later[0] == (
        rf"No group lies in two sets: of 6 groups by the pattern {SPEAKER!r}, of 6 images, 4 in the training set "
        "(24 images), 1 in the validation set (6 images) and 1 in the test set (6 images)."
    )
    assert (
        source.later[1]
        == "The groups are large, so the sets have 67 / 17 / 17 % of the images instead of 80 / 10 / 10 %."
    )


def test_a_table_is_divided_by_a_column(root: Path, cache: Path) -> None:
    make_folder(root)
    rows = ["path,label,patient"]
    rows += [f"{path.relative_to(root)},{path.parent.name},{path.name[:2]}" for path in sorted(root.rglob("*.png"))]
    table = root / "labels.csv"
    table.write_text("\n".join(rows))
    homes = sets_of(open_source(table, cache=cache, group_column="patient"))
    assert homes == sets_of(open_source(root, cache=cache, group_pattern=SPEAKER))
    with pytest.raises(UsageError, match="no column 'patent' for --group-column; did you mean 'patient'"):
        open_source(table, cache=cache, group_column="patent")
    with pytest.raises(UsageError, match="are grouped by the column 'patient'; leave --group-pattern out"):
        open_source(table, cache=cache, group_column="patient", group_pattern=SPEAKER)


def test_an_image_without_a_group_is_one_of_its_own_and_it_is_said(root: Path, cache: Path) -> None:
    make_folder(root)
    (root / "0" / "s0-0.png").rename(root / "0" / "noise.png")
    source = open_source(root, cache=cache, group_pattern=SPEAKER)
    assert any("1 image has no group by the pattern" in note and "'0/noise.png'" in note for note in source.notes)
    assert sum(map(len, sets_of(source).values())) == 7


def test_groups_across_sets_that_are_given_are_said_before_an_image_is_read(root: Path, cache: Path) -> None:
    make_folder(root / "train", speakers=4)
    make_folder(root / "test", speakers=2)
    notes = open_source(root, cache=cache, group_pattern=SPEAKER).told()
    assert any(
        "2 of 4 groups" in note and "(2 in the training and the test set; the first: 's0')" in note for note in notes
    )
    notes = open_source(root, cache=cache, group_pattern=r"(\w+/\d/s\d)").told()
    assert any("12 groups" in note and "none of which lies in two sets" in note for note in notes)


def test_too_few_groups_for_three_sets_are_refused(root: Path, cache: Path) -> None:
    make_folder(root, speakers=2)
    with pytest.raises(DataError, match=r"are 2 groups by the pattern .* training, validation and test set need at"):
        Split(open_source(root, cache=cache, group_pattern=SPEAKER)).train()


@pytest.mark.parametrize(
    ("pattern", "told"),
    [
        ("s\\d", "has no capture group"),
        ("(s", "is not a regular expression"),
        ("(speaker)", "finds no group in any of the 36"),
    ],
)
def test_a_pattern_that_cannot_hold_is_refused(root: Path, cache: Path, pattern: str, told: str) -> None:
    make_folder(root)
    with pytest.raises((UsageError, DataError), match=told):
        open_source(root, cache=cache, group_pattern=pattern)


def test_arrays_have_their_groups_in_a_data_set() -> None:
    images = np.random.default_rng(0).integers(0, 256, (60, 16, 16, 1), dtype=np.uint8)
    groups = [f"p{row // 6}" for row in range(60)]
    data = Dataset(images, np.arange(60) % 2, ("even", "odd"), [str(row) for row in range(60)], groups)
    homes = sets_of(open_source(data))
    assert {name: len(found) for name, found in homes.items()} == {"train": 8, "validation": 1, "test": 1}
    with pytest.raises(UsageError, match="is for images in files"):
        grouped_by_pattern(open_source(data), "(p)")
    with pytest.raises(DataError, match="one group for each of 60 images"):
        Dataset(images, np.arange(60) % 2, ("even", "odd"), [""] * 60, groups[1:])
    with pytest.raises(DataError, match="groups that are texts"):
        Dataset(images, np.arange(60) % 2, ("even", "odd"), [""] * 60, list(range(60)))  # type: ignore[arg-type]


def test_rows_in_python_may_have_groups() -> None:
    with pytest.raises(DataError, match="Expected one label"):
        Rows(["a.png"], ["a"], None, [1], groups=["p", "q"])


@pytest.mark.parametrize(
    ("names", "found"),
    [
        ([f"{digit}/s{speaker}-{take}.png" for digit in "01" for speaker in range(4) for take in range(5)], "s0"),
        ([f"{label}/patient{p:03}_slice_{n}.png" for label in "ab" for p in range(5) for n in range(4)], "patient000"),
        ([f"{label}/{p:03}_{n:02}.png" for label in "ab" for p in range(5) for n in range(4)], "000"),
        ([f"{d}/{d}_{who}_{n}.png" for d in "01" for who in ("jo", "al", "kim") for n in range(4)], "jo"),
        ([f"{label}/{p}_{side}.png" for label in "ab" for p in range(20) for side in ("left", "right")], "0"),
        ([f"{label}/case {c}/{n}.png" for label in "ab" for c in range(5) for n in range(4)], "case 0"),
        ([f"{label}/{label}.{n}.jpg" for label in ("cat", "dog", "fox") for n in range(40)], None),
        ([f"{label}/IMG_{n:04}.jpg" for label in ("cat", "dog") for n in range(40)], None),
        ([f"{label}/{n}.jpg" for label in ("cat", "dog") for n in range(40)], None),
        (
            [
                f"{label}/{(n + len(label) + ord(label[0])) * 7919 % 9973:04x}-{label}-{n:x}.jpg"
                for label in ("cat", "dog")
                for n in range(40)
            ],
            None,
        ),
    ],
)
def test_a_pattern_is_proposed_where_file_names_look_like_groups(names: list[str], found: str | None) -> None:
    classes = [name.partition("/")[0] for name in names]
    source = Source("data", tuple(sorted(set(classes))), {}, files={"all": names}, classes={"all": classes})
    proposal = propose_groups(source)
    assert (proposal.example[1] if proposal else None) == found
