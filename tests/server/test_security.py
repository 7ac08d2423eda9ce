"""A person relies on: another site in the same browser cannot ask, a stranger's name for this machine does not work,
and nothing outside the page's folder is shown.
"""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from beholder.errors import UsageError
from beholder.server.app import classifier_app
from beholder.server.guard.host_names import Hosts
from beholder.server.guard.root_path import RootPath, checked_root_path
from beholder.server.served import Served
from beholder.server.serving import serve

STRICT = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
}


@pytest.mark.parametrize(
    ("host", "accepted"),
    [
        ("localhost", True),
        ("LOCALHOST:8000", True),
        ("localhost.", True),
        ("127.0.0.1:9", True),
        ("127.8.7.6", True),
        ("[::1]:8000", True),
        ("evil.example", False),
        ("localhost.evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("127.0.0.1@evil.example", False),
        ("evil.example#127.0.0.1", False),
        ("localhost/", False),
        ("localhost:80:80", False),
        ("localhost:port", False),
        ("192.168.0.1", False),
        ("[::1", False),
        ("", False),
    ],
)
def test_only_loopback_names_are_answered(host: str, accepted: bool) -> None:
    assert Hosts().accepts(host) is accepted


def test_a_bound_and_an_allowed_name_are_answered_too() -> None:
    hosts = Hosts("192.168.0.7", ["images.example"])
    assert hosts.accepts("192.168.0.7:8000")
    assert hosts.accepts("Images.Example")
    assert not hosts.accepts("192.168.0.8")


@pytest.mark.parametrize("bound", ["0.0.0.0", "::"])  # noqa: S104 - the case in question
def test_bound_to_every_address_any_number_is_answered_but_no_name(bound: str) -> None:
    assert Hosts(bound).accepts("192.168.0.8:8000")
    assert Hosts(bound).accepts("[fe80::1]")
    assert not Hosts(bound).accepts("evil.example")


@pytest.mark.parametrize(
    ("allowed", "accepted", "refused"),
    [
        (
            "images.example",
            ["images.example", "IMAGES.example:8443", "images.example."],
            ["example", "x.images.example"],
        ),
        ("images.example:8443", ["images.example:8443"], ["images.example", "images.example:80"]),
        ("https://images.example", ["images.example", "images.example:443"], ["example"]),
        ("https://images.example/photos/", ["images.example"], ["photos"]),
        ("http://images.example:8443/#ask", ["images.example:8443"], ["images.example"]),
        (" images.example/ ", ["images.example"], ["images.example.org"]),
        ("b\u00fccher.example", ["xn--bcher-kva.example", "XN--BCHER-KVA.example:80"], ["bucher.example"]),
        ("stra\u00dfe.example", ["xn--strae-oqa.example", "strasse.example"], ["strase.example"]),
        ("\u4f8b\u3048.jp", ["xn--r8jz45g.jp"], ["jp"]),
        ("my_app", ["my_app:8000"], ["my-app"]),
        ("192.168.0.7", ["192.168.0.7:8000"], ["192.168.0.8"]),
        ("fd00::1", ["[fd00::1]", "[FD00::1]:8000"], ["[fd00::2]"]),
        ("[fd00::1]", ["[fd00::1]:8000"], ["[fd00::2]"]),
        ("[fd00::1]:8000", ["[fd00::1]:8000"], ["[fd00::1]"]),
        ("http://[fd00::1]:8000/", ["[fd00::1]:8000"], ["[fd00::1]"]),
    ],
)
def test_an_allowed_name_may_be_written_in_any_way(allowed: str, accepted: list[str], refused: list[str]) -> None:
    hosts = Hosts(allowed=[allowed])
    assert [hosts.accepts(host) for host in accepted] == [True] * len(accepted)
    assert [hosts.accepts(host) for host in refused] == [False] * len(refused)


@pytest.mark.parametrize(
    "allowed",
    [
        *("*", "*.example", "https://*/", "", " ", "images.example:port", "me@images.example", "a b", "[::1", "?"),
        *("images.example,other.example", "a;b", "images..example", "..", ".example", "images.example:", "http:/a"),
        *("a%20b", "'a'", "\u200b", "a" * 254),
    ],
)
def test_what_is_no_name_is_refused(allowed: str) -> None:
    with pytest.raises(UsageError, match="Expected a host name for --allow-host, such as") as caught:
        Hosts(allowed=[allowed])
    assert repr(allowed) in str(caught.value)
    assert ("would let the pages of every site ask" in str(caught.value)) == ("*" in allowed)


@pytest.mark.parametrize(
    ("origin", "allowed", "status"),
    [
        ("https://images.example", "images.example", 200),
        ("http://images.example:8080", "images.example", 200),
        ("https://images.example:8443", "images.example:8443", 200),
        ("https://xn--bcher-kva.example", "https://b\u00fccher.example/", 200),
        ("http://[fd00::1]:8080", "fd00::1", 200),
        ("https://images.example", "images.example:8443", 403),
        ("https://evil.example", "images.example", 403),
        ("https://images.example.evil.example", "images.example", 403),
        ("http://127.0.0.1:9999", "images.example", 403),
        ("null", "images.example", 403),
    ],
)
def test_a_proxy_may_send_a_host_of_its_own(
    served: Served, images: list[bytes], origin: str, allowed: str, status: int
) -> None:
    client = TestClient(classifier_app(served, Hosts(allowed=[allowed])), base_url="http://127.0.0.1:8000")
    headers = {"Origin": origin, "Content-Type": "image/png"}
    response = client.post("/predict", content=images[0], headers=headers)
    assert response.status_code == status
    if status == 403 and origin == "https://evil.example":
        assert response.json()["error"] == (
            "Pages of 'https://evil.example' may not ask this server; open its own page, or, where that is a proxy's, "
            "allow it with --allow-host evil.example."
        )


@pytest.mark.parametrize("root_path", ["/photos", "photos", "/photos/", "photos/", "/a/b-c_d.e~f"])
def test_the_path_of_a_proxy_may_be_left_on_or_taken_off(served: Served, root_path: str) -> None:
    path = checked_root_path(root_path)
    client = TestClient(RootPath(classifier_app(served), path), base_url="http://localhost", follow_redirects=False)
    for address in ("/healthz", f"{path}/healthz", f"{path}/", "/", f"{path}/static/page.js", f"{path}/watch"):
        assert client.get(address).status_code == 200, address
    assert client.get(f"{path}x/healthz").status_code == 404
    assert client.get(f"{path}/nothing").status_code == 404
    bare = client.get(path)
    assert (bare.status_code, bare.headers["location"]) == (308, f"{path}/")


@pytest.mark.parametrize(
    "root_path", ["https://images.example/photos", "/a b", "/../x", "/a?b", "/a//b", "\\photos", ".", "/./"]
)
def test_what_is_no_path_is_refused(root_path: str) -> None:
    with pytest.raises(UsageError, match=r"Expected a path for --root-path, such as /photos\. Received:"):
        checked_root_path(root_path)


def test_no_path_is_none() -> None:
    assert (checked_root_path(""), checked_root_path("/")) == ("", "")


def test_serving_within_an_event_loop_is_told_in_a_sentence(served_run: Path) -> None:
    async def main() -> None:
        serve(served_run, port=0)

    with pytest.raises(UsageError, match="An event loop is running in this thread, as in a notebook"):
        asyncio.run(main())


@pytest.mark.parametrize("path", ["/", "/predict", "/metrics", "/static/style.css", "/nothing"])
def test_a_stranger_s_name_is_refused_everywhere(client: TestClient, path: str) -> None:
    response = client.get(path, headers={"Host": "evil.example"})
    assert response.status_code == 421
    assert "evil.example" in response.json()["error"]


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://localhost", 200),
        ("https://localhost", 200),
        ("http://localhost:8000", 403),
        ("http://evil.example", 403),
        ("http://localhost.evil.example", 403),
        ("null", 403),
        ("", 403),
        ("file://", 403),
    ],
)
def test_another_origin_is_refused(client: TestClient, images: list[bytes], origin: str, status: int) -> None:
    headers = {"Origin": origin, "Content-Type": "image/png"}
    assert client.post("/predict", content=images[0], headers=headers).status_code == status


@pytest.mark.parametrize(
    ("path", "host"), [("/", "localhost"), ("/nothing", "localhost"), ("/static/style.css", "localhost"), ("/", "evil")]
)
def test_every_answer_keeps_a_browser_strict(client: TestClient, path: str, host: str) -> None:
    headers = client.get(path, headers={"Host": host}).headers
    assert {name: headers[name] for name in STRICT} == STRICT
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert re.findall(r"https?:|\*", policy) == []


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static/..%2fapp.py",
        "/static/%2e%2e%2fapp.py",
        "/static//etc/passwd",
        "/static/%2fetc/passwd",
        "/static/style.css%00.png",
        "/static/..%5capp.py",
        "/static/",
        "/static/" + "a" * 5000,
    ],
)
def test_nothing_outside_the_page_s_folder_is_shown(client: TestClient, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 404
    assert response.json()["error"]


def test_page_files_have_their_types_and_are_asked_for_again(client: TestClient) -> None:
    for path, kind in (("/", "text/html"), ("/static/style.css", "text/css"), ("/static/page.js", "text/javascript")):
        response = client.get(path)
        assert response.headers["content-type"] == f"{kind}; charset=utf-8"
        assert response.headers["cache-control"] == "no-cache"
        again = client.get(path, headers={"If-None-Match": response.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
