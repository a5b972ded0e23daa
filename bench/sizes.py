"""Bytes that are paid for: the items, messages, POSTs and log lines of a `message.incoming`, as the code writes them."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from typing import Any

import boto3

from bench import cloud
from bench.batches import ACCOUNT, BODY, handled, messages, received, sqs_event
from bench.fanout import account, event
from bench.measure import write
from bench.together import together
from deliver.sender import signed_request
from fanout.handler import lambda_handler as fan_out
from webhooks.deliveries import Attempt, Delivery
from webhooks.item_keys import delivery_key, event_key
from webhooks.items import delivery_item, webhook_item
from webhooks.messages import DeliveryMessage
from webhooks.times import now, rfc3339


def item_bytes(item: Mapping[str, Any]) -> int:
    """As DynamoDB counts: names and values; a list or map 3 more, and 1 for each element."""
    return sum(len(name.encode()) + _value_bytes(value) for name, value in item.items())


def _value_bytes(value: Mapping[str, Any]) -> int:
    ((kind, content),) = value.items()
    match kind:
        case "S":
            return len(content.encode())
        case "N":
            return len(content.lstrip("-").replace(".", "")) // 2 + 2
        case "L":
            return 3 + sum(1 + _value_bytes(element) for element in content)
        case "M":
            return 3 + len(content) + item_bytes(content)
        case _:
            return 1


def figures(url: str) -> dict[str, float]:
    good = [cloud.webhook(f"{url}/{i}", ACCOUNT) for i in range(10)]
    bad = [cloud.webhook(f"{url}/broken/{i}", ACCOUNT) for i in range(10)]
    cloud.put_webhooks(good + bad)
    batch, failing = messages(good), messages(bad)
    published = event(account(1))
    detail = published["detail"]
    fan_out(event(account(1)), None)
    ten = _logged(handled(sqs_event(batch)))
    tens = together([account(1) for _ in range(10)])
    # What a batch logs besides its deliveries is the metrics' line.
    return {
        "event_item": _size(cloud.LOG, event_key, detail, lambda: fan_out(published, None)),
        "delivery_item": _of_delivery(batch[0]),
        "failed_log": _logged(handled(received(failing))) // 10,
        "failing_item": _of_delivery(failing[0]),
        "dead_item": item_bytes(delivery_item(dead(batch[0]), log_days=30)),
        "webhook_item": item_bytes(webhook_item(good[0])),
        "message": len(BODY) + sum(len(n) + len(a["StringValue"]) + 6 for n, a in _attributes(batch[0])),
        "body": len(BODY),
        "post": _post_bytes(good[0], batch[0]),
        "fanout_log": _logged(lambda: fan_out(event(account(1)), None)),
        "deliver_log_10": ten,
        "deliver_log_1": _logged(handled(sqs_event(messages(good[:1])))),
        "fanout_tens_log": _logged(lambda: fan_out(tens, None)) // 10,
        "unwanted_log": _logged(lambda: fan_out(event(account(0)), None)),
    }


def dead(message: DeliveryMessage) -> Delivery:
    """After four attempts without an answer."""
    attempt = Attempt(1, 1, rfc3339(now()), 5000, error="no answer within 5 s", error_code="timeout")
    return Delivery(
        webhook_id=message.webhook_id, account_id=message.account_id, event_id=message.event_id, event=message.event,
        accepted_at=message.accepted_at, status="failed", round=1, round_started_at=message.accepted_at, version=5,
        attempts=[attempt] * 4,
    )  # fmt: skip


def _size(table: str, key: Callable[[str, str], Any], detail: Any, write_it: Callable[[], object]) -> int:
    write_it()
    return _stored(table, key(detail["account_id"], detail["id"]))


def _of_delivery(message: Any) -> int:
    return _stored(cloud.LOG, delivery_key(*message.key()))


def _stored(table: str, key: Any) -> int:
    return item_bytes(boto3.client("dynamodb").get_item(TableName=table, Key=key)["Item"])


def _attributes(message: Any) -> Any:
    return message.to_request()["MessageAttributes"].items()


def _post_bytes(webhook: Any, message: Any) -> int:
    request = signed_request(webhook, message, now())
    headers = sum(len(name) + len(str(value)) + 4 for name, value in request.headers.items())
    return len(f"POST {request.path_url} HTTP/1.1\r\nHost: hooks.example.com\r\n\r\n") + headers + len(message.body)


def _logged(work: Callable[[], object]) -> int:
    """Standard output is a file of the parent's: what is appended to it is what CloudWatch would be given."""
    sys.stdout.flush()
    before = os.fstat(1).st_size
    work()
    sys.stdout.flush()
    return os.fstat(1).st_size - before


if __name__ == "__main__":
    write(sys.argv[1], figures(sys.argv[2]))
