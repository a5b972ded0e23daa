"""The queue by which `make smoke` sees whether an alarm arrives."""

from __future__ import annotations

import json
from typing import Any

import pytest

import smoke.alarm
from smoke.alarm import subscribed
from smoke.installation import client
from tests.integration.conftest import Aws


def test_a_topic_may_send_to_the_queue_from_the_moment_that_it_exists(
    aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A policy that is set later takes up to a minute, and SNS does not repeat what the queue refuses until then."""
    calls: list[str] = []

    def recording(service: str) -> Any:
        made = client(service)
        made.meta.events.register("before-call", lambda model, **_: calls.append(model.name))
        return made

    monkeypatch.setattr(smoke.alarm, "client", recording)
    topic = client("sns").create_topic(Name="alarms")["TopicArn"]
    sqs = client("sqs")
    with subscribed(topic, "smoke-1-alarms") as queue:
        assert calls == ["CreateQueue", "Subscribe"]
        told = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["Policy", "QueueArn"])["Attributes"]
        (statement,) = json.loads(told["Policy"])["Statement"]
        assert (statement["Effect"], statement["Resource"]) == ("Allow", told["QueueArn"])
        assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": topic}}
        client("sns").publish(TopicArn=topic, Message="drill")
        (message,) = sqs.receive_message(QueueUrl=queue)["Messages"]
        assert json.loads(message["Body"])["Message"] == "drill"
    assert not sqs.list_queues(QueueNamePrefix="smoke-").get("QueueUrls")
    assert not client("sns").list_subscriptions()["Subscriptions"]
