"""A fresh Python process that works for us through a pipe.

A forked copy of a process in which TensorFlow, ONNX Runtime or Ray run threads can hang, and what `multiprocessing`
spawns runs the person's script again. This needs no `if __name__ == "__main__"` in it, and ends when the pipe does,
whatever happens to us.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection, Pipe
from typing import Any

_SCRIPT = """
import importlib, json, sys
sys.path[:] = json.loads(sys.argv[1])
from multiprocessing.connection import Connection
getattr(importlib.import_module(sys.argv[2]), sys.argv[3])(Connection(int(sys.argv[4])))
"""


@contextmanager
def fresh_process(
    work: Callable[[Connection[Any, Any]], None], descriptors: Sequence[int] = ()
) -> Iterator[Connection[Any, Any]]:
    """Our end of a pipe to a process that calls `work` with the other end; it is killed when we leave.

    Args:
        work: a function of a module.
        descriptors: of open files that it may use by the same numbers.
    """
    ours, theirs = Pipe()
    search_path = json.dumps([str(entry) for entry in sys.path])
    command = [sys.executable, "-P", "-c", _SCRIPT, search_path, work.__module__, work.__name__, str(theirs.fileno())]
    with ours:
        with theirs:
            process = subprocess.Popen(  # noqa: S603  our own interpreter and our own script
                command,
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno(), *descriptors],
                start_new_session=True,  # Ctrl-C is ours to handle
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
            )
        try:
            yield ours
        finally:
            process.kill()
            process.wait()
