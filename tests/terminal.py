"""A terminal of a test's own: enough of one for what Rich writes, and strict about the rest."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from contextlib import suppress
from pathlib import Path

HEIGHT = 100  # lines, so that nothing scrolls away
_SEQUENCE = re.compile(r"\x1b\[(\??[\d;]*)([A-Za-z])|\x1b\].*?(?:\x07|\x1b\\)", re.DOTALL)


def shown(script: Path, width: int) -> list[str]:
    """The lines that a Python `script` leaves on a terminal of so many columns."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", HEIGHT, width, 0, 0))
    bare = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
    where = {**bare, "TERM": "xterm-256color", "PYTHONUTF8": "1"}
    process = subprocess.Popen(
        [sys.executable, str(script)], env=where, stdin=follower, stdout=follower, stderr=follower
    )
    os.close(follower)
    written = bytearray()
    with suppress(OSError):  # which is how Linux tells that the other end has gone
        while chunk := os.read(leader, 65536):
            written += chunk
    os.close(leader)
    assert process.wait() == 0, written.decode()
    return rendered(written.decode(), width)


def rendered(text: str, width: int) -> list[str]:
    """What a terminal of so many columns shows after `text`, its control sequences obeyed."""
    cells: dict[tuple[int, int], str] = {}
    row = column = place = 0
    while place < len(text):
        sequence = _SEQUENCE.match(text, place)
        if sequence:
            place = sequence.end()
            number, letter = sequence[1] or "", sequence[2]
            if letter == "A":
                row = max(0, row - int(number or 1))
            elif letter == "K":
                assert number == "2", sequence[0]
                cells = {at: cell for at, cell in cells.items() if at[0] != row}
            else:  # colours, and whether the cursor is seen
                assert letter is None or letter == "m" or (number, letter) in (("?25", "l"), ("?25", "h")), sequence[0]
            continue
        character, place = text[place], place + 1
        if character == "\r":
            column = 0
        elif character == "\n":
            row += 1
        else:
            assert character.isprintable(), repr(character)
            if column == width:  # a terminal goes to the next line once there is more to write
                row, column = row + 1, 0
            cells[row, column] = character
            column += 1
    assert row < HEIGHT
    lines = [["" for _ in range(width)] for _ in range(row + 1)]
    for (line, at), cell in cells.items():
        lines[line][at] = cell
    return ["".join(cell or " " for cell in line).rstrip() for line in lines]
