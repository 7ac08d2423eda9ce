"""Every benchmark in its short form, one after the other, into bench/RESULTS.md with the facts of the machine.

usage: python bench/run.py [--long]     (long: also what each network reaches, about 15 minutes more)
"""

from __future__ import annotations

import datetime
import subprocess
import sys
from pathlib import Path

import pictures

from beholder.runs.environment import describe_environment

HERE = Path(__file__).resolve().parent


def main() -> None:
    """Run them and write the results."""
    commands: list[list[str]] = [
        ["startup.py"],
        ["read_data.py", str(pictures.archive().relative_to(HERE.parent))],
        ["folder.py", str(pictures.folder().relative_to(HERE.parent))],
        ["training_loop.py"],
    ]
    if "--long" in sys.argv:
        commands.append(["accuracy.py"])
    sections = [_heading()]
    for script, *arguments in commands:
        print(f"bench/{script} …", flush=True)
        done = subprocess.run(
            [sys.executable, f"bench/{script}", *arguments], cwd=HERE.parent, check=True, capture_output=True, text=True
        )
        print(done.stdout, flush=True)
        command = " ".join(["python", f"bench/{script}", *arguments])
        sections.append(f"## {script.removesuffix('.py')}\n\n`{command}`\n\n```\n{done.stdout.rstrip()}\n```\n")
    (HERE / "RESULTS.md").write_text("\n".join(sections), encoding="utf-8")


def _heading() -> str:
    machine = describe_environment()
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    return (
        "# Measured\n\nWritten by `make bench`. The machine is shared with others: trust ratios, not seconds.\n\n"
        f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gb']} GiB, {machine['platform']}, Python "
        f"{machine['python']}; {versions}. {datetime.datetime.now(datetime.UTC):%Y-%m-%d}.\n"
    )


if __name__ == "__main__":
    main()
