"""The account in memory counts, hides and moves messages as SQS does; its answers: `integration/test_model_cloud.py`."""

from __future__ import annotations

from typing import Any

import boto3
from moto import mock_aws

from tests.model.clients import Sqs
from tests.model.cloud import Cloud, Message, Queue

RECEIVES = 4


@mock_aws
def test_the_queue_counts_and_moves_as_motos() -> None:
    """Received four times, with the visibility that was set; at the fifth receive in the dead-letter queue, as it was."""
    sqs = boto3.client("sqs")
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = f'{{"deadLetterTargetArn": "{arn}", "maxReceiveCount": {RECEIVES}}}'
    url = sqs.create_queue(QueueName="delivery", Attributes={"RedrivePolicy": policy})["QueueUrl"]
    request = {"MessageBody": "{}", "MessageAttributes": {"round": {"DataType": "String", "StringValue": "1"}}}
    cloud = Cloud(queues={"delivery": Queue(dead="dead", receives=RECEIVES), "dead": Queue()})
    ours = Sqs(cloud)
    ours.send_message_batch(QueueUrl="delivery", Entries=[{"Id": "0"} | request])
    sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": "0"} | request])  # type: ignore[list-item]

    def theirs(queue: str) -> list[dict[str, Any]]:
        return sqs.receive_message(QueueUrl=queue, MessageAttributeNames=["All"], MaxNumberOfMessages=10).get(
            "Messages", []
        )  # type: ignore[return-value]

    ids = set()
    for _ in range(RECEIVES):
        (mine,), (other,) = cloud.receive("delivery"), theirs(url)
        assert cloud.receive("delivery") == theirs(url) == []
        ids |= {mine["messageId"], other["MessageId"]}
        for client, queue, receipt in ((ours, "delivery", mine["receiptHandle"]), (sqs, url, other["ReceiptHandle"])):
            entries: Any = [{"Id": "0", "ReceiptHandle": receipt, "VisibilityTimeout": 0}]
            assert not client.change_message_visibility_batch(QueueUrl=queue, Entries=entries).get("Failed")
    assert cloud.receive("delivery") == theirs(url) == []
    (mine,), (other,) = cloud.receive("dead"), theirs(dead)
    assert (mine["body"], mine["messageAttributes"]["round"]["stringValue"]) == (
        other["Body"],
        other["MessageAttributes"]["round"]["StringValue"],
    )
    assert ids == {mine["messageId"], other["MessageId"]}, "a moved message keeps its id"


def test_a_delayed_message_is_hidden_for_so_long() -> None:
    cloud = Cloud(queues={"delivery": Queue()})
    Sqs(cloud).send_message(QueueUrl="delivery", MessageBody="{}", DelaySeconds=60)
    cloud.clock.sleep(59)
    assert cloud.receive("delivery") == []
    cloud.clock.sleep(1)
    assert len(cloud.receive("delivery")) == 1


def test_a_received_message_comes_back_after_the_visibility_timeout() -> None:
    cloud = Cloud(queues={"delivery": Queue()})
    cloud.queues["delivery"].messages.append(Message("m1", {"MessageBody": "{}"}, cloud.clock.at))
    assert len(cloud.receive("delivery")) == 1
    cloud.clock.sleep(179)
    assert cloud.receive("delivery") == []
    cloud.clock.sleep(1)
    assert len(cloud.receive("delivery")) == 1
