"""What each width of `fast` reaches after how many epochs: writes src/beholder/training/budget/scaling.json.

usage: python bench/scaling.py [--quick]     (half an hour; quick: only the figures that are not there yet)

Validation accuracy, plain view, one seed, on the shared images' archive; the test set is not opened.
"""

from __future__ import annotations

import datetime
import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import images

from beholder.data.opening import open_source
from beholder.data.split import Split
from beholder.runs.environment import describe_environment, has_bfloat16
from beholder.runs.events import EventLog
from beholder.runs.run_folder import create_run
from beholder.training.settings import choose
from beholder.training.steps import framework

PARTIAL = images.WORK / "scaling.json"
TABLE = Path(__file__).resolve().parents[1] / "src" / "beholder" / "training" / "budget" / "scaling.json"
ROWS = {(16, 64, 128): (1, 4), (32, 64, 128): (1, 4, 8), (48, 128, 192): (2, 8, 16), (64, 192, 320): (4, 8)}


def accuracy(sets: Split, widths: tuple[int, ...], epochs: float) -> tuple[float, int]:
    """Validation accuracy after `epochs`, and the multiply-adds of one image."""
    from beholder.models.costs import layer_costs
    from beholder.training.fit import Fit
    from beholder.training.judging import judge, sample

    settings = choose(
        "fast",
        seed=0,
        precision="bfloat16" if has_bfloat16() else "float32",
        changes={"epochs": epochs},
        options={"widths": widths},
    )
    with tempfile.TemporaryDirectory() as folder:
        run = create_run(Path(folder) / "run")
        fit = Fit(sets.train(), sets.validation(), settings, run, EventLog(run.events_file), lambda: False)
        fit.run_to_end()
        validation = sets.validation()
        reached, _ = judge(fit.judge.look, validation, sample(len(validation), None))
        return reached, sum(row["multiply_adds"] for row in layer_costs(fit.model))


def main() -> None:
    """Fill a table beside the images, figure by figure; it takes the packaged one's place once it is complete."""
    framework.start()
    sets = Split(open_source(images.archive()), seed=0)
    begun = json.loads(PARTIAL.read_text(encoding="utf-8")) if "--quick" in sys.argv and PARTIAL.exists() else {}
    rows: dict[tuple[int, ...], Any] = {tuple(row["widths"]): row for row in begun.get("networks", [])}
    for widths, counts in ROWS.items():
        row = rows.setdefault(widths, {"widths": widths, "multiply_adds": 0, "accuracy": {}})
        for epochs in counts:
            if str(epochs) in row["accuracy"]:
                continue
            reached, row["multiply_adds"] = accuracy(sets, widths, epochs)
            row["accuracy"][str(epochs)] = round(reached, 4)
            print(widths, epochs, row["accuracy"][str(epochs)], flush=True)
            PARTIAL.write_text(json.dumps(_document(list(rows.values())), indent=2) + "\n", encoding="utf-8")
    shutil.copyfile(PARTIAL, TABLE)


def _document(rows: list[Any]) -> dict[str, Any]:
    machine = describe_environment()
    conditions = f"{machine['processor']}, {machine['cores']} cores, {datetime.datetime.now(datetime.UTC):%Y-%m-%d}"
    return {
        "source": f"bench/scaling.py on the JPEG copy of CIFAR-10, 40,500 images, one seed, plain view; {conditions}",
        "networks": rows,
    }


if __name__ == "__main__":
    main()
