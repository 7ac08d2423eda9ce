"""A program relies on: `/openapi.json` names every address of the interface, and the answers are as it says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openapi_spec_validator
from starlette.routing import Route
from starlette.testclient import TestClient

from beholder.server import interface
from beholder.server.interface import openapi_document
from beholder.server.served import Served

OPENAPI = openapi_document("image")


def test_it_has_the_routes_and_no_others(served: Served) -> None:
    described = {(path, method.upper()) for path, item in OPENAPI["paths"].items() for method in item}
    routed = {
        (route.path, method)
        for route in interface.routes(served)
        if isinstance(route, Route)
        for method in (route.methods or set()) - {"HEAD"}
    }
    assert described == routed


def test_it_names_the_errors_that_the_documentation_lists() -> None:
    serving = (Path(__file__).parents[2] / "docs" / "serving.md").read_text("utf-8")
    listed = {status for row in re.findall(r"^\| (4[\d, ]+|5[\d, ]+) \|", serving, re.M) for status in row.split(", ")}
    assert listed == OPENAPI["paths"]["/predict"]["post"]["responses"].keys() - {"200"}


def test_every_reference_leads_somewhere() -> None:
    for reference in references(OPENAPI):
        found: Any = OPENAPI
        for name in reference.removeprefix("#/").split("/"):
            found = found[name]
        assert found["type"] == "object"


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        for name, value in part.items():
            if name == "$ref":
                yield value
            else:
                yield from references(value)
    elif isinstance(part, list):
        for value in part:
            yield from references(value)


def test_answers_have_what_it_requires_and_nothing_that_it_does_not_name(
    client: TestClient, images: list[bytes]
) -> None:
    assert client.get("/openapi.json").json() == OPENAPI
    document = client.post("/predict", files=[("file", ("a", images[0])), ("file", ("b", b"junk"))]).json()
    schemas = OPENAPI["components"]["schemas"]
    fits(document, schemas["Predictions"])
    answered, unreadable = document["predictions"]
    fits(answered, schemas["Answered"])
    fits(unreadable, schemas["Unreadable"])
    fits(client.post("/predict", content=b"").json(), schemas["Error"])
    assert set(schemas["Model"]["required"]) <= client.get("/model").json().keys()


def fits(document: dict[str, Any], schema: dict[str, Any]) -> None:
    assert set(schema["required"]) <= document.keys() <= schema["properties"].keys()


def test_the_words_are_openapi_s() -> None:
    openapi_spec_validator.validate(OPENAPI)
