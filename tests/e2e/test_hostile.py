"""Endpoints that keep an attempt busy, on the deployed stack: they cost their own attempts, and nobody else's."""

from __future__ import annotations

import json
import re
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trustme

from local.client import Client
from local.receiver import Receiver
from tests.deployed import CONCURRENT, Deployed
from tests.e2e.test_delivery import EVENT, Account, await_empty, create, is_final
from tests.integration.hostile import (
    OK,
    Script,
    answer_twice,
    contexts,
    head_flood,
    hello_request_flood,
    serving,
    ticket_flood,
)
from tests.integration.pace import pace
from webhooks.telemetry import ATTEMPTED

NEIGHBOURS = 9


@pytest.fixture
def certificates(deployed: Deployed) -> dict[str, ssl.SSLContext]:
    files = deployed.outputs.ca_file, deployed.outputs.ca_key_file
    return contexts(trustme.CA.from_pem(*(Path(file).read_bytes() for file in files)))


@dataclass(frozen=True)
class Invocation:
    """What deliver did with one batch, by its log; `milliseconds` include the start of its process."""

    lines: list[dict[str, Any]]
    milliseconds: float

    def attempted(self) -> list[str]:
        """The webhooks."""
        attempts = [line for line in self.lines if line["message"] == ATTEMPTED and "webhook_id" in line]
        return [line["webhook_id"] for line in attempts]

    def metrics(self) -> dict[str, Any]:
        return next(line for line in self.lines if "_aws" in line)


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.parametrize(
    ("flood", "code", "at_least_ms"),
    [(hello_request_flood, "connect_timeout", 4900), (ticket_flood, "timeout", 4900), (head_flood, "protocol", 0)],
    ids=["HelloRequests", "session tickets", "headers"],
)
def test_a_flood_ends_in_time_and_its_batch_with_it(
    deployed: Deployed,
    new_account: Callable[[], Account],
    receiver: Receiver,
    certificates: dict[str, ssl.SSLContext],
    flood: Script,
    code: str,
    at_least_ms: int,
) -> None:
    """One event, ten webhooks, one batch: nine are delivered, and the tenth is a failed attempt."""
    account_id, client = new_account()
    with serving(flood, certificates["tickets"]) as (port, accepted):
        neighbours = [create(client, receiver.url(f"/{number}"))["id"] for number in range(NEIGHBOURS)]
        start_a_process(deployed, account_id, client, neighbours[0])
        flooding = create(client, f"https://localhost:{port}/")["id"]
        with pace() as measured:
            with queued_together(deployed, NEIGHBOURS + 1):
                event_id = deployed.platform.publish(account_id, EVENT.name, dict(EVENT.example))
            flooded = client.await_delivery(flooding, event_id, lambda d: d["attempts"], seconds=30)
        stop(client, flooding)
        await_empty(deployed, "DeliveryQueueUrl")
    batch = await_invocation(deployed, event_id, flooding)
    first = flooded["attempts"][0]
    print(f"{flood.__name__}: the attempt {first['duration_ms']} ms, the batch {batch.milliseconds:.0f} ms")
    assert accepted
    assert (first["error_code"], first["status_code"]) == (code, None)
    assert at_least_ms <= first["duration_ms"] <= 1000 * measured.bound(5.2)
    assert sorted(batch.attempted()) == sorted([*neighbours, flooding])
    metrics = batch.metrics()
    assert (metrics["DeliveryLaneAttempts"], metrics["Delivered"]) == (NEIGHBOURS + 1, NEIGHBOURS)
    assert batch.milliseconds <= 1000 * measured.bound(5.7)
    for neighbour in neighbours:
        delivered = client.await_delivery(neighbour, event_id, is_final, seconds=30)
        assert [a["status_code"] for a in delivered["attempts"]] == [200], delivered


@pytest.mark.alone
def test_a_leftover_response_answers_no_other_delivery(
    deployed: Deployed, account: Account, certificates: dict[str, ssl.SSLContext]
) -> None:
    """
    More deliveries, one after the other, than deliver has processes: one of them gets a second one at least. The answers are
    longer than a reader buffers, so that what follows is left in the TLS socket.
    """
    account_id, client = account
    twice = answer_twice(OK, b"Content-Length: 20000\r\n\r\n", b"own".ljust(20_000))
    with serving(twice, certificates["good"]) as (port, accepted):
        webhook = create(client, f"https://localhost:{port}/")["id"]
        answers = []
        for _ in range(CONCURRENT + 1):
            event_id = deployed.platform.publish(account_id, EVENT.name, dict(EVENT.example))
            (made,) = client.await_delivery(webhook, event_id, lambda d: d["attempts"], seconds=30)["attempts"]
            answers.append((made["status_code"], made["response_body"].rstrip()))
    assert answers == [(200, "own")] * (CONCURRENT + 1)
    assert len(accepted) == CONCURRENT + 1


def start_a_process(deployed: Deployed, account_id: str, client: Client, webhook_id: str) -> None:
    """So that the batch does not have to wait for one of deliver's."""
    event_id = deployed.platform.publish(account_id, EVENT.name, dict(EVENT.example))
    client.await_delivery(webhook_id, event_id, is_final, seconds=30)
    await_empty(deployed, "DeliveryQueueUrl")


@contextmanager
def queued_together(deployed: Deployed, messages: int) -> Iterator[None]:
    """So many first attempts as wait on their queue before deliver may take any: up to ten are one batch."""
    queue, functions, sqs = deployed.resources["DeliveryQueueUrl"], *map(deployed.outputs.client, ("lambda", "sqs"))
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    (mapping,) = functions.list_event_source_mappings(EventSourceArn=arn)["EventSourceMappings"]
    functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    try:
        yield
        name, deadline = "ApproximateNumberOfMessages", time.monotonic() + 30
        while int(sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=[name])["Attributes"][name]) < messages:
            assert time.monotonic() < deadline, f"{messages} messages were not queued"
            time.sleep(0.1)
    finally:
        functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)


def await_invocation(deployed: Deployed, event_id: str, webhook_id: str) -> Invocation:
    """The one that made the delivery's first attempt. The emulator logs each to a stream of its own, at its end."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        for invocation in invocations(deployed):
            for line in invocation.lines:
                if (line.get("event_id"), line.get("webhook_id"), line.get("number")) == (event_id, webhook_id, None):
                    return invocation
        time.sleep(0.2)
    raise TimeoutError(f"no attempt of {event_id} to {webhook_id} was logged")


def invocations(deployed: Deployed) -> Iterator[Invocation]:
    logs = deployed.outputs.client("logs")
    (group,) = (g for g in logs.describe_log_groups()["logGroups"] if "DeliveryDeliver" in g["logGroupName"])
    streams: dict[str, list[str]] = {}
    for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"], startTime=0):
        for event in page["events"]:
            streams.setdefault(event["logStreamName"], []).append(event["message"])
    for messages in streams.values():
        report = re.search(r"^REPORT .*\tDuration: ([\d.]+) ms", "\n".join(messages), re.MULTILINE)
        assert report
        lines = [{"message": ATTEMPTED} | json.loads(each) for each in messages if each.startswith("{")]
        yield Invocation(lines, float(report[1]))


def stop(client: Client, webhook_id: str) -> None:
    """So that no retry goes on when the test has ended."""
    client.patch(f"/v1/webhooks/{webhook_id}", {"enabled": False})
