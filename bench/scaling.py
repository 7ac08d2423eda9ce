"""What each width of `fast` reaches after how many epochs: writes src/beholder/training/scaling.json for the plan.

usage: python bench/scaling.py [--quick]     (half an hour; quick: only the figures that are not there yet)

Validation accuracy, plain view, one seed, on the shared pictures' archive; the test part is not opened.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import pictures

from beholder.data.opening import open_source
from beholder.data.split import Parts
from beholder.runs.environment import has_bfloat16
from beholder.runs.events import EventLog
from beholder.runs.folder import create_run
from beholder.training import framework
from beholder.training.settings import choose

TABLE = Path(__file__).resolve().parents[1] / "src" / "beholder" / "training" / "scaling.json"
ROWS = {(16, 64, 128): (1, 4), (32, 64, 128): (1, 4, 8), (48, 128, 192): (2, 8, 16), (64, 192, 320): (4, 8)}


def accuracy(parts: Parts, widths: tuple[int, ...], epochs: float) -> tuple[float, int]:
    """Validation accuracy after `epochs`, and the multiply-adds of one picture."""
    from beholder.models.costs import layer_costs
    from beholder.training.fit import Fit, judge, sample

    settings = choose(
        "fast",
        seed=0,
        precision="bfloat16" if has_bfloat16() else "float32",
        changes={"epochs": epochs},
        options={"widths": widths},
    )
    with tempfile.TemporaryDirectory() as folder:
        run = create_run(Path(folder) / "run")
        fit = Fit(parts.train(), parts.validation(), settings, run, EventLog(run.events_file), lambda: False)
        fit.run_to_end()
        validation = parts.validation()
        reached, _ = judge(fit.look, validation, sample(len(validation), None))
        return reached, sum(row["multiply_adds"] for row in layer_costs(fit.model))


def main() -> None:
    """Fill the table, row by row; it is written after each figure."""
    framework.start()
    parts = Parts(open_source(pictures.archive()), seed=0)
    table: dict[str, Any] = json.loads(TABLE.read_text(encoding="utf-8")) if "--quick" in sys.argv else {}
    rows = {tuple(row["widths"]): row for row in table.get("networks", [])}
    for widths, counts in ROWS.items():
        row = rows.setdefault(widths, {"widths": widths, "multiply_adds": 0, "accuracy": {}})
        for epochs in counts:
            if str(epochs) in row["accuracy"]:
                continue
            reached, row["multiply_adds"] = accuracy(parts, widths, epochs)
            row["accuracy"][str(epochs)] = round(reached, 4)
            print(widths, epochs, row["accuracy"][str(epochs)], flush=True)
            document = {"source": "bench/scaling.py, one seed, 40,500 pictures", "networks": list(rows.values())}
            TABLE.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
