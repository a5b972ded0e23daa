"""Takes a batch from either queue; what is not settled stays on the queue until its time, or moves to another."""

from __future__ import annotations

import os
from typing import Any

from deliver import sender
from deliver.batch import deliver
from deliver.lanes import LaneMarks
from deliver.recording import Recorder
from deliver.schedule import Schedule
from deliver.status_changes import status_changes
from deliver.visibility import set_visibility
from deliver.worker import DeliveryWorker
from webhooks.clients import client
from webhooks.queues import delivery_queues
from webhooks.tables import delivery_log, webhook_marks
from webhooks.telemetry import flush


def lambda_handler(sqs_event: dict[str, Any], context: object) -> dict[str, Any]:
    """A partial batch response: the messages that stay on the queue."""
    records = sqs_event["Records"]
    try:
        lane = delivery_queues().lane_of(records[0]["eventSourceARN"])  # a batch comes from one queue
        sender.adapters.trim()
        retained = deliver(worker(), records, lane)
        set_visibility(client("sqs"), delivery_queues().url(lane), retained)
        return {"batchItemFailures": [{"itemIdentifier": record["messageId"]} for record, _ in retained]}
    finally:
        flush()


def worker() -> DeliveryWorker:
    """For one batch: `lanes` knows what is under way in it."""
    schedule = Schedule.parse(os.environ["RETRY_DELAYS"])
    return DeliveryWorker(
        status=status_changes(),
        schedule=schedule,
        lanes=LaneMarks(webhook_marks()),
        recorder=Recorder(delivery_log(), webhook_marks(), schedule),
    )


# Made while the process starts, when Lambda gives it a whole CPU: the first batch would wait three times as long for them.
client("dynamodb")
client("events")
client("sqs")
