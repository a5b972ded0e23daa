"""Other versions deployed over one another while messages are in flight: nothing is lost, nothing is early."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from local import ca, stack
from local.client import Client, account_client
from local.emulator import ROOT
from local.receiver import Answer, Receiver, receiving
from local.stack import Outputs
from tests import sharing
from tests.deployed import Deployed
from tests.e2e import versions
from tests.e2e.test_logs import following
from webhooks.event_types import EVENT_TYPES
from webhooks.times import parse_time

EVENT = EVENT_TYPES["message.incoming"]
DELAYS = (10, 20, 60)
VISIBILITY = "30"
"""A batch whose function is replaced in its middle comes back after this, not after three minutes."""

SETTLED_SECONDS = 300
_AT_ONCE = 3
"""Events that are under way at each replacement."""


class Installation:
    """
    With three webhooks: `up` answers 200, `down` 500, `slow` 500 after more than a second. Later with two more: `paced`
    answers 200, too, and what comes to it waits on the delivery queue for its moment; `catches up` answers 500.
    """

    def __init__(self, directory: Path, receiver: Receiver) -> None:
        outputs = Outputs(**json.loads((directory / "outputs.json").read_text()))
        platform = Client(outputs.api_url, outputs.platform_key)
        self._directory = directory
        self._deployed = Deployed(outputs, stack.resources(directory), platform)
        self._client = account_client(outputs, "acme")
        self._receiver = receiver
        receiver.answer("/down", Answer(500))
        receiver.answer("/slow", Answer(500, seconds=1.2))
        self.webhooks: dict[str, str] = {}
        for name in ("up", "down", "slow"):
            self._create(name, f"/{name}")

    def _create(self, name: str, path: str, **values: Any) -> None:
        body = {"name": name, "url": self._receiver.url(path), "events": [EVENT.name], **values}
        self.webhooks[name] = self._client.post("/v1/webhooks", body, 201)["id"]

    def create_what_the_first_version_did_not_know(self) -> None:
        self._create("paced", "/paced", max_per_second=1)
        self._create("catches up", "/down", catch_up=True)

    def catch_up(self) -> str:
        return str(self._client.get(f"/v1/webhooks/{self.webhooks['catches up']}/catch-up")["state"])

    def publish(self) -> str:
        return self._deployed.platform.publish("acme", EVENT.name, dict(EVENT.example))

    def publish_and_fail(self) -> str:
        """An event whose first retries wait."""
        event_id = self.publish()
        for name in ("up", "down", "slow"):
            self.await_delivery(name, event_id, lambda delivery: len(delivery["attempts"]) > 0, seconds=SETTLED_SECONDS)
        for name in ("down", "slow"):
            self.await_delivery(name, event_id, lambda delivery: delivery["status"] == "retrying", seconds=0)
        return event_id

    def publish_and_hold(self) -> str:
        """An event whose first attempts wait on the delivery queue, until they are released."""
        self._consume("DeliveryQueueUrl", False)
        event_id = self.publish()
        deadline = time.monotonic() + SETTLED_SECONDS  # what fails on a busy machine is fanned out again a minute later
        while not following(self._deployed, event_id)[1:]:  # the API's log, and fanout's
            assert time.monotonic() < deadline, "fanout never sent the event"
            time.sleep(0.2)
        return event_id

    def hold_dead_letters(self) -> None:
        """Of deliveries whose attempts have all failed, until they are released. One is there."""
        self._consume("DeadLetterQueueUrl", False)
        sqs, url = self._deployed.outputs.client("sqs"), stack.resources(self._directory)["DeadLetterQueueUrl"]
        names: list[Any] = ["ApproximateNumberOfMessages"]
        deadline = time.monotonic() + SETTLED_SECONDS
        while sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"][names[0]] == "0":
            assert time.monotonic() < deadline, "no dead letter came"
            time.sleep(0.5)

    def release(self) -> None:
        self._consume("DeliveryQueueUrl", True)
        self._consume("DeadLetterQueueUrl", True)

    def shorten_visibility(self) -> None:
        sqs, outputs = self._deployed.outputs.client("sqs"), stack.resources(self._directory)
        for queue in ("DeliveryQueueUrl", "RetryQueueUrl"):
            if queue in outputs:
                sqs.set_queue_attributes(QueueUrl=outputs[queue], Attributes={"VisibilityTimeout": VISIBILITY})

    def await_delivery(self, name: str, event_id: str, until: Any, *, seconds: float) -> Any:
        return self._client.await_delivery(self.webhooks[name], event_id, until, seconds=seconds)

    def status(self, name: str) -> str:
        return str(self._client.get(f"/v1/webhooks/{self.webhooks[name]}")["status"])

    def deployed_code(self) -> set[str]:
        """The hashes of the functions' code, and the versions of the layers: two commits may differ in a layer alone."""
        functions = self._deployed.outputs.client("lambda").list_functions()["Functions"]
        layers = {layer["Arn"] for function in functions for layer in function["Layers"]}
        return {function["CodeSha256"] for function in functions} | layers

    def close(self) -> None:
        self._deployed.platform.close()
        self._client.close()

    def _consume(self, queue: str, enabled: bool) -> None:
        client = self._deployed.outputs.client("lambda")
        name = stack.resources(self._directory)[queue].rpartition("/")[2]
        mappings = client.list_event_source_mappings()["EventSourceMappings"]
        (uuid,) = [mapping["UUID"] for mapping in mappings if mapping["EventSourceArn"].endswith(f":{name}")]
        client.update_event_source_mapping(UUID=uuid, Enabled=enabled)


@pytest.fixture
def directory() -> Iterator[Path]:
    if not versions.is_known(versions.ONE_QUEUE):
        assert "GITHUB_ACTIONS" not in os.environ, "ci.yml fetches the history for this test"
        pytest.skip(f"a shallow clone has no {versions.ONE_QUEUE} to deploy: `git fetch --unshallow` brings it")
    directory = Path(tempfile.mkdtemp(dir=sharing.directory()))
    yield directory
    stack.down(directory)
    shutil.rmtree(directory)


@pytest.mark.slow(minutes=6)
def test_nothing_is_lost_or_early_on_the_way_here_back_and_here_again(directory: Path, tmp_path: Path) -> None:
    """From a single queue to this version, back to the one before this, and here again."""
    one_queue = versions.check_out(versions.ONE_QUEUE, tmp_path / "one-queue")
    version_before = versions.the_one_before()
    assert version_before
    before = versions.check_out(version_before, tmp_path / "before")
    versions.deploy(one_queue, directory, DELAYS)
    with ExitStack() as ending:
        context = ca.server_context(directory / "ca" / "ca.pem", directory / "ca" / "ca-key.pem")
        receiver = ending.enter_context(receiving(context))
        installation = Installation(directory, receiver)
        ending.callback(installation.close)
        in_flight: list[str] = []
        for by in (ROOT, before, ROOT):
            indexes = _indexes(directory)
            if in_flight:
                installation.hold_dead_letters()
            in_flight += _replace(installation, directory, by)
            if "paced" not in installation.webhooks:
                installation.create_what_the_first_version_did_not_know()
            assert len(indexes ^ _indexes(directory)) <= 1, "CloudFormation makes or deletes one index in an update"
        for number, event_id in enumerate(in_flight):
            _check(installation, event_id, paced=number >= _AT_ONCE)
        assert [installation.status(name) for name in ("up", "down", "slow")] == ["active", "failing", "failing"]
        assert installation.status("paced") == "active"
        assert installation.catch_up() == "waiting"


def _replace(installation: Installation, directory: Path, by: Path) -> list[str]:
    """Puts another version in the place of the deployed one. The events whose deliveries were under way meanwhile."""
    installation.shorten_visibility()
    failed_once = [installation.publish_and_fail() for _ in range(_AT_ONCE - 1)]
    held = installation.publish_and_hold()
    code, began = installation.deployed_code(), time.monotonic()
    versions.deploy(by, directory, DELAYS)
    print(f"replaced in {time.monotonic() - began:.0f} s")
    assert installation.deployed_code() != code
    installation.shorten_visibility()
    installation.release()
    return [*failed_once, held]


def _indexes(directory: Path) -> set[str]:
    """Of the tables that were deployed last."""
    template = json.loads((directory / "cdk.out" / f"{stack.STACK}.template.json").read_text())
    properties = [resource.get("Properties", {}) for resource in template["Resources"].values()]
    return {index["IndexName"] for table in properties for index in table.get("GlobalSecondaryIndexes", [])}


def _check(installation: Installation, event_id: str, *, paced: bool) -> None:
    """Delivered to whoever answers 200; failed after four attempts, each at its time, for the others."""
    expected = [("up", "delivered", 1), ("down", "failed", 4), ("slow", "failed", 4)]
    for name, status, attempts in [*expected, *([("paced", "delivered", 1)] if paced else [])]:
        done = installation.await_delivery(
            name, event_id, lambda delivery, status=status: delivery["status"] == status, seconds=SETTLED_SECONDS
        )
        assert [attempt["number"] for attempt in done["attempts"]] == list(range(1, attempts + 1))
        for delay, (earlier, later) in zip(DELAYS, pairwise(done["attempts"]), strict=False):
            ended = parse_time(earlier["at"]) + timedelta(milliseconds=earlier["duration_ms"])
            assert parse_time(later["at"]) >= ended + timedelta(seconds=delay), "early"
