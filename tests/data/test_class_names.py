"""A person relies on: names that look the same are one class, or a sentence shows how they differ."""

from __future__ import annotations

import numpy as np
import pytest

from beholder.data.arrays import from_arrays
from beholder.data.class_names import numbered_as, quoted
from beholder.data.dataset import Dataset
from beholder.data.opening import open_source
from beholder.data.progress import silent
from beholder.errors import DataError

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 4, 4), np.uint8)
CAFE, CAFE_APART = "caf\u00e9", "cafe\u0301"  # one letter, and a letter with an accent behind it


@pytest.mark.parametrize(
    ("one", "other", "shown"),
    [
        ("cat", "cat ", "'cat' and 'cat '"),
        ("cat", "Cat", "'Cat' and 'cat'"),
        ("sea lion", "sea  lion", "'sea  lion' and 'sea lion'"),
        ("sea lion", "sea\u00a0lion", "'sea lion' and 'sea\\xa0lion'"),
        (CAFE, CAFE_APART, r"'cafe\u0301' and 'caf\xe9'"),
        ("\u212b", "\u00c5", r"'\xc5' and '\u212b'"),
        ("\u212a", "K", r"'K' and '\u212a'"),
        ("cat", "ca\u200bt", r"'cat' and 'ca\u200bt'"),
        ("cat", "\ufeffcat", r"'cat' and '\ufeffcat'"),
        ("naïve", "nai\u0308ve", r"'nai\u0308ve' and 'na\xefve'"),
    ],
)
def test_names_that_look_alike_are_refused(one: str, other: str, shown: str) -> None:
    labels = np.array([one, other, "dog"] * 2)
    for given, names in ((labels, None), (np.arange(6) % 3, sorted({one, other, "dog"}))):
        with pytest.raises(DataError) as caught:
            from_arrays(PIXELS, given, names)
        assert f"The class names {shown} in" in str(caught.value)


def test_letters_are_classes_of_their_own() -> None:
    assert from_arrays(PIXELS, list("aAbBaA")).class_names == ("A", "B", "a", "b")


def test_words_that_would_look_the_same_are_told_by_their_codes() -> None:
    assert quoted([CAFE, "dog"]) == [f"'{CAFE}'", "'dog'"]
    assert quoted([CAFE, CAFE_APART]) == [r"'caf\xe9'", r"'cafe\u0301'"]


@pytest.mark.parametrize("names", [np.array(["a", "b"]), ("a", np.str_("b")), [np.str_("a"), "b"]])
def test_class_names_are_plain_texts(names: tuple[str, ...]) -> None:
    labels = np.array([0, 1] * 3)
    made = Dataset(PIXELS[..., np.newaxis], labels, tuple(names), [str(row) for row in range(6)])
    for dataset in (made, from_arrays(PIXELS, labels, names)):
        assert repr(dataset.class_names) == "('a', 'b')"


def test_data_of_some_classes_get_the_numbers_of_all() -> None:
    source = open_source((PIXELS, np.array(["owl", "cat"] * 3)))
    numbered = numbered_as(source, ("cat", "dog", "owl"))
    [read] = numbered.readers.values()
    assert read(silent).labels.tolist() == [2, 0] * 3
    assert read(silent).class_names == numbered.class_names == ("cat", "dog", "owl")
    assert numbered_as(numbered, ("cat", "dog", "owl")) is numbered


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (
            ("cat",),
            "'arrays' has a class that the model did not learn: 'owl'; give data with the classes that it learned",
        ),
        (("cat", "dog"), "did not learn: 'owl'; give data with the classes that it learned, or with some of them."),
        (("cat", "Owl "), "did not learn: 'owl' ('owl' and 'Owl ' differ only in case, spaces or Unicode form);"),
        (("a", "b"), "'arrays' has 2 classes that the model did not learn: 'cat', 'owl'; give"),
    ],
)
def test_a_class_that_was_not_learned_is_named(names: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(DataError) as caught:
        numbered_as(open_source((PIXELS, np.array(["owl", "cat"] * 3))), names)
    assert sentence in str(caught.value)
