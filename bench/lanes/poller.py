"""An event source mapping: receives batches from one queue, invokes a handler, deletes what it does not report as failed.

python -m bench.lanes.poller deliver.handler <queue's URL> <batch size> <window in seconds>
"""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from threading import Event
from typing import Any

from webhooks.clients import client

Handler = Callable[[dict[str, Any], object], dict[str, Any]]

_RECEIVED_AT_ONCE = 10
_GATHERING_SECONDS = 0.1


_stopping = Event()


def main() -> None:
    ready, module, queue_url, size, window = sys.argv[1:]
    handler: Handler = import_module(module).lambda_handler
    signal.signal(signal.SIGTERM, lambda *_: _stopping.set())  # what has begun is ended, as Lambda does
    gather(queue_url, 1, 0)  # opens the connection; the queue is still empty
    Path(ready).touch()
    while not _stopping.is_set():
        if batch := gather(queue_url, int(size), float(window)):
            handle(handler, queue_url, batch)


def gather(queue_url: str, size: int, window: float) -> list[dict[str, Any]]:
    """A batch: what the first receive brings and, with a window, what comes within it. Empty when nothing came."""
    batch = _receive(queue_url, size, wait=1)
    ends = time.monotonic() + window
    while batch and len(batch) < size and time.monotonic() < ends:
        time.sleep(_GATHERING_SECONDS)
        batch += _receive(queue_url, size - len(batch), wait=0)
    return batch


def handle(handler: Handler, queue_url: str, batch: list[dict[str, Any]]) -> None:
    """What the handler raises leaves the whole batch on the queue, as Lambda does."""
    try:
        answer = handler({"Records": [_record(message, queue_url) for message in batch]}, None)
    except Exception as failed:
        print("batch failed:", repr(failed), file=sys.stderr, flush=True)
        return
    kept = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
    handles = [message["ReceiptHandle"] for message in batch if message["MessageId"] not in kept]
    for start in range(0, len(handles), _RECEIVED_AT_ONCE):
        some = handles[start : start + _RECEIVED_AT_ONCE]
        entries: Any = [{"Id": str(i), "ReceiptHandle": handle} for i, handle in enumerate(some)]
        client("sqs").delete_message_batch(QueueUrl=queue_url, Entries=entries)


def _receive(queue_url: str, limit: int, *, wait: int) -> list[dict[str, Any]]:
    answer = client("sqs").receive_message(
        QueueUrl=queue_url,
        MaxNumberOfMessages=min(limit, _RECEIVED_AT_ONCE),
        WaitTimeSeconds=wait,
        AttributeNames=["All"],
        MessageAttributeNames=["All"],
    )
    messages: list[Any] = list(answer.get("Messages", []))
    return messages


def _record(message: dict[str, Any], queue_url: str) -> dict[str, Any]:
    attributes = message.get("MessageAttributes", {}).items()
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message["Attributes"],
        "messageAttributes": {n: {"stringValue": v["StringValue"], "dataType": "String"} for n, v in attributes},
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:us-east-1:000000000000:{queue_url.rpartition('/')[2]}",
        "awsRegion": "us-east-1",
    }


if __name__ == "__main__":
    main()
