"""The canary on the deployed stack: its event goes through the bus, both functions and the API into its inbox."""

from __future__ import annotations

import base64
import json
from contextlib import closing
from typing import Any

from local.client import account_client
from tests.deployed import Deployed

ACCOUNT_ID = "aisoule-canary"


def test_the_canarys_event_arrives_at_its_own_inbox(deployed: Deployed) -> None:
    """Its schedule may run it meanwhile, too."""
    before = [run(deployed), run(deployed)]
    assert [line["CanaryMissed"] for line in before] == [0, 0]
    with closing(account_client(deployed.outputs, ACCOUNT_ID)) as client:
        (webhook,) = client.get("/v1/webhooks")["data"]
        assert (webhook["name"], webhook["status"], webhook["test_address"]) == ("Canary", "active", True)
        received = client.get(f"/v1/webhooks/{webhook['id']}/requests")["data"]
    assert len(received) >= 2


def run(deployed: Deployed) -> dict[str, Any]:
    """The line with the metrics that the function writes at its end."""
    lambda_: Any = deployed.outputs.client("lambda")
    (name,) = [f["FunctionName"] for f in lambda_.list_functions()["Functions"] if f["Handler"].startswith("canary.")]
    for _ in range(10):
        answer = lambda_.invoke(FunctionName=name, LogType="Tail")
        payload = answer["Payload"].read()
        assert "FunctionError" not in answer, payload
        # On a busy machine, the emulator may answer before it has read what the function wrote.
        if "LogResult" in answer:
            break
    lines = base64.b64decode(answer["LogResult"]).decode().splitlines()
    (metrics,) = [json.loads(line) for line in lines if "CloudWatchMetrics" in line]
    assert isinstance(metrics, dict)
    return metrics
