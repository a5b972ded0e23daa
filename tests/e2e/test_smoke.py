"""`make smoke`, against the stack on the emulator."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest

from local.emulator import ROOT, environment
from local.stack import STACK
from smoke.checks import _verify, roles_are_narrow
from smoke.installation import CheckFailed, client, installed
from smoke.retries import failing_and_back
from tests.deployed import Deployed
from webhooks.signing import hex_signature

pytestmark = pytest.mark.xdist_group("smoke")  # one drill at a time: each looks for what it left behind


def smoke(deployed: Deployed, *arguments: str) -> subprocess.CompletedProcess[str]:
    paths = (ROOT, ROOT / "functions", ROOT / "layers/webhooks/python")
    return subprocess.run(
        [sys.executable, "-m", "smoke", *arguments],
        env=environment(deployed.outputs.endpoint_url) | {"PYTHONPATH": os.pathsep.join(map(str, paths))},
        capture_output=True,
        text=True,
        timeout=600,
    )


def items_of_drills(deployed: Deployed) -> list[Any]:
    dynamodb = deployed.outputs.client("dynamodb")
    table = dynamodb.scan(TableName=deployed.resources["ConfigTable"], ConsistentRead=True)
    return [item for item in table["Items"] if "smoke-" in str(item)]


@pytest.mark.slow
def test_a_drill_passes_and_leaves_nothing(deployed: Deployed) -> None:
    before = items_of_drills(deployed)
    done = smoke(deployed, "--api", deployed.outputs.api_url, "--events", "5")
    print(done.stdout, done.stderr)
    assert done.returncode == 0
    assert [line.split()[0] for line in done.stdout.splitlines()] == [
        *("the", "keys", "roles", "events", "alarm", "failing"),
        *("8", "All"),
    ]
    assert "the last check takes 6 s at least: retries come 1, 2, 3 s after a failure" in done.stdout
    assert "6 events arrived and verify" in done.stdout
    assert not deployed.outputs.client("sqs").list_queues(QueueNamePrefix="smoke-").get("QueueUrls")
    assert not deployed.outputs.client("sns").list_subscriptions()["Subscriptions"]
    left = [item for item in items_of_drills(deployed) if item not in before]
    kinds = {item[key]["S"].partition("#")[0] for item in left for key in ("pk", "sk")}
    assert not {"KEY", "WEBHOOK"} & kinds
    (account_id,) = {item["pk"]["S"].partition("#")[2] for item in left if item["pk"]["S"].startswith("ACCOUNT#")}
    assert deployed.platform.get(f"/v1/accounts/{account_id}/erasure")["state"] == "running", "for six minutes"


@pytest.mark.slow
def test_a_role_that_may_too_much_fails_it(deployed: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment(deployed.outputs.endpoint_url).items():
        monkeypatch.setenv(name, value)
    iam = client("iam")
    allowed = {"Effect": "Allow", "Action": "dynamodb:Scan", "Resource": "*"}
    with installed(STACK, deployed.outputs.api_url) as to:
        role = next(role["RoleName"] for role in iam.list_roles()["Roles"] if "Release" in role["RoleName"])
        iam.put_role_policy(RoleName=role, PolicyName="too-much", PolicyDocument=json.dumps({"Statement": [allowed]}))
        try:
            with pytest.raises(CheckFailed, match=f"{role}: .*Scan"):
                roles_are_narrow(to)
        finally:
            iam.delete_role_policy(RoleName=role, PolicyName="too-much")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("schedule", "failure"),
    [("1,30,3", r"attempt 3: \S+ s after the one before, expected 30 s or more"), ("1,2,3,4", "status codes: ")],
)
def test_retries_by_another_schedule_fail_it(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch, schedule: str, failure: str
) -> None:
    for name, value in environment(deployed.outputs.endpoint_url).items():
        monkeypatch.setenv(name, value)
    with installed(STACK, deployed.outputs.api_url) as to, pytest.raises(CheckFailed, match=failure):
        failing_and_back(replace(to, outputs=to.outputs | {"RetryDelays": schedule}))


def test_an_address_where_nothing_is_says_so(deployed: Deployed) -> None:
    done = smoke(deployed, "--api", "http://127.0.0.1:1")
    assert done.returncode == 1
    assert done.stdout.startswith("The drill could not be made")


def test_a_changed_body_fails_the_drill() -> None:
    signed = hex_signature("whsec_c2VjcmV0", b"{}")
    with pytest.raises(CheckFailed, match="X-Webhook-Signature"):
        _verify({"body": "{ }", "headers": {"x-webhook-signature": signed}}, "whsec_c2VjcmV0")
