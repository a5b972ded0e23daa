"""CPU of deliver's handler, warm, against the least that the same work can cost: bare POSTs and bare updates."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from statistics import median
from typing import Any

import boto3
import requests

from bench import cloud
from bench.batches import ACCOUNT, BODY, handled, messages, received, sqs_event
from bench.measure import counted, interleaved, medians, write
from deliver import sender
from local import ca
from local.receiver import Answer, receiving
from webhooks.clients import client
from webhooks.models import Webhook, new_id
from webhooks.tables import delivery_log
from webhooks.times import now


@dataclass
class Floor:
    """A bare Session and a bare client; one POST and one conditional UpdateItem a delivery."""

    url: str

    def __post_init__(self) -> None:
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = os.environ["LOCAL_CA_FILE"]
        self._dynamodb = boto3.client("dynamodb")

    def prepare(self, count: int) -> Callable[[], object]:
        keys = [{"pk": {"S": f"WEBHOOK#{new_id('wh')}"}, "sk": {"S": new_id("evt")}} for _ in range(count)]

        def run() -> None:
            for key in keys:
                self._one(key)

        return run

    def _one(self, key: Any) -> None:
        assert self._session.post(self.url, data=BODY.encode(), timeout=5).status_code == 200
        self._dynamodb.update_item(
            TableName=cloud.LOG,
            Key=key,
            UpdateExpression="SET #status = :delivered",
            ConditionExpression="attribute_not_exists(pk)",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues={":delivered": {"S": "delivered"}},
        )


def cpu(url: str, runs: int) -> dict[str, Any]:
    good = [cloud.webhook(f"{url}/{i}", ACCOUNT) for i in range(10)]
    bad = [cloud.webhook(f"{url}/broken/{i}", ACCOUNT) for i in range(10)]
    one = [cloud.webhook(f"{url}/one", ACCOUNT)]  # its connections are kept: those of the good ones are closed by turns
    cloud.put_webhooks(good + bad + one)
    floor = Floor(f"{url}/floor")
    found = interleaved(
        {
            "floor": lambda: floor.prepare(10),
            "batch of 10": lambda: handled(sqs_event(messages(good))),
            "10 new connections": lambda: _unconnected(good),
            "floor of 1": lambda: floor.prepare(1),
            "batch of 1": lambda: handled(sqs_event(messages(good[:1]))),
            "10 for one webhook": lambda: handled(sqs_event([m for _ in range(10) for m in messages(one)])),
            "2 of 10 fail": lambda: handled(received(messages(good[:8] + bad[:2]))),
            "10 of 10 fail": lambda: handled(received(messages(bad))),
        },
        runs=runs,
    )
    per = {name: 1 if name.endswith("of 1") else 10 for name in found}
    ratios = [batch / floor for batch, floor in zip(found["batch of 10"], found["floor"], strict=True)]
    with counted(client("dynamodb"), client("sqs"), client("events")) as calls:
        handled(sqs_event(messages(good)))()
    with counted(client("dynamodb"), client("sqs"), client("events")) as failing:
        handled(received(messages(bad)))()
    return {
        "cpu_ms": medians(found, per),
        "ratio": median(ratios),
        "calls": dict(calls),
        "peak_mb": getrusage(RUSAGE_SELF).ru_maxrss / 1024,
        "calls_failing": dict(failing),
    }


def _unconnected(webhooks: list[Webhook]) -> Callable[[], object]:
    for webhook in webhooks:
        sender.adapters.of(webhook).close()
    return handled(sqs_event(messages(webhooks)))


def hanging(url: str) -> dict[str, float]:
    """Wall seconds of a batch in which one endpoint never answers, and of the slowest of the nine others."""
    context = ca.server_context(
        Path(os.environ["LOCAL_CA_FILE"]), Path(os.environ["LOCAL_CA_FILE"]).with_name("ca-key.pem")
    )
    with receiving(context) as receiver:
        receiver.answer("/hangs", Answer(seconds=20))
        webhooks = [
            cloud.webhook(receiver.url("/hangs"), ACCOUNT),
            *(cloud.webhook(f"{url}/{i}", ACCOUNT) for i in range(9)),
        ]
        cloud.put_webhooks(webhooks)
        batch = messages(webhooks)
        event = received(batch)
        at, started = now(), time.monotonic()
        handled(event)()
        took = time.monotonic() - started
    ended = []
    for message in batch[1:]:
        delivery = delivery_log().delivery(*(message.webhook_id, message.accepted_at, message.event_id))
        assert delivery is not None
        ended.append((delivery.attempts[-1].ended() - at).total_seconds())
    return {"batch_s": took, "others_s": max(ended)}


if __name__ == "__main__":
    output, url, runs = sys.argv[1], sys.argv[2], int(sys.argv[3])
    write(output, cpu(url, runs) | {"hanging": hanging(url)})
