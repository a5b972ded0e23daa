"""What a message on a queue consists of."""

from __future__ import annotations

from typing import Any

from webhooks.messages import DeliveryMessage, from_record

AT = "2026-05-29T10:30:00.000Z"
MOST_ATTRIBUTES = 10
"""SQS refuses a message with more."""


def received(request: dict[str, Any], id: str) -> dict[str, Any]:
    """A record of the event that Lambda makes of it."""
    attributes = {name: {"stringValue": value["StringValue"]} for name, value in request["MessageAttributes"].items()}
    return {"messageId": id, "body": request["MessageBody"], "messageAttributes": attributes}


def test_a_message_with_all_fields_is_one_that_sqs_takes_and_is_read_as_it_was() -> None:
    message = DeliveryMessage(
        webhook_id="wh_1",
        account_id="acme",
        event_id="evt_1",
        event="message.incoming",
        accepted_at=AT,
        round=2,
        round_started_at=AT,
        body="{}",
        test=True,
        not_before=AT,
        takes_over="1.retry",
        id="2",
        queue="retry",
    )
    request = message.to_request()
    assert len(request["MessageAttributes"]) <= MOST_ATTRIBUTES
    assert from_record(received(request, "2"), lane="retry") == message
