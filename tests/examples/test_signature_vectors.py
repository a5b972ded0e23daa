"""docs/signature-vectors.json: right by other code than ours, and as we send; every example answers by what it checks."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import requests
import standardwebhooks.webhooks
from standardwebhooks import Webhook, WebhookVerificationError

from local.emulator import ROOT
from tests.examples import languages, stopped_clock
from tests.examples.test_frameworks import COMMANDS as FRAMEWORKS
from tests.examples.test_frameworks import kept_in
from tests.examples.test_receivers import COMMANDS, EXAMPLES, Running, run, serve
from webhooks import signing

FILE = json.loads((ROOT / "docs" / "signature-vectors.json").read_text())
NOW, VECTORS = FILE["now"], FILE["vectors"]
SECRET = VECTORS[0]["secret"]
NEW = "whsec_" + base64.b64encode(bytes(range(32))).decode()
CLOCKS = {
    "python": ("receiver.py", "time.time()", f"{NOW}"),
    "node": ("receiver.mjs", "Date.now() / 1000", f"{NOW}"),
    "php": ("receiver.php", "time() -", f"{NOW} -"),
    "ruby": ("receiver.rb", "Time.now.to_i", f"{NOW}"),
    "go": ("receiver.go", "time.Now().Unix()", f"int64({NOW}) + 0*time.Now().Unix()"),
}
"""How each example asks for the time, and what stands for it while the vectors are run."""
pytestmark = pytest.mark.xdist_group("examples")


def verdict(vector: dict[str, Any]) -> dict[str, bool]:
    """By the standard library, and by that of Standard Webhooks, whose clock has to be at `now`."""
    headers, body = vector["headers"], vector["body"]
    genuine = hmac.new(vector["secret"].encode(), body.encode(), hashlib.sha256).hexdigest()
    try:
        Webhook(vector["secret"]).verify(body, headers)
    except WebhookVerificationError:
        verified = False
    else:
        verified = True
    return {"X-Webhook-Signature": headers.get("X-Webhook-Signature") == genuine, "webhook-signature": verified}


def answers_of(receiver: Running) -> dict[str, int]:
    with requests.Session() as session:
        session.trust_env = False
        return {
            vector["name"]: session.post(
                receiver.url, data=vector["body"].encode(), headers=vector["headers"], timeout=20
            ).status_code
            for vector in VECTORS
        }


def expected(*checked: str) -> dict[str, int]:
    """The answers of a receiver that checks these headers."""
    return {v["name"]: 200 if all(v["accept"][header] for header in checked) else 401 for v in VECTORS}


def test_they_are_right_and_each_has_a_name_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standardwebhooks.webhooks, "datetime", stopped_clock.clock_at(NOW))
    assert {v["name"]: v["accept"] for v in VECTORS} == {v["name"]: verdict(v) for v in VECTORS}
    assert len({vector["name"] for vector in VECTORS}) == len(VECTORS)
    assert {tuple(vector["accept"].values()) for vector in VECTORS} == set(product([True, False], repeat=2))


@pytest.mark.parametrize(
    ("id_", "secrets"), [(VECTORS[0]["headers"]["webhook-id"], [SECRET]), ("evt_late", [NEW, SECRET])]
)
def test_what_we_send_has_the_headers_of_the_vector(id_: str, secrets: list[str]) -> None:
    vector = next(vector for vector in VECTORS if vector["headers"]["webhook-id"] == id_)
    headers = signing.headers(secrets, id_, NOW, vector["body"].encode())
    assert headers == {name: value for name, value in vector["headers"].items() if name != "Content-Type"}


@pytest.mark.parametrize("language", CLOCKS)
def test_a_plain_receiver_answers_by_both_headers(language: str, tmp_path: Path) -> None:
    assert CLOCKS.keys() == COMMANDS.keys()
    languages.need_server(language)
    file, clock, stopped = CLOCKS[language]
    source = (EXAMPLES / file).read_text()
    assert source.count(clock) == 1
    copied = tmp_path / "copied"
    copied.mkdir()
    (copied / file).write_text(source.replace(clock, stopped))
    with run(language, tmp_path, directory=copied, WEBHOOK_SECRET=SECRET) as receiver:
        assert answers_of(receiver) == expected("X-Webhook-Signature", "webhook-signature")


@pytest.mark.slow
@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_one_with_a_framework_answers_by_webhook_signature(framework: str, tmp_path: Path) -> None:
    clock = stopped_clock.environment(tmp_path, NOW)
    with serve(
        FRAMEWORKS[framework], tmp_path, environment=kept_in(tmp_path) | clock | {"WEBHOOK_SECRET": SECRET}
    ) as receiver:
        assert answers_of(receiver) == expected("webhook-signature")
