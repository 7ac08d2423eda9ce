"""Who may ask: the page itself and programs on purpose, but no other site that a browser has open.

A site can make a browser send requests here (cross-site posts), and by DNS rebinding even read the answers under a name
of its own. So `Host` must be a name of this server, and `Origin`, where a browser sends it, must be this very server.
Starlette's TrustedHostMiddleware compares no Origin, does not read IPv6 hosts, and answers in another form than ours.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from beholder.server import HOST
from beholder.server.encoding import EscapedJSON

_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "connect-src 'self'",
        "media-src blob:",
        "form-action 'none'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
}


class Hosts:
    """The names that this server answers to: loopback, the host it is bound to, and those that a person allows.

    Args:
        bound: what the server is bound to; the names of all its addresses where that is every address (`0.0.0.0`).
        allowed: further names, such as that of a proxy in front.
    """

    def __init__(self, bound: str = HOST, allowed: Iterable[str] = ()) -> None:
        self.names = {"localhost", bound.lower(), *(name.lower() for name in allowed)}
        address = _address(bound)
        self.any_address = address is not None and address.is_unspecified

    def accepts(self, host: str) -> bool:
        """Whether the `Host` header `host` (with or without a port) names this server."""
        name = _name(host)
        if name is None:
            return False
        if name in self.names:
            return True
        # A number is no name that a stranger's DNS could point here.
        address = _address(name)
        return address is not None and (address.is_loopback or self.any_address)


class Guard:
    """Middleware that refuses other hosts and origins, and adds the headers that keep a browser strict.

    Args:
        app: what is served below it.
        hosts: the names that this server answers to.
    """

    def __init__(self, app: ASGIApp, hosts: Hosts) -> None:
        self.app = app
        self.hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def strict(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        refusal = self._refusal(Headers(scope=scope))
        if refusal is None:
            await self.app(scope, receive, strict)
        else:
            status, sentence = refusal
            await EscapedJSON({"error": sentence}, status, {"Connection": "close"})(scope, receive, strict)

    def _refusal(self, headers: Headers) -> tuple[int, str] | None:
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self.hosts.accepts(hosts[0]):
            named = ", ".join(hosts)[:100]
            return 421, f"This server does not answer to the name {named!r}; allow it with --allow-host."
        origins = headers.getlist("origin")
        if any(not _same(origin, hosts[0]) for origin in origins):
            return 403, f"Pages of {', '.join(origins)[:100]!r} may not ask this server; open its own page."
        return None


def _same(origin: str, host: str) -> bool:
    """Whether a page of `origin` was loaded from `host`; a proxy in front may speak https to it."""
    scheme, _, rest = origin.lower().partition("://")
    return scheme in ("http", "https") and rest == host.lower()


def _name(host: str) -> str | None:
    """The name in a `Host` header, without port and brackets; None where it is none."""
    try:
        parts = urlsplit(f"//{host}")
        _ = parts.port  # a port that is no number raises
    except ValueError:
        return None
    if parts.netloc != host or "@" in host or parts.hostname is None:
        return None
    return parts.hostname.removesuffix(".")


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None
