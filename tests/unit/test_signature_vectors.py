"""docs/signature-vectors.json: right by other code than ours, true of what we send, and told apart by every example."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from standardwebhooks import Webhook

from local.emulator import ROOT
from tests.unit import languages
from tests.unit.test_examples import COMMANDS, EXAMPLES, run
from webhooks import signing

FILE = json.loads((ROOT / "docs" / "signature-vectors.json").read_text())
NOW, VECTORS = FILE["now"], FILE["vectors"]
SECRET = VECTORS[0]["secret"]
CLOCKS = {
    "python": ("receiver.py", "time.time()", f"{NOW}"),
    "node": ("receiver.mjs", "Date.now() / 1000", f"{NOW}"),
    "php": ("receiver.php", "time() -", f"{NOW} -"),
    "ruby": ("receiver.rb", "Time.now.to_i", f"{NOW}"),
    "go": ("receiver.go", "time.Now().Unix()", f"int64({NOW}) + 0*time.Now().Unix()"),
}
"""How each example asks for the time, and what stands for it while the vectors are run."""
pytestmark = pytest.mark.xdist_group("examples")


def is_accepted(vector: dict[str, Any]) -> bool:
    """By the standard library and that of Standard Webhooks."""
    headers, body = vector["headers"], vector["body"]
    timestamp = headers.get("webhook-timestamp", "")
    if not timestamp or abs(NOW - int(timestamp)) > FILE["tolerance_seconds"]:
        return False
    at = datetime.fromtimestamp(int(timestamp), UTC)
    signature = Webhook(vector["secret"]).sign(headers.get("webhook-id", ""), at, body)
    genuine = hmac.new(vector["secret"].encode(), body.encode(), hashlib.sha256).hexdigest()
    return headers.get("X-Webhook-Signature") == genuine and signature in headers.get("webhook-signature", "").split()


def test_they_are_right_and_each_has_a_name_of_its_own() -> None:
    assert {v["name"]: is_accepted(v) for v in VECTORS} == {v["name"]: v["accepted"] for v in VECTORS}
    assert len({vector["name"] for vector in VECTORS}) == len(VECTORS)
    assert len({vector["accepted"] for vector in VECTORS}) == 2


def test_what_we_send_has_the_headers_of_the_first() -> None:
    vector = VECTORS[0]
    headers = signing.headers([SECRET], vector["headers"]["webhook-id"], NOW, vector["body"].encode())
    assert headers == vector["headers"]


@pytest.mark.parametrize("language", CLOCKS)
def test_an_example_accepts_what_it_should_and_refuses_the_others(language: str, tmp_path: Path) -> None:
    assert CLOCKS.keys() == COMMANDS.keys()
    languages.need_server(language)
    file, clock, stopped = CLOCKS[language]
    source = (EXAMPLES / file).read_text()
    assert source.count(clock) == 1
    copied = tmp_path / "copied"
    copied.mkdir()
    (copied / file).write_text(source.replace(clock, stopped))
    with run(language, tmp_path, directory=copied, WEBHOOK_SECRET=SECRET) as receiver, requests.Session() as session:
        session.trust_env = False
        answers = {
            vector["name"]: session.post(
                receiver.url, data=vector["body"].encode(), headers=vector["headers"], timeout=20
            ).status_code
            for vector in VECTORS
        }
    assert answers == {vector["name"]: 200 if vector["accepted"] else 401 for vector in VECTORS}
