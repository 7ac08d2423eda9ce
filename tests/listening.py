"""Hears below Python where processes connect to and what they write: the kernel asks us before it lets them.

A seccomp filter in front of the few system calls that matter stops each until we have looked at it (seccomp(2),
SECCOMP_RET_USER_NOTIF, Linux 5.5). It needs no root and no program, native code cannot go round it, and children
inherit it. What would leave the machine is refused as if there were no network.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import ipaddress
import os
import platform
import select
import socket
import struct
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

_ALLOW, _ASK, _CONTINUE = 0x7FFF0000, 0x7FC00000, 1
_RECEIVE, _ANSWER = 0xC0502100, 0xC0182101
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
# Of each call its number, and where only some of its uses matter, an argument and the bits that must be set in it.
_CALLS: dict[str, dict[str, tuple[int, int | None, int]]] = {
    "x86_64": {
        "connect": (42, None, 0),
        "sendto": (44, 4, 0xFFFFFFFF),
        "sendmsg": (46, None, 0),
        "sendmmsg": (307, None, 0),
        "open": (2, 1, _WRITES),
        "openat": (257, 2, _WRITES),
        "openat2": (437, None, 0),
        "creat": (85, None, 0),
        "mkdir": (83, None, 0),
        "mkdirat": (258, None, 0),
        "rename": (82, None, 0),
        "renameat": (264, None, 0),
        "renameat2": (316, None, 0),
        "io_uring_setup": (425, None, 0),
    },
    "aarch64": {
        "connect": (203, None, 0),
        "sendto": (206, 4, 0xFFFFFFFF),
        "sendmsg": (211, None, 0),
        "sendmmsg": (269, None, 0),
        "openat": (56, 2, _WRITES),
        "openat2": (437, None, 0),
        "mkdirat": (34, None, 0),
        "renameat": (38, None, 0),
        "renameat2": (276, None, 0),
        "io_uring_setup": (425, None, 0),
    },
}
_SECCOMP = {"x86_64": 317, "aarch64": 277}
# Of what makes a file: the argument that holds the path, and the one before it the folder where it is relative to one.
_PATHS = {"open": 0, "openat": 1, "openat2": 1, "creat": 0, "mkdir": 0, "mkdirat": 1}
_PATHS |= {"rename": 1, "renameat": 3, "renameat2": 3}


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]


class Listener:
    """What the processes that were started here did.

    Attributes:
        beyond: attempts to connect to another machine or to look up a name, in words.
        written: files and folders that they opened to write, made or renamed to.
    """

    def __init__(self) -> None:
        self.beyond: list[str] = []
        self.written: set[Path] = set()
        self._calls = {call[0]: name for name, call in _CALLS[platform.machine()].items()}

    def start(self, command: list[str], **options: Any) -> subprocess.Popen[str]:
        """As `subprocess.Popen`, but we are asked first. Only it and its children are: the filter is a thread's."""
        made: list[Any] = []

        def start() -> None:
            try:
                descriptor = _install()
                threading.Thread(target=self._answer, args=(descriptor,), daemon=True).start()
                made.append(subprocess.Popen(command, text=True, **options))
            except BaseException as error:  # noqa: BLE001 - raised below
                made.append(error)

        thread = threading.Thread(target=start)
        thread.start()
        thread.join()
        if isinstance(made[0], BaseException):
            raise made[0]
        process: subprocess.Popen[str] = made[0]
        return process

    def run(self, command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        """As `subprocess.run` with its output captured."""
        with self.start(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options) as process:
            output, errors = process.communicate()
        return subprocess.CompletedProcess(command, process.returncode, output, errors)

    def outside(self, *allowed: Path) -> list[str]:
        """What was written and lies in none of these folders, but for devices and what the kernel shows as files."""
        places = [*(folder.resolve() for folder in allowed), Path("/dev"), Path("/proc"), Path("/sys")]
        return sorted(str(path) for path in self.written if not any(path.is_relative_to(place) for place in places))

    def _answer(self, descriptor: int) -> None:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        while any(event & select.POLLIN for _, event in poll.poll()):
            asked = bytearray(80)
            try:
                fcntl.ioctl(descriptor, _RECEIVE, asked)
            except OSError:  # it has been killed meanwhile
                continue
            number, process, _, call, _, _, *arguments = struct.unpack("=QIIiIQ6Q", asked)
            try:
                allowed = self._hear(self._calls[call], process, arguments)
            except OSError:  # as above
                allowed = True
            answer = (number, 0, 0, _CONTINUE) if allowed else (number, 0, -errno.ENETUNREACH, 0)
            with contextlib.suppress(OSError):
                fcntl.ioctl(descriptor, _ANSWER, bytearray(struct.pack("=QqiI", *answer)))
        os.close(descriptor)

    def _hear(self, call: str, process: int, arguments: list[int]) -> bool:
        """Note what `process` is about to do; False: it must not."""
        if call in _PATHS:
            self.written.add(_path(call, process, arguments))
            return True
        if call == "io_uring_setup":
            self.beyond.append("io_uring, which cannot be heard")
            return False
        beyond = _beyond(_address(call, process, arguments))
        if beyond is not None:
            self.beyond.append(f"{call} {beyond}")
        return beyond is None


def require() -> None:
    """Prove that a connection, a look-up and a file are heard here.

    Raises:
        UnableError: this system cannot.
    """
    if not sys.platform.startswith("linux") or platform.machine() not in _CALLS:
        raise UnableError(f"listening below Python wants Linux on x86_64 or aarch64, not {platform.platform()}")
    code = (
        "import os, socket; open(os.devnull, 'w')\n"
        "for address in ('192.0.2.1', 9), ('127.0.0.1', 53):\n"
        "    with socket.socket(type=socket.SOCK_DGRAM) as one: one.connect_ex(address)\n"
    )
    trial = Listener()
    try:
        trial.run([sys.executable, "-S", "-c", code])
    except OSError as error:
        raise UnableError(f"this kernel or its sandbox has no seccomp notifications ({error})") from error
    if trial.beyond != ["connect 192.0.2.1:9", "connect 127.0.0.1:53"] or Path(os.devnull) not in trial.written:
        raise UnableError("the kernel's seccomp notifications do not reach this process")


class UnableError(Exception):
    """This system cannot be listened to."""


def _install() -> int:
    """Put the filter in front of this thread; the descriptor at which we are asked."""
    program = b""
    for number, argument, bits in _CALLS[platform.machine()].values():
        body = _instruction(0x06, _ASK)
        if argument is not None:
            body = _instruction(0x20, 16 + 8 * argument) + _instruction(0x45, bits, no=1) + body
            body += _instruction(0x06, _ALLOW)
        program += _instruction(0x20, 0) + _instruction(0x15, number, no=len(body) // 8) + body
    program += _instruction(0x06, _ALLOW)
    libc = ctypes.CDLL(None, use_errno=True)
    described = _Program(len(program) // 8, program)
    if libc.prctl(38, 1, 0, 0, 0) != 0:  # PR_SET_NO_NEW_PRIVS
        raise OSError(ctypes.get_errno(), "prctl")
    descriptor = libc.syscall(_SECCOMP[platform.machine()], 1, 8, ctypes.byref(described))
    if descriptor < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return int(descriptor)


def _instruction(code: int, value: int, *, yes: int = 0, no: int = 0) -> bytes:
    return struct.pack("=HBBI", code, yes, no, value)


def _read(process: int, place: int, length: int) -> bytes:
    with Path(f"/proc/{process}/mem").open("rb", buffering=0) as memory:
        memory.seek(place)
        return memory.read(length) or b""


def _path(call: str, process: int, arguments: list[int]) -> Path:
    at = _PATHS[call]
    place = arguments[at]
    length = min(4096, 4096 - place % 4096)  # not beyond its page, which may be the last
    text = _read(process, place, length)
    if b"\0" not in text:
        text += _read(process, place + length, 4096)
    folder = "cwd"
    if at in (1, 3) and call != "rename":
        descriptor = struct.unpack("=i", struct.pack("=I", arguments[at - 1] & 0xFFFFFFFF))[0]
        folder = "cwd" if descriptor < 0 else f"fd/{descriptor}"
    base = Path(f"/proc/{process}/{folder}").readlink()
    return Path(os.path.realpath(base / os.fsdecode(text.split(b"\0", 1)[0])))


def _address(call: str, process: int, arguments: list[int]) -> bytes:
    """The address that is connected or sent to, as the kernel gets it; empty: that of the connection."""
    if call in ("connect", "sendto"):
        place, length = arguments[1:3] if call == "connect" else arguments[4:6]
    else:  # the first message's
        place, length = struct.unpack("=QI", _read(process, arguments[1], 12))
    return _read(process, place, min(length, 128)) if place else b""


def _beyond(address: bytes) -> str | None:
    """In words, an address that is another machine's or that of whoever looks up names; None: it is neither."""
    family = struct.unpack("=H", address[:2])[0] if len(address) > 2 else socket.AF_UNSPEC
    if family == socket.AF_UNIX:  # systemd looks up names for the C library
        return "systemd's resolver" if b"systemd.Resolve" in address else None
    if family not in (socket.AF_INET, socket.AF_INET6):
        return None
    host = ipaddress.ip_address(address[4:8] if family == socket.AF_INET else address[8:24])
    host = getattr(host, "ipv4_mapped", None) or host
    port = struct.unpack("!H", address[2:4])[0]
    here = (host.is_loopback or host.is_unspecified) and port != 53
    return None if here else f"{host}:{port}"
