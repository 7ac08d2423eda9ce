"""Every benchmark, one after the other, into bench/RESULTS.md with the facts of the machine.

usage: python bench/run.py [--long] [--only NAME,NAME]

The short form takes a quarter of an hour, the long one above an hour: more rounds, up to the memory of 24 GiB, and what
each network reaches. With `--only` the other sections of RESULTS.md stay as they were.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import re
import subprocess
import sys
import time
from pathlib import Path

import pictures

from beholder.runs.environment import describe_environment

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "RESULTS.md"
PEERS = ("torch", "openvino")


def commands(*, long: bool) -> dict[str, list[str]]:
    """From the name of a section to the file and the arguments that fill it, in the order of the results."""
    archive, folder = (str(path.relative_to(HERE.parent)) for path in (pictures.archive(), pictures.folder()))
    rounds = ["--rounds", "5" if long else "2"]
    batches = ["--batch-sizes", "128,256,512"] if long else []
    sections = {
        "startup": ["startup.py"],
        "read_data": ["read_data.py", archive],
        "folder": ["folder.py", folder],
        "training_loop": ["training_loop.py", *([] if long else ["--pairs", "2", "--steps", "40"])],
        "training_air": ["training_peers.py", "--networks", "air", *rounds, *batches],
        "training_book": ["training_peers.py", "--networks", "book", *rounds, *batches],
        "answering": ["answering.py", *rounds],
        "folder_answering": ["folder_answering.py", *rounds],
        "serving": ["serving.py"],
        "page": ["page.py"],
        "bulk": ["bulk.py", "--rounds", "3" if long else "2"],
        "costs": ["costs.py", *(["--long"] if long else [])],
    }
    slow = {
        "checkpoints": ["checkpoints.py"],
        "watching": ["watching.py"],
        "loaded_core": ["loaded_core.py", "--data", archive],
        "faults": ["faults.py"],
        "siege": ["siege.py"],
        "fine_tuning": ["fine_tuning.py"],
        "doctor_duplicates": ["doctor.py", "duplicates"],
        "doctor_labels": ["doctor.py", "labels"],
        "accuracy": ["accuracy.py"],
        "trust": ["trust.py", "--near"],
        "fuzz": ["fuzz.py"],
    }
    return sections | slow if long else sections


def main() -> None:
    """Run them and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--only", help="names of benchmarks, with commas between")
    arguments = parser.parse_args()
    every = commands(long=arguments.long)
    names = list(every) if arguments.only is None else arguments.only.split(",")
    if unknown := set(names) - set(every):
        parser.error(f"no section is called {min(unknown)!r}; choose from {', '.join(every)}")
    sections = {} if arguments.only is None else written()
    failed = False
    for name in names:
        sections[name], well = section(name, *every[name])
        failed |= not well
    order = sorted(sections, key=lambda name: [*every, name].index(name))
    RESULTS.write_text("\n".join([heading(), *(sections[name] for name in order)]), encoding="utf-8")
    if failed:
        sys.exit("A benchmark failed; its section says why.")


def section(name: str, script: str, *arguments: str) -> tuple[str, bool]:
    """Run one benchmark: what the results say of it, and whether it ran to its end."""
    print(f"{name} …", flush=True)
    start = time.monotonic()
    command = [f"bench/{script}", *arguments]
    done = subprocess.run([sys.executable, *command], cwd=HERE.parent, check=False, capture_output=True, text=True)
    output = done.stdout.rstrip()
    if done.returncode != 0:
        output += f"\nfailed: {(done.stderr.strip().splitlines() or ['no reason told'])[-1]}"
    print(f"{output}\n{time.monotonic() - start:.0f} s\n", flush=True)
    when = f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}"
    return f"## {name}\n\n`{' '.join(['python', *command])}`, {when}\n\n```\n{output}\n```\n", done.returncode == 0


def written() -> dict[str, str]:
    """The sections that RESULTS.md has, by name."""
    _, *sections = re.split(r"^(?=## )", RESULTS.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {text.split(maxsplit=2)[1]: f"{text.rstrip()}\n" for text in sections}


def heading() -> str:
    """The machine and the versions."""
    machine = describe_environment()
    versions = dict(machine["versions"])
    for name in PEERS:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    told = ", ".join(f"{name} {version}" for name, version in versions.items())
    return (
        "# Measured\n\nWritten by `make bench`. The machine is shared with others: trust ratios, not seconds.\n\n"
        f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gb']} GiB, {machine['platform']}, Python "
        f"{machine['python']}; {told}.\n"
    )


if __name__ == "__main__":
    main()
