"""The two queues that deliver is fed by, the dead-letter queue, and how messages get onto them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from webhooks.clients import client
from webhooks.messages import DeliveryMessage, QueueName
from webhooks.models import Lane

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_BATCH = 10


class DeliveryQueues:
    """
    `delivery` takes first attempts; `retry` takes all later ones, and the first ones of webhooks in the slow lane;
    `dead_letters` what has no attempts left.
    """

    def __init__(self, sqs: SQSClient, *, delivery_url: str, retry_url: str, dead_letters_url: str) -> None:
        self._sqs = sqs
        self._urls: dict[QueueName, str] = {
            "delivery": delivery_url,
            "retry": retry_url,
            "dead_letters": dead_letters_url,
        }

    def url(self, name: QueueName) -> str:
        return self._urls[name]

    def lane_of(self, queue_arn: str) -> Lane:
        """The lane of an SQS record's `eventSourceARN`."""
        name = queue_arn.rpartition(":")[2]
        return "retry" if name == self._urls["retry"].rpartition("/")[2] else "delivery"

    def send(self, messages: Sequence[DeliveryMessage], *, delay_seconds: int = 0) -> list[DeliveryMessage]:
        """
        Sends each message to its queue, in batches of ten; entries that SQS refuses are sent once more.

        Returns the messages still not sent.
        """
        return [left for ten in in_tens(messages) for left in self.send_ten(ten, delay_seconds=delay_seconds)]

    def send_ten(self, messages: Sequence[DeliveryMessage], *, delay_seconds: int = 0) -> list[DeliveryMessage]:
        """Does what `send` does, for 1 to 10 messages for one queue."""
        left = list(messages)
        for _ in range(2):
            left = self._send_batch(left[0].queue, left, delay_seconds)
            if not left:
                break
        return left

    def _send_batch(
        self, name: QueueName, messages: list[DeliveryMessage], delay_seconds: int
    ) -> list[DeliveryMessage]:
        entries: list[Any] = [{"Id": str(i)} | m.to_request(delay_seconds) for i, m in enumerate(messages)]
        answer = self._sqs.send_message_batch(QueueUrl=self.url(name), Entries=entries)
        return [messages[int(failed["Id"])] for failed in answer.get("Failed", [])]


def in_tens(messages: Sequence[DeliveryMessage]) -> list[list[DeliveryMessage]]:
    """The messages in batches that SQS takes: at most ten, for one queue."""
    by_queue: dict[QueueName, list[DeliveryMessage]] = {}
    for message in messages:
        by_queue.setdefault(message.queue, []).append(message)
    return [some[start : start + _BATCH] for some in by_queue.values() for start in range(0, len(some), _BATCH)]


@cache
def delivery_queues() -> DeliveryQueues:
    return DeliveryQueues(
        client("sqs"),
        delivery_url=os.environ["DELIVERY_QUEUE_URL"],
        retry_url=os.environ["RETRY_QUEUE_URL"],
        dead_letters_url=os.environ["DEAD_LETTER_QUEUE_URL"],
    )
