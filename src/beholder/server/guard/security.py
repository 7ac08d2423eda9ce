"""Who may ask: the page itself and programs on purpose, but no other site that a browser has open.

A site can make a browser send requests here (cross-site posts), and by DNS rebinding even read the answers under a name
of its own. So `Host` must be a name of this server, and `Origin`, where a browser sends it, must be this very server,
or a name that a person allowed: behind a proxy that sends its own `Host`, the two differ.
Starlette's TrustedHostMiddleware compares no Origin, does not read IPv6 hosts, and answers in another form than ours.
"""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from beholder.server.encoding import EscapedJSON
from beholder.server.guard.host_names import Hosts, parse_host

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
_LISTENING = {**_HEADERS, "Permissions-Policy": "camera=(), microphone=(self), geolocation=()"}


class Guard:
    """Middleware that refuses other hosts and origins, and adds the headers that keep a browser strict.

    Args:
        app: what is served below it.
        hosts: the names that this server answers to.
        microphone: let the page, and no other site in it, ask for the microphone, in the place of the camera.
    """

    def __init__(self, app: ASGIApp, hosts: Hosts, microphone: bool = False) -> None:
        self.app = app
        self.hosts = hosts
        self.headers = _LISTENING if microphone else _HEADERS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def strict(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self.headers.items():
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
        return next((refusal for one in headers.getlist("origin") if (refusal := self._strange(one, hosts[0]))), None)

    def _strange(self, origin: str, host: str) -> tuple[int, str] | None:
        """Why a page of `origin` may not ask; None where it is this server's own, or under a name that was allowed.

        A proxy may ask under another name than that under which the page was loaded.
        """
        name = _host_of(origin)
        if name is not None and (name == host.lower() or self.hosts.allows(name)):
            return None
        proxy = ""
        if name is not None and parse_host(name) is not None:
            proxy = f", or, where that is a proxy's, allow it with --allow-host {name[:100]}"
        return 403, f"Pages of {origin[:100]!r} may not ask this server; open its own page{proxy}."


def _host_of(origin: str) -> str | None:
    """The host of an `Origin` header, with its port if it has one; None where it is no web page's."""
    scheme, _, rest = origin.lower().partition("://")
    return rest if scheme in ("http", "https") else None
