"""Tables on standard output: as wide as they are in a file, and where a terminal is too narrow a paragraph a row."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING

from beholder.cli.console import output_console

if TYPE_CHECKING:
    from rich.table import Table

_WORDS = 20  # columns that are enough to break words in


def print_table(table: Table) -> None:
    """Print a table on standard output, whose last column may hold several words; nothing of it is cut or broken.

    Args:
        table: of text; its first column names a row.
    """
    from rich.measure import Measurement

    wide = output_console(100_000)
    width = Measurement.get(wide, wide.options, table).maximum
    if not sys.stdout.isatty():
        output_console(width).print(table)
        return
    console = output_console()
    for column in table.columns[:-1]:
        column.no_wrap = True
    last = [Measurement.get(wide, wide.options, cell) for cell in (table.columns[-1].header, *table.columns[-1].cells)]
    widest = max(cell.maximum for cell in last)
    needed = max(min(_WORDS, widest), *(cell.minimum for cell in last))
    if width - widest + needed <= console.width:
        console.print(table)
        return
    columns = [
        [str(column.header).replace("-\n", "-").replace("\n", " "), *map(str, column.cells), str(column.footer)]
        for column in table.columns
    ]
    (_, *headings), *rows = zip_longest(*columns, fillvalue="")
    for name, *cells in rows if table.show_footer else rows[:-1]:
        console.print(name)
        for line in _sentence(headings, cells).splitlines():
            console.print(f"  {line}")


def _sentence(headings: Sequence[str], cells: Sequence[str]) -> str:
    """What the cells of a row say, each after its heading."""
    return ", ".join(f"{heading} {cell}".strip() for heading, cell in zip(headings, cells, strict=True) if cell)
