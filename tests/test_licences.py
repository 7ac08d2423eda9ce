"""A person relies on: nothing that is installed asks more of them than Beholder does; the list of licences is true."""

from __future__ import annotations

import importlib.metadata
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LISTED = dict(
    re.findall(r"^\| ([a-z0-9-]+) \| ([^|]+) \|$", (ROOT / "docs/licences.md").read_text("utf-8"), re.MULTILINE)
)
PERMISSIVE = {
    "MIT",
    "MIT-0",
    "MIT-CMU",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "0BSD",
    "Apache-2.0",
    "PSF-2.0",
    "Zlib",
    "CC0-1.0",
}
# Of single files: they ask nothing of who uses or passes on the package as it is.
BY_FILE = {"certifi": "MPL-2.0", "tqdm": "MPL-2.0"}


def brought_by(requirements: list[str]) -> set[str]:
    """Names of the installed packages that `requirements` bring along, without those of other extras."""
    found: set[str] = set()
    pending = list(requirements)
    while pending:
        line = pending.pop()
        name = re.sub(r"[-_.]+", "-", re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0]).lower()
        if name in found | {"beholder"} or "extra ==" in line or "platform" in line:
            continue
        try:
            pending += importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:  # for another system
            continue
        found.add(name)
    return found


@pytest.mark.parametrize("extra", ["", "train", "audit", "sound", "jax", "cluster"])
def test_every_package_that_an_install_brings_is_listed(extra: str) -> None:
    wanted = [*PROJECT["dependencies"], *(PROJECT["optional-dependencies"][extra] if extra else ())]
    missing = brought_by(wanted) - LISTED.keys()
    assert not missing, "run `make docs`"


def test_no_licence_asks_for_more_than_a_notice() -> None:
    assert len(LISTED) > 50
    for package, licence in LISTED.items():
        names = set(re.split(r" (?:AND|OR) ", licence.strip()))
        assert names <= PERMISSIVE | {BY_FILE.get(package, "MIT")}, f"{package}: {licence}"


def test_what_is_listed_is_what_the_packages_say() -> None:
    for package, licence in LISTED.items():
        try:
            told = importlib.metadata.metadata(package).json
        except importlib.metadata.PackageNotFoundError:  # for another system
            continue
        said = [told.get("license_expression", ""), told.get("license", "")[:200], *told.get("classifier", [])]
        words = " ".join(map(str, said))
        assert not re.search(r"\b[AL]?GPL|General Public|SSPL|Non-?Commercial", words, re.IGNORECASE), package
        if "license_expression" in told:
            assert told["license_expression"] == licence.strip(), "run `make docs`"
