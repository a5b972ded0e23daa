"""Clients in two languages, made of the served specification by generators that many people use, against the stack."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests

from local.client import Client
from local.receiver import Receiver
from tests.deployed import Deployed
from webhooks.signing import hex_signature

CLIENTS = Path(__file__).with_name("clients")
TOOLS = CLIENTS / "node_modules" / ".bin"


def run(*command: str | Path, directory: Path, **environment: str) -> str:
    done = subprocess.run(
        command, cwd=directory, env=os.environ | environment, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def specification(deployed: Deployed, tmp_path: Path) -> Path:
    served = tmp_path / "openapi.json"
    served.write_bytes(requests.get(f"{deployed.outputs.api_url}/openapi.json", timeout=60).content)
    return served


def python(specification: Path, **environment: str) -> str:
    """A warning of the generator fails: it leaves out what it does not understand."""
    directory = specification.parent
    config = ["--config", str(CLIENTS / "generator.yml"), "--meta", "none", "--fail-on-warning"]
    generate = ["generate", "--path", str(specification), "--output-path", str(directory / "aisoule"), *config]
    run(sys.executable, "-m", "openapi_python_client", *generate, directory=directory)
    return run(sys.executable, CLIENTS / "round_trip.py", directory=directory, PYTHONPATH=str(directory), **environment)


def typescript(specification: Path, **environment: str) -> str:
    directory = specification.parent
    for file in ("round_trip.ts", "tsconfig.json", "package.json"):
        shutil.copy(CLIENTS / file, directory)
    (directory / "node_modules").symlink_to(CLIENTS / "node_modules")
    run(TOOLS / "openapi-typescript", specification, "-o", "api.d.ts", directory=directory)
    run(TOOLS / "tsc", directory=directory)
    return run("node", "compiled/round_trip.js", directory=directory, **environment)


@pytest.mark.parametrize("generated", [python, pytest.param(typescript, marks=pytest.mark.slow)])
def test_a_webhooks_life_by_a_generated_client(
    specification: Path, deployed: Deployed, account: tuple[str, Client], receiver: Receiver, generated: Any
) -> None:
    account_id, client = account
    shown = generated(
        specification,
        API_URL=deployed.outputs.api_url,
        ACCOUNT_ID=account_id,
        ACCOUNT_KEY=str(client._session.headers["Authorization"]).removeprefix("Bearer "),
        PLATFORM_KEY=deployed.outputs.platform_key,
        ENDPOINT=receiver.url("/generated"),
    )
    seen = json.loads(shown)
    (posted,) = receiver.received("/generated")
    assert posted.headers["x-webhook-signature"] == hex_signature(seen.pop("secret"), posted.body)
    name = generated.__name__
    data = {"message_id": f"wamid.{name}", "whatsapp_account_id": "uuid", "text": "naïve", "extra": [1.5, None]}
    assert json.loads(posted.body)["data"] == data
    assert seen == {"data": data, "statuses": ["delivered"], "refused": ["name", "url"], "deleted": 204}
