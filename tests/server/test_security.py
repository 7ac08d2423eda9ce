"""A person relies on: another site in the same browser cannot ask, a stranger's name for this machine does not work,
and nothing outside the page's folder is shown.
"""

from __future__ import annotations

import re

import pytest
from starlette.testclient import TestClient

from beholder.server.guard.security import Hosts

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
