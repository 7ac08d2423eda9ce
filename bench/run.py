"""Every benchmark, one after the other, into bench/RESULTS.md.

usage: python bench/run.py [--long] [--only NAME,NAME]

Each section says its command, date, seconds and machine, and is written as soon as it is there; those that are not run
stay as they were, and machines without bfloat16 have sections of their own. The short form is meant to take a quarter
of an hour on two cores with bfloat16; the long one takes hours: more rounds, up to the memory of 24 GiB, and what each
network and each budget reaches.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path

import images

from beholder.runs.environment import describe_environment, has_bfloat16

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "RESULTS.md"
PEERS = ("torch", "openvino")
BUDGETS = ("60s", "5m", "15m")


def commands(*, long: bool) -> dict[str, list[str]]:
    """From the name of a section to the file and the arguments that fill it, in the order of the results."""
    archive, folder = (str(path.relative_to(HERE.parent)) for path in (images.archive(), images.folder()))
    rounds = ["--rounds", "5" if long else "2"]
    batches = ["--batch-sizes", "128,256,512"] if long else []
    sections = {
        "startup": ["startup.py"],
        "read_data": ["read_data.py", archive],
        "folder": ["folder.py", folder],
        "tables": ["tables.py"],
        "training_loop": ["training_loop.py", *([] if long else ["--pairs", "2", "--steps", "40"])],
        "training_air": ["training_peers.py", "--networks", "air", *rounds, *batches],
        "training_book": ["training_peers.py", "--networks", "book", *rounds, *batches],
        "answering": ["answering.py", *rounds],
        "folder_answering": ["folder_answering.py", *rounds],
        "serving": ["serving.py", *([] if long else ["--seconds", "6", "--overload", "30"])],
        "page": ["page.py"],
        "bulk": ["bulk.py", *([] if long else ["--rounds", "2", "--images", "20000", "--memory", ""])],
        "costs": ["costs.py", *(["--long"] if long else ["--steps", "12"])],
    }
    slow = {
        "checkpoints": ["checkpoints.py"],
        "watching": ["watching.py"],
        "loaded_core": ["loaded_core.py", "--data", archive],
        "faults": ["faults.py"],
        "siege": ["siege.py"],
        "fine_tuning": ["fine_tuning.py"],
        "families": ["families.py", str(images.clothes().relative_to(HERE.parent))],
        "doctor_duplicates": ["doctor.py", "duplicates"],
        "doctor_labels": ["doctor.py", "labels"],
        "accuracy": ["accuracy.py", archive],
        **{f"budget_{budget}": ["accuracy.py", archive, "--budget", budget, "--seeds", "0,1,2"] for budget in BUDGETS},
        "trust": ["trust.py", "--near"],
        "operating_points": ["operating_points.py"],
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
        more = "" if arguments.long else "; --long has more"
        parser.error(f"no section is called {min(unknown)!r}; choose from {', '.join(every)}{more}")
    failed, begun = False, time.monotonic()
    for name in names:
        text, well = section(name, *every[name])
        failed |= not well
        write(text)
    print(f"{time.monotonic() - begun:.0f} s in all")
    if failed:
        sys.exit("A benchmark failed; its section says why.")


def section(name: str, script: str, *arguments: str) -> tuple[str, bool]:
    """Run one benchmark: what the results say of it, and whether it ran to its end."""
    print(f"{name} …", flush=True)
    start = time.monotonic()
    command = [f"bench/{script}", *arguments]
    done = subprocess.run([sys.executable, *command], cwd=HERE.parent, check=False, capture_output=True, text=True)
    seconds, output = time.monotonic() - start, done.stdout.rstrip()
    if done.returncode != 0:
        output += f"\nfailed: {(done.stderr.strip().splitlines() or ['no reason told'])[-1]}"
    print(f"{output}\n{seconds:.0f} s\n", flush=True)
    facts = f"`{shlex.join(['python', *command])}`, {datetime.datetime.now(datetime.UTC):%Y-%m-%d}, {seconds:.0f} s"
    heading = name if has_bfloat16() else f"{name} without bfloat16"  # one kind of machine does not replace the other
    return f"## {heading}\n\n{facts}; {machine()}\n\n```\n{output}\n```\n", done.returncode == 0


def write(text: str) -> None:
    """Put one section into RESULTS.md, in the place of the one with the same heading."""
    head, *rest = re.split(r"^(?=## )", RESULTS.read_text(encoding="utf-8"), flags=re.MULTILINE)
    sections = {one.partition("\n")[0]: one for one in [*rest, text]}
    order = [*commands(long=True), *(heading.split()[1] for heading in sections)]
    placed = sorted(sections, key=lambda heading: (order.index(heading.split()[1]), heading))
    RESULTS.write_text(
        "\n".join(f"{one.rstrip()}\n" for one in [head, *(sections[heading] for heading in placed)]), encoding="utf-8"
    )


def machine() -> str:
    """The machine and the versions that a figure was measured with."""
    facts = describe_environment()
    versions = dict(facts["versions"])
    for name in PEERS:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    told = ", ".join(f"{name} {version}" for name, version in versions.items())
    return (
        f"{facts['processor']} {'with' if has_bfloat16() else 'without'} bfloat16, {facts['cores']} cores, "
        f"{facts['memory_gb']} GiB, {facts['platform']}, Python {facts['python']}, {told}"
    )


if __name__ == "__main__":
    main()
