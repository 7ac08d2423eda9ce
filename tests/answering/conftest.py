"""What tests of bulk answers share: an object store on this machine, and an image that ends who opens it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

_HOOK = """
import os, signal, sys
def hook(event, arguments):
    if event == "open" and str(arguments[0]).endswith("deadly.png"):
        os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(hook)
"""


@pytest.fixture(scope="session")
def store() -> Iterator[tuple[Any, str]]:
    """A client of an S3-compatible server on this machine, with a bucket `pics`, and an address's options for it."""
    server_room = pytest.importorskip("moto.server", reason="moto is not installed")
    boto3 = pytest.importorskip("boto3", reason="boto3 is not installed")
    server = server_room.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    keys = {"aws_access_key_id": "me", "aws_secret_access_key": "secret", "region_name": "us-east-1"}
    client = boto3.client("s3", endpoint_url=f"http://{host}:{port}", **keys)
    client.create_bucket(Bucket="pics")
    yield client, f"?scheme=http&endpoint_override={host}:{port}&region=us-east-1"
    server.stop()


@pytest.fixture
def deadly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """How the name of a file ends that ends every new process that opens it, as a crashing decoder would."""
    (tmp_path / "sitecustomize.py").write_text(_HOOK)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    return "deadly.png"
