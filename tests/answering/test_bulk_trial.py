"""A person relies on: an image that ends the process that decodes it gets an error, and all others are tried."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from beholder.answering.bulk.decode_trial import tried
from beholder.data.images.decode import ImageRules
from beholder.errors import ImageError

RULES = ImageRules(8, 8, "RGB")


@pytest.fixture
def images(tmp_path: Path, deadly: str) -> list[str]:
    """Five images, the second and third of which are deadly."""
    paths = [tmp_path / name for name in ("a.png", f"1-{deadly}", f"2-{deadly}", "b.png", "c.png")]
    for path in paths:
        Image.new("RGB", (8, 8)).save(path)
    return [str(path) for path in paths]


def test_the_deadly_ones_alone_become_errors(images: list[str]) -> None:
    seen = list(tried(images, RULES))
    assert [seen[0], *seen[3:]] == [images[0], *images[3:]]
    assert all(isinstance(image, ImageError) for image in seen[1:3])
    assert "save it again" in str(seen[1])


def test_what_is_no_image_is_passed_on(tmp_path: Path) -> None:
    missing, error = str(tmp_path / "none.png"), ImageError("It could not be fetched.")
    assert list(tried([b"no image", missing, error], RULES))[:2] == [b"no image", missing]
    assert list(tried([], RULES)) == []
