"""Tables, queues and bus on the emulator, as the stack makes them, and the environment that the handlers read."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import boto3

from local import ca, emulator
from webhooks.items import webhook_item
from webhooks.models import Webhook, new_id
from webhooks.signing import new_secret
from webhooks.times import now, rfc3339

CONFIG, LOG, BUS = "bench-config", "bench-log", "bench-bus"
NOT_FROM_THE_SHELL = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "AWS_CA_BUNDLE", "SSL_CERT_FILE")


@contextmanager
def running(directory: Path) -> Iterator[dict[str, str]]:
    """The environment of a measured process: an emulator of its own, a certificate authority, the functions' settings."""
    certificate, _ = ca.create(directory / "ca")
    started = emulator.start(directory)
    try:
        environment = emulator.environment(started.endpoint_url)
        for name in NOT_FROM_THE_SHELL:
            environment.pop(name, None)
        yield environment | {
            "AWS_EC2_METADATA_DISABLED": "true",
            "CONFIG_TABLE": CONFIG,
            "LOG_TABLE": LOG,
            "EVENT_BUS_NAME": BUS,
            "PUBLIC_URL": "https://webhooks.example.com",
            **{f"{queue.upper()}_QUEUE_URL": url for queue, url in _make(started.endpoint_url).items()},
            "LOCAL_ALLOW_LOOPBACK": "1",
            "LOCAL_CA_FILE": str(certificate),
            "LOG_DAYS": "30",
            "MAX_WEBHOOKS": "100",
            **{f"{limit}_PER_MINUTE": "1000000" for limit in ("SENDS", "RECOVERIES", "HOST_SENDS", "LISTINGS")},
            "RETRY_DELAYS": "10,60,300",
            "POWERTOOLS_METRICS_NAMESPACE": "AisouleWebhooks",
            "POWERTOOLS_SERVICE_NAME": "bench",
        }
    finally:
        emulator.stop(directory)


def measured(part: str, environment: dict[str, str], output: Path, *arguments: str) -> None:
    """Runs `bench.<part>` in a process of its own; what the handlers log there goes to `output`, not to the terminal."""
    with output.open("wb") as logged:
        subprocess.run([sys.executable, "-m", f"bench.{part}", *arguments], env=environment, stdout=logged, check=True)


def webhook(url: str, account_id: str, **values: Any) -> Webhook:
    at = rfc3339(now())
    made = Webhook(
        id=new_id("wh"), account_id=account_id, name="Order updates", url=url, events=["message.incoming"],
        status="active", secret=new_secret(), created_at=at, updated_at=at,
    )  # fmt: skip
    return replace(made, **values)


def put_webhooks(webhooks: list[Webhook], dynamodb: Any = None) -> None:
    put_items(CONFIG, [webhook_item(webhook) for webhook in webhooks], dynamodb)


def put_items(table: str, items: list[Any], dynamodb: Any = None) -> None:
    """By several connections: the emulator's time is nobody's concern, a reader's is."""
    dynamodb = dynamodb or boto3.client("dynamodb")
    batches = [items[start : start + 25] for start in range(0, len(items), 25)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda batch: _write(dynamodb, table, batch), batches))


def _write(dynamodb: Any, table: str, items: list[Any]) -> None:
    answer = dynamodb.batch_write_item(RequestItems={table: [{"PutRequest": {"Item": item}} for item in items]})
    assert not answer.get("UnprocessedItems")


def _make(endpoint_url: str) -> dict[str, str]:
    make_tables(endpoint_url)
    client("events", endpoint_url).create_event_bus(Name=BUS)
    sqs = client("sqs", endpoint_url)
    queues = ("delivery", "retry", "dead_letter", "rejected")
    return {queue: sqs.create_queue(QueueName=f"bench-{queue}")["QueueUrl"] for queue in queues}


def make_tables(endpoint_url: str) -> None:
    for table in (CONFIG, LOG):
        client("dynamodb", endpoint_url).create_table(
            TableName=table,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
        )


def client(service: Literal["dynamodb", "events", "sqs"], endpoint_url: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=endpoint_url,
        region_name=emulator.REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


def free_of_shell() -> None:
    """For the process that measures: the shell's certificate bundles would override a session's."""
    for name in NOT_FROM_THE_SHELL:
        os.environ.pop(name, None)
