"""The names that a server answers to, however a person writes them: with a port, as an address, in any script."""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Iterable
from urllib.parse import urlsplit

from beholder.errors import UsageError
from beholder.server import HOST

_EXPECTED = "Expected a host name for --allow-host, such as images.example.org or images.example.org:8443"
_NAME = re.compile(r"[\w-]+(\.[\w-]+)*")  # in any script; a name with anything else would never match
_LONGEST = 253  # characters of a name (RFC 1035)


class Hosts:
    """The names that this server answers to: loopback, the host it is bound to, and those that a person allows.

    Args:
        bound: what the server is bound to; the names of all its addresses where that is every address (`0.0.0.0`).
        allowed: further names, such as that of a proxy in front; one with a port is that port's alone.

    Raises:
        UsageError: a name that is none, or `*`, which would let the pages of every site ask.
    """

    def __init__(self, bound: str = HOST, allowed: Iterable[str] = ()) -> None:
        self.names = {"localhost", bound.lower()}
        self.allowed = {spelled for text in allowed for spelled in _spellings(text)}
        address = _address(bound)
        self.any_address = address is not None and address.is_unspecified

    def accepts(self, host: str) -> bool:
        """Whether the `Host` header `host` (with or without a port) names this server."""
        parsed = parse_host(host)
        if parsed is None:
            return False
        if parsed[0] in self.names or self.allows(host):
            return True
        # A number is no name that a stranger's DNS could point here.
        address = _address(parsed[0])
        return address is not None and (address.is_loopback or self.any_address)

    def allows(self, host: str) -> bool:
        """Whether `host` (with or without a port) is a name that a person allowed."""
        parsed = parse_host(host)
        return parsed is not None and not self.allowed.isdisjoint({parsed, (parsed[0], None)})


def parse_host(host: str) -> tuple[str, int | None] | None:
    """The name in a `Host` header, without brackets, and its port if it has one; None where it is none."""
    try:
        parts = urlsplit(f"//{host}")
        port = parts.port  # one that is no number raises
    except ValueError:
        return None
    if parts.netloc != host or "@" in host or parts.hostname is None:
        return None
    return parts.hostname.removesuffix("."), port


def _spellings(text: str) -> set[tuple[str, int | None]]:
    """How a browser may spell the host that a person wrote as `text`, with its port if it has one.

    Raises:
        UsageError: it is none.
    """
    rest = text.strip().rpartition("://")[2].partition("/")[0]
    if ":" in rest and _address(rest) is not None:  # IPv6, which brackets make a host
        rest = f"[{rest}]"
    parsed = parse_host(rest)
    if parsed is None or rest.endswith(":") or not (_address(parsed[0]) or _is_name(parsed[0])):
        why = "; `*` would let the pages of every site ask, so name each" if "*" in text else ""
        raise UsageError(f"{_EXPECTED}. Received: {text!r}{why}.")
    name, port = parsed
    return {(spelled, port) for spelled in (name, *_encoded(name))}


def _is_name(text: str) -> bool:
    return len(text) <= _LONGEST and _NAME.fullmatch(text) is not None


def _encoded(name: str) -> list[str]:
    """An international name as the network has it: by IDNA 2003, and by its successor, which keeps such as ß."""
    if name.isascii():
        return []
    labels = unicodedata.normalize("NFKC", name).lower().split(".")
    kept = ".".join(one if one.isascii() else f"xn--{one.encode('punycode').decode()}" for one in labels)
    try:
        return [kept, name.encode("idna").decode()]
    except UnicodeError:
        return [kept]


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None
