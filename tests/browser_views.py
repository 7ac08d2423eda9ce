"""The views in which a test in the browser may ask for its page: sizes, and light or dark."""

from __future__ import annotations

from typing import Literal

import pytest

View = tuple[str, Literal["light", "dark"]]

SIZES = {"phone": (390, 844), "desktop": (1280, 800)}  # CSS pixels
DESKTOP: View = ("desktop", "light")
PHONE: View = ("phone", "dark")

# What a page looks like, and whether everybody can read it, depends on the view; what it does hardly ever.
in_every_view = pytest.mark.parametrize(
    "page", [(size, scheme) for size in SIZES for scheme in ("light", "dark")], ids="-".join, indirect=True
)
in_both_sizes = pytest.mark.parametrize("page", [DESKTOP, PHONE], ids="-".join, indirect=True)
