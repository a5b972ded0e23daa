"""A stack that is replaced by other versions of itself, and the webhooks of an account of it."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from local import stack
from local.client import Client, account_client
from local.receiver import Answer, Receiver
from local.stack import Outputs
from tests.deployed import Deployed
from tests.e2e.test_logs import following
from webhooks.event_types import EVENT_TYPES
from webhooks.times import parse_time

EVENT = EVENT_TYPES["message.incoming"]
VISIBILITY = "30"
"""A batch whose function is replaced in its middle comes back after this, not after three minutes."""

SETTLED_SECONDS = 300


class Installation:
    """
    With three webhooks: `up` answers 200, `down` 500, `slow` 500 after more than a second. Later with two more: `paced`
    answers 200, too, and what comes to it waits on the delivery queue for its moment; `catches-up` answers 500 until it is
    mended.
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
        receiver.answer("/catches-up", Answer(500))
        self.webhooks: dict[str, str] = {}
        for name in ("up", "down", "slow"):
            self._create(name, f"/{name}")

    def _create(self, name: str, path: str, **values: Any) -> None:
        body = {"name": name, "url": self._receiver.url(path), "events": [EVENT.name], **values}
        self.webhooks[name] = self._client.post("/v1/webhooks", body, 201)["id"]

    def create_what_the_first_version_did_not_know(self) -> None:
        self._create("paced", "/paced", max_per_second=1)
        self._create("catches-up", "/catches-up", catch_up=True)

    def catch_up(self) -> str:
        return str(self._client.get(f"/v1/webhooks/{self.webhooks['catches-up']}/catch-up")["state"])

    def mend(self, name: str) -> None:
        self._receiver.answer(f"/{name}", Answer(200))

    def posts(self, name: str, event_id: str) -> list[float]:
        """When they arrived."""
        return [post.at for post in self._receiver.received(f"/{name}") if post.headers["webhook-id"] == event_id]

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


def began(attempt: Any) -> float:
    return parse_time(attempt["at"]).timestamp()


def ended(attempt: Any) -> float:
    return (parse_time(attempt["at"]) + timedelta(milliseconds=attempt["duration_ms"])).timestamp()
