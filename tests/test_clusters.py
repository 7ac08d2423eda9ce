"""A person relies on: the recipes of docs/clusters.md are valid scripts, and beholder has the options in them."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from beholder.cli.train import train

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "clusters.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(sh|yaml|python)\n(.*?)```", PAGE, re.DOTALL)


def blocks(kind: str) -> list[str]:
    return [text for language, text in BLOCKS if language == kind]


@pytest.mark.parametrize("script", blocks("sh"))
def test_shell_is_valid(script: str) -> None:
    done = subprocess.run(["sh", "-n"], input=script, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_job_is_valid_and_its_service_finds_process_0() -> None:
    yaml: Any = pytest.importorskip("yaml")
    [text] = blocks("yaml")
    service, job = yaml.safe_load_all(text)
    pod = job["spec"]["template"]["spec"]
    [container] = pod["containers"]
    command = container["command"][-1]
    assert (service["kind"], job["kind"], job["spec"]["completionMode"]) == ("Service", "Job", "Indexed")
    assert job["spec"]["completions"] == job["spec"]["parallelism"] == int(command.split("--processes ")[1].split()[0])
    assert service["spec"]["clusterIP"] == "None"
    assert service["spec"]["selector"] == {"job-name": job["metadata"]["name"]}
    assert f"{job['metadata']['name']}-0.{pod['subdomain']}:" in command
    assert {mount["name"] for mount in container["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}
    test_shell_is_valid(command)


def test_the_script_for_ray_is_valid() -> None:
    [text] = blocks("python")
    ast.parse(text)


def test_beholder_has_the_options() -> None:
    known = {name for option in train.params for name in option.opts}
    commands = re.findall(r"beholder train(?:[^\n]*\\\n)*[^\n]*", PAGE)
    options = {option for command in commands for option in re.findall(r"--[a-z]+", command)}
    options |= set(re.findall(r'"(--[a-z]+)"', PAGE))
    assert {"--resume", "--processes", "--process", "--coordinator", "--out", "--progress"} <= options <= known
