"""The local stack as a command: what it writes, who may reach it, and that nothing of it stays."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from urllib.parse import urlsplit

import boto3
import pytest
import requests
from botocore.exceptions import ClientError

from local import emulator, stack
from local.client import Client
from tests.deployed import Deployed


def test_the_outputs_are_what_others_build_on(deployed: Deployed) -> None:
    directory = Path(deployed.outputs.ca_file).parent.parent
    written = json.loads((directory / "outputs.json").read_text())
    assert set(written) >= {
        "api_url",
        "platform_key",
        "event_bus_name",
        "endpoint_url",
        "region",
        "ca_file",
        "ca_key_file",
    }
    for secret in ("outputs.json", "ca/ca-key.pem"):
        assert (directory / secret).stat().st_mode & 0o077 == 0
    client = Client(written["api_url"], written["platform_key"])
    assert "message.incoming" in {shown["name"] for shown in client.get("/v1/event-types")["data"]}
    client.close()


def test_only_this_machine_reaches_it(deployed: Deployed) -> None:
    """127.0.0.2 is loopback, too, but answers only to who listens on every interface."""
    port = urlsplit(deployed.outputs.endpoint_url).port
    assert port
    socket.create_connection(("127.0.0.1", port), timeout=2).close()
    with pytest.raises(OSError, match=r"refused|timed out|unreachable"):
        socket.create_connection(("127.0.0.2", port), timeout=2)


def test_the_explorer_is_reached_by_a_route_of_its_own(deployed: Deployed) -> None:
    """And everything else by the other one."""
    routes = deployed.outputs.client("apigatewayv2").get_routes(ApiId=deployed.resources["ApiId"])["Items"]
    assert {route["RouteKey"] for route in routes} == {"$default", "ANY /docs", "POST /in/{token}"}
    for path, kind in (
        ("/docs", "text/html"),
        ("/openapi.json", "application/json"),
        ("/event-types", "text/html"),
        ("/aisoule_webhooks.py", "text/x-python"),
        ("/settings/webhooks", "text/html"),
    ):
        answer = requests.get(deployed.outputs.api_url + path, timeout=30)
        assert (answer.status_code, answer.headers["Content-Type"].partition(";")[0]) == (200, kind)


def test_permissions_are_enforced(deployed: Deployed) -> None:
    """Else the other tests would say nothing about the functions' roles."""
    iam = deployed.outputs.client("iam")
    iam.create_user(UserName="nobody")
    key = iam.create_access_key(UserName="nobody")["AccessKey"]
    nobody = boto3.client(
        "sqs",
        endpoint_url=deployed.outputs.endpoint_url,
        region_name=deployed.outputs.region,
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )
    with pytest.raises(ClientError, match="not authorized"):
        nobody.send_message(QueueUrl=deployed.resources["DeliveryQueueUrl"], MessageBody="{}")


def test_an_emulator_is_found_again_and_ended_once(tmp_path: Path) -> None:
    started = emulator.start(tmp_path)
    try:
        assert emulator.start(tmp_path) == started
        assert requests.get(started.endpoint_url, timeout=5).status_code < 500
    finally:
        assert stack.down(tmp_path)
    with pytest.raises(ProcessLookupError):
        os.killpg(started.pid, 0)
    assert not stack.down(tmp_path)


def test_a_note_of_a_dead_emulator_is_passed_over(tmp_path: Path) -> None:
    """Its number may be another process's by now, which must live."""
    (tmp_path / "emulator.json").write_text(json.dumps({"pid": os.getpid(), "port": 1}))
    assert emulator.find(tmp_path) is None
    assert not emulator.stop(tmp_path)
    assert not (tmp_path / "emulator.json").exists()
