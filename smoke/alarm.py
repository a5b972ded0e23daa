"""Whether an alarm reaches a subscriber of the topic: a queue that exists for as long as the check."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from smoke.installation import CheckFailed, Installation, arn, client, wait_until

DELIVERY_SECONDS = 120
_LOOK_SECONDS = 20


def alarms_are_delivered(to: Installation) -> str:
    """Sets one of the stack's alarms off, by hand: whoever is subscribed hears of it, too. Puts its state back."""
    topic, cloudwatch, sqs = to.outputs["AlarmTopicArn"], client("cloudwatch"), client("sqs")
    pages = cloudwatch.get_paginator("describe_alarms").paginate(AlarmTypes=["MetricAlarm"])
    alarms = [alarm for page in pages for alarm in page["MetricAlarms"] if topic in alarm["AlarmActions"]]
    quiet = next((alarm for alarm in alarms if alarm["StateValue"] != "ALARM"), None)
    if quiet is None:
        raise CheckFailed(f"none of {len(alarms)} alarms with the topic can be set off: all are in ALARM already")
    name = quiet["AlarmName"]
    with subscribed(topic, f"{to.account_id}-alarms") as queue, ExitStack() as ending:
        back = {"AlarmName": name, "StateValue": quiet["StateValue"], "StateReason": "the drill is over"}
        ending.callback(cloudwatch.set_alarm_state, **back)

        def reached() -> bool:
            # Each time anew: SNS does not repeat what a queue refuses that it hardly knows yet.
            cloudwatch.set_alarm_state(**back)
            cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="drill: make smoke")
            return _received(sqs, queue, name)

        wait_until(f"the alarm {name} reaches a subscriber", DELIVERY_SECONDS, reached)
    return f"{name} reached a queue that was subscribed to the topic; {len(alarms)} alarms have that topic"


@contextmanager
def subscribed(topic: str, name: str) -> Iterator[str]:
    """The URL of a new queue that gets what the topic is sent. It is made with its policy: a later one takes a minute."""
    sqs, sns, queue_arn = client("sqs"), client("sns"), arn("sqs", name)
    allowed = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue_arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    queue = sqs.create_queue(QueueName=name, Attributes={"Policy": policy})["QueueUrl"]
    with ExitStack() as ending:
        ending.callback(sqs.delete_queue, QueueUrl=queue)
        subscription = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue_arn, ReturnSubscriptionArn=True)
        ending.callback(sns.unsubscribe, SubscriptionArn=subscription["SubscriptionArn"])
        yield queue


def _received(sqs: Any, queue: str, name: str) -> bool:
    messages = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=_LOOK_SECONDS).get("Messages", [])
    return any(json.loads(json.loads(message["Body"])["Message"])["AlarmName"] == name for message in messages)
