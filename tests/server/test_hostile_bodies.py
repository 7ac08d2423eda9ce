"""A person relies on: whatever is sent to the addresses of the page, its sender hears what is wrong, and no more."""

from __future__ import annotations

import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from beholder.server.served import Served

SHARED = [HealthCheck.function_scoped_fixture]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
DECISIONS = st.fixed_dictionaries(
    {}, optional={"path": VALUES, "action": VALUES | st.sampled_from(["keep", "relabel"]), "label": VALUES}
)
BODIES = DECISIONS.map(lambda body: json.dumps(body).encode()) | VALUES.map(lambda body: json.dumps(body).encode())


@settings(max_examples=100, suppress_health_check=SHARED)
@given(body=BODIES | st.binary(max_size=30) | st.just(b"[" * 100_000))
def test_no_decision_is_a_fault_of_ours(client: TestClient, served: Served, body: bytes) -> None:
    answer = client.post("/page/corrections", content=body)
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.json()["error"].endswith((".", "?"))
    assert not (served.folder / "corrections.csv").exists()


QUERIES = st.dictionaries(st.sampled_from(["set", "start", "count", "path", "top", "layer"]), st.text(max_size=12))


@settings(max_examples=60, suppress_health_check=SHARED)
@given(query=QUERIES, address=st.sampled_from(["/page/corrections", "/page/judge", "/page/inside", "/predict"]))
def test_no_question_is_a_fault_of_ours(client: TestClient, query: dict[str, str], address: str) -> None:
    answer = client.get(address, params=query)
    assert answer.status_code < 500, answer.text
