"""nginx and Caddy in front of a server, configured as docs/proxies.md says."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from playwright.sync_api import Route

PAGE = Path(__file__).resolve().parents[1] / "docs" / "proxies.md"
NAME = "images.localhost"  # which browsers take for this machine, and trust with the camera
_NGINX = """
daemon off;
master_process off;
pid {folder}/pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/1;
    proxy_temp_path {folder}/2;
    fastcgi_temp_path {folder}/3;
    uwsgi_temp_path {folder}/4;
    scgi_temp_path {folder}/5;
    {block}
}}
"""


@dataclass(frozen=True)
class Proxy:
    """One of the configurations on the page: the `program`, and whether there is a path that it takes off or leaves on.

    With `ipv6` all addresses are of that version.
    """

    program: str
    path: str = "root"  # or "taken off" or "left on"
    ipv6: bool = False

    def __str__(self) -> str:
        return f"{self.program}, {self.path}{', IPv6' if self.ipv6 else ''}"

    @property
    def why_not(self) -> str | None:
        """Why it cannot be had here; None where it can."""
        if shutil.which(self.program) is None:
            return f"{self.program} is not installed (`apt-get install nginx-light caddy` brings both)"
        return "this machine has no IPv6" if self.ipv6 and not _has_ipv6() else None

    @property
    def options(self) -> list[str]:
        """Of `beholder serve`, as the page has them."""
        path = ["--root-path", "/photos"] if self.path == "left on" else []
        return ["--allow-host", "::1", "--host", "::1", *path] if self.ipv6 else ["--allow-host", NAME, *path]

    @contextmanager
    def before(self, address: str, folder: Path) -> Iterator[str]:
        """Runs it before the server at `address`, a loopback address; gives its own address, without a slash."""
        folder.mkdir()
        port = _free_port()
        behind = re.match(r"http://([^/]+)", address)
        assert behind is not None
        block = self._block().replace("127.0.0.1:8000", behind[1])
        command = (self._nginx if self.program == "nginx" else self._caddy)(folder, port, block)
        with subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=(folder / "said").open("wb"), env=_surroundings(folder)
        ) as process:
            try:
                _wait("::1" if self.ipv6 else "127.0.0.1", port, process, folder)
                name = "[::1]" if self.ipv6 else NAME
                yield f"http://{name}:{port}" + ("" if self.path == "root" else "/photos")
            finally:
                process.terminate()
                process.wait(timeout=30)

    def _block(self) -> str:
        language = {"nginx": "nginx", "caddy": "caddyfile"}[self.program]
        blocks = re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
        return str(blocks[["root", "taken off", "left on"].index(self.path)])

    def _nginx(self, folder: Path, port: int, block: str) -> list[str]:
        listening = f"listen [::1]:{port};" if self.ipv6 else f"listen 127.0.0.1:{port};"
        block = block.replace("listen 8080;", listening).replace("images.example.org", "_" if self.ipv6 else NAME)
        (folder / "nginx.conf").write_text(_NGINX.format(folder=folder, block=block), encoding="utf-8")
        return ["nginx", "-c", str(folder / "nginx.conf")]

    def _caddy(self, folder: Path, port: int, block: str) -> list[str]:
        site = f"http://[::1]:{port}" if self.ipv6 else f"http://{NAME}:{port}"
        text = "{\n\tadmin off\n\tauto_https off\n}\n" + block.replace("images.example.org", site)
        (folder / "Caddyfile").write_text(text, encoding="utf-8")
        return ["caddy", "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]


def fetched(route: Route) -> Any:
    """The document that a request of the browser is answered with.

    Playwright asks for it itself, and unlike browsers not every system knows that `NAME` is this machine.
    """
    host = urlsplit(route.request.url).netloc
    here = route.request.url.replace(f"//{NAME}:", "//127.0.0.1:")
    return route.fetch(url=here, headers={**route.request.headers, "host": host}).json()


def named(text: str) -> Proxy:
    """The proxy that `str` of it names."""
    program, path, *ipv6 = text.split(", ")
    return Proxy(program, path, bool(ipv6))


def _surroundings(folder: Path) -> dict[str, str]:
    return {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "PATH": _path()}


def _path() -> str:
    return "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as one:
            one.bind(("::1", 0))
    except OSError:
        return False
    return True


def _wait(host: str, port: int, process: subprocess.Popen[bytes], folder: Path) -> None:
    for _ in range(600):
        assert process.poll() is None, (folder / "said").read_text(encoding="utf-8")
        try:
            socket.create_connection((host, port), timeout=5).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("the proxy does not listen")
