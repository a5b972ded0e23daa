"""The handlers on moto: tables, queues and bus of the template, and a real receiver for what deliver sends."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from local import ca
from local.receiver import Receiver, receiving
from tests.integration import resources
from tests.integration.api_client import Api
from tests.integration.quick_moto import AMAZONS_ENGINE, kept_state, quick_moto, restore
from tests.our_modules import forget_made, loaded
from tests.template import default_template
from webhooks import telemetry
from webhooks.clients import client
from webhooks.times import now, parse_time

assert telemetry  # before any test: it would take the root logger's handler, pytest's by then, for Lambda's


@dataclass(frozen=True)
class Aws:
    dynamodb: Any
    sqs: Any
    events: Any
    config_table: str
    log_table: str
    delivery_queue: str
    retry_queue: str
    dead_letter_queue: str
    rejected_queue: str
    operational_events_queue: str
    bus: str

    def await_message(self, queue: str) -> None:
        """Until one is visible."""
        names = ["ApproximateNumberOfMessages"]
        while self.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"][names[0]] == "0":
            time.sleep(0.02)

    def messages(self, queue: str) -> list[dict[str, Any]]:
        """All that is visible; received messages stay hidden."""
        found: list[dict[str, Any]] = []
        while batch := self.sqs.receive_message(
            QueueUrl=queue, MaxNumberOfMessages=10, MessageAttributeNames=["All"], AttributeNames=["All"]
        ).get("Messages"):
            found += batch
        return found


@dataclass(frozen=True)
class Made:
    resources: resources.Resources
    operational_events_queue: str
    state: dict[str, Any]


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


@pytest.fixture(scope="session")
def clients() -> Iterator[dict[str, Any]]:
    """moto answers them in every test anew. To make one costs more than most tests."""
    with quick_moto():
        yield {service: boto3.client(service) for service in ("dynamodb", "sqs", "events")}


@pytest.fixture(scope="session")
def made(clients: dict[str, Any]) -> Made:
    """By moto, once: making them costs a third of what most tests cost."""
    with mock_aws(config={"core": {"mock_credentials": False}}):
        created = resources.create(default_template(), **clients)
        return Made(created, listening(clients, created.bus), kept_state())


@pytest.fixture
def aws(clients: dict[str, Any], made: Made, monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    with mock_aws(config={"core": {"mock_credentials": False}}):
        restore(made.state)
        if AMAZONS_ENGINE in os.environ:
            resources.create_tables_anew(default_template(), clients["dynamodb"])
        yield from using(clients, made.resources, made.operational_events_queue, monkeypatch)


def using(
    clients: dict[str, Any], made: resources.Resources, operational_events_queue: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Aws]:
    """The template's resources, and its environment for the functions."""
    for name, value in made.environment.items():
        monkeypatch.setenv(name, value)
    forget_made()
    with ExitStack() as ending:
        for used in (*clients.values(), client("dynamodb"), client("sqs"), client("events")):
            ending.enter_context(_hooks_of_one_test(used))
        yield Aws(
            **clients,
            config_table=made.tables["config"],
            log_table=made.tables["log"],
            delivery_queue=made.queues["delivery"],
            retry_queue=made.queues["retry"],
            dead_letter_queue=made.queues["deadletters"],
            rejected_queue=made.queues["rejected"],
            operational_events_queue=operational_events_queue,
            bus=made.bus,
        )


@contextmanager
def _hooks_of_one_test(client: Any) -> Iterator[None]:
    """What a test registers on the client's events goes with it: the client stays."""
    events, registered = client.meta.events, []
    with pytest.MonkeyPatch.context() as patched:
        register = events.register

        def recording(name: str, handler: Any, **options: Any) -> None:
            registered.append((name, handler))
            register(name, handler, **options)

        patched.setattr(events, "register", recording)
        yield
    for name, handler in registered:
        events.unregister(name, handler)


def listening(clients: dict[str, Any], bus: str) -> str:
    """A queue for the operational events."""
    sqs, events = clients["sqs"], clients["events"]
    url: str = sqs.create_queue(QueueName="operational-events")["QueueUrl"]
    events.put_rule(Name="operational-events", EventBusName=bus, EventPattern='{"source": ["aisoule.webhooks"]}')
    events.put_targets(
        Rule="operational-events", EventBusName=bus, Targets=[{"Id": "1", "Arn": resources.queue_arn(url)}]
    )
    return url


@pytest.fixture
def api(aws: Aws) -> Api:
    """Without a key; `of_account` and `of_platform` have one."""
    return Api()


class Clock:
    """The modules' own: moves only when told."""

    def __init__(self) -> None:
        self.at = parse_time("2026-05-29T10:30:00Z")

    def now(self) -> datetime:
        return self.at


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch, aws: Aws) -> Clock:
    import api.handler
    import deliver.dead_letters
    import deliver.erase
    import deliver.handler
    import deliver.release
    import fanout.handler

    assert {api, deliver, fanout}
    clock = Clock()
    for module in loaded():
        if vars(module).get("now") is now:
            monkeypatch.setattr(module, "now", clock.now)
    return clock


@pytest.fixture
def stopped_clock(clock: Clock) -> Clock:
    """At the present moment: what is left of a delay does not depend on how busy the machine is."""
    clock.at = now()
    return clock


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch, aws: Aws) -> list[tuple[str, str, int]]:
    """(webhook, event, delay) of each message that was sent."""
    seen: list[tuple[str, str, int]] = []
    sqs = client("sqs")
    real = sqs.send_message_batch

    def recording(**request: Any) -> Any:
        for entry in request["Entries"]:
            values = {name: value["StringValue"] for name, value in entry["MessageAttributes"].items()}
            seen.append((values["webhook_id"], values["event_id"], entry["DelaySeconds"]))
        return real(**request)

    monkeypatch.setattr(sqs, "send_message_batch", recording)
    return seen
