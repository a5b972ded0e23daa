"""The handlers on moto: tables, queues and bus as the stack makes them, and a real receiver for what deliver sends."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from local import ca
from local.receiver import Receiver, receiving
from tests.integration.api_client import Api


@dataclass(frozen=True)
class Aws:
    dynamodb: Any
    sqs: Any
    events: Any
    config_table: str
    log_table: str
    delivery_queue: str
    rejected_queue: str
    signals_queue: str
    bus: str

    def messages(self, queue: str) -> list[dict[str, Any]]:
        """All that is visible; received messages stay hidden."""
        found: list[dict[str, Any]] = []
        while batch := self.sqs.receive_message(
            QueueUrl=queue, MaxNumberOfMessages=10, MessageAttributeNames=["All"], AttributeNames=["All"]
        ).get("Messages"):
            found += batch
        return found


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return ca.create(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="session", autouse=True)
def local_stage(authority: tuple[Path, Path]) -> None:
    """Receivers on loopback, under our own authority."""
    os.environ["LOCAL_CA_FILE"] = str(authority[0])


@pytest.fixture
def receiver(authority: tuple[Path, Path]) -> Iterator[Receiver]:
    with receiving(ca.server_context(*authority)) as receiver:
        yield receiver


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    with mock_aws():
        yield from using(create(), monkeypatch)


def using(made: Aws, monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    """The functions' environment, and no client left of another one."""
    environment = {
        "CONFIG_TABLE": made.config_table,
        "LOG_TABLE": made.log_table,
        "DELIVERY_QUEUE_URL": made.delivery_queue,
        "REJECTED_QUEUE_URL": made.rejected_queue,
        "EVENT_BUS_NAME": made.bus,
        "RETRY_DELAYS": "10,60,300",
        "LOG_DAYS": "30",
        "MAX_WEBHOOKS": "100",
        "SENDS_PER_MINUTE": "60",
        "RECOVERIES_PER_MINUTE": "60",
        "PUBLIC_URL": "https://webhooks.example.com",
        "FRAME_ANCESTORS": "",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    _forget_clients()
    yield made
    _forget_clients()


def create() -> Aws:
    dynamodb, sqs, events = boto3.client("dynamodb"), boto3.client("sqs"), boto3.client("events")
    failed = {
        "IndexName": "failed",
        "KeySchema": _keys("failed_webhook", "sk"),
        "Projection": {
            "ProjectionType": "INCLUDE",
            "NonKeyAttributes": ["account_id", "event_id", "event", "accepted_at", "round", "test"],
        },
    }
    _table(dynamodb, "config")
    _table(dynamodb, "log", attributes=["failed_webhook"], GlobalSecondaryIndexes=[failed])
    urls = {name: sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("delivery", "rejected", "signals")}
    events.create_event_bus(Name="bus")
    events.put_rule(Name="signals", EventBusName="bus", EventPattern='{"source": ["aisoule.webhooks"]}')
    arn = sqs.get_queue_attributes(QueueUrl=urls["signals"], AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_targets(Rule="signals", EventBusName="bus", Targets=[{"Id": "1", "Arn": arn}])
    return Aws(dynamodb, sqs, events, "config", "log", urls["delivery"], urls["rejected"], urls["signals"], "bus")


def _table(dynamodb: Any, name: str, attributes: list[str] | None = None, **more: Any) -> None:
    defined = [{"AttributeName": n, "AttributeType": "S"} for n in ("pk", "sk", *(attributes or []))]
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=_keys("pk", "sk"),
        AttributeDefinitions=defined,
        **more,
    )


def _keys(partition: str, sort: str) -> list[dict[str, str]]:
    return [{"AttributeName": partition, "KeyType": "HASH"}, {"AttributeName": sort, "KeyType": "RANGE"}]


def _forget_clients() -> None:
    """Each test has a moto of its own, so nothing made for another test may be used again."""
    from api import access, delivery_routes
    from deliver import handler as deliver
    from fanout import handler as fanout
    from webhooks import clients

    caches: list[Any] = [clients.client, clients._session, deliver.desk, fanout._log, fanout._config]
    caches += [access.config_table, access.key_table, delivery_routes.log_table, delivery_routes.history]
    for cached in caches:
        cached.cache_clear()


@pytest.fixture
def api(aws: Aws) -> Api:
    """Without a key; `of_account` and `of_platform` have one."""
    return Api()
