"""Mails on the deployed stack: what SES was given to send."""

from __future__ import annotations

import json
import time
from itertools import chain
from typing import Any

import pytest
import requests

from local.client import Client
from local.receiver import Answer, Receiver
from tests.deployed import MAIL_FROM, Deployed
from tests.e2e.test_logs import everything
from webhooks.event_types import EVENT_TYPES
from webhooks.models import new_id

EVENT = EVENT_TYPES["message.incoming"]
SECONDS = 60


@pytest.mark.slow
def test_one_mail_for_two_outages_in_a_day_and_none_when_they_are_off(
    deployed: Deployed, account: tuple[str, Client], receiver: Receiver
) -> None:
    """Each outage is emitted on the bus twice: when it begins, and when it ends."""
    _, client = account
    recipient = f"{new_id('ops')}@customer.example"
    answer = client.call("PUT", "/v1/notifications", json={"email": recipient})
    assert answer.json() == {"email": recipient, "enabled": True, "available": True}

    webhook_id = create(client, receiver)
    fail(deployed, account, receiver, webhook_id)
    assert "mail.sent" in awaited(deployed, webhook_id, 1)
    (mail,) = mails(deployed, recipient)
    assert (mail["Source"], mail["Subject"]) == (MAIL_FROM, 'Your webhook "Order desk" is failing')
    page = f"{deployed.outputs.api_url}/settings/webhooks#/{webhook_id}"
    for part in (page, "answered 500, expected 200 (status)", f"PUT {deployed.outputs.api_url}/v1/notifications"):
        assert part in mail["BodyText"]

    recover(deployed, account, receiver, webhook_id)
    fail(deployed, account, receiver, webhook_id)
    assert awaited(deployed, webhook_id, 3).count("mail.sent") == 1
    assert len(mails(deployed, recipient)) == 1

    client.call("PUT", "/v1/notifications", json={"email": recipient, "enabled": False})
    other_id = create(client, receiver)
    fail(deployed, account, receiver, other_id)
    assert set(awaited(deployed, other_id, 1)) == {"mail.skipped"}
    assert len(mails(deployed, recipient)) == 1
    assert recipient not in "\n".join(chain.from_iterable(everything(deployed)))


def create(client: Client, receiver: Receiver) -> str:
    values = {"name": "Order desk", "url": receiver.url("/mailed"), "events": [EVENT.name]}
    return str(client.post("/v1/webhooks", values, 201)["id"])


def fail(deployed: Deployed, account: tuple[str, Client], receiver: Receiver, webhook_id: str) -> None:
    receiver.answer("/mailed", Answer(500))
    _await_status(deployed, account, webhook_id, "failing")


def recover(deployed: Deployed, account: tuple[str, Client], receiver: Receiver, webhook_id: str) -> None:
    receiver.answer("/mailed", Answer(200))
    _await_status(deployed, account, webhook_id, "active")


def _await_status(deployed: Deployed, account: tuple[str, Client], webhook_id: str, status: str) -> None:
    account_id, client = account
    deployed.platform.publish(account_id, EVENT.name, dict(EVENT.example))
    client.await_webhook(webhook_id, lambda webhook: webhook["status"] == status, seconds=SECONDS)


def mails(deployed: Deployed, recipient: str) -> list[Any]:
    """All that SES was given for the recipient."""
    answer = requests.get(f"{deployed.outputs.endpoint_url}/_ministack/ses/messages", timeout=30)
    sent = chain.from_iterable(answer.json()["messages"].values())
    return [mail for mail in sent if recipient in mail["To"]]


def awaited(deployed: Deployed, webhook_id: str, count: int) -> list[str]:
    """What the function has logged about the webhook, when there are so many lines."""
    deadline = time.monotonic() + SECONDS
    while len(lines := _logged(deployed, webhook_id)) < count and time.monotonic() < deadline:
        time.sleep(0.2)  # the emulator writes a function's log when the function has ended
    return lines


def _logged(deployed: Deployed, webhook_id: str) -> list[str]:
    lines = chain.from_iterable(everything(deployed))
    return [json.loads(line)["message"] for line in lines if webhook_id in line and '"mail.' in line]
