"""What failed in an outage is resent automatically, and the page says how far that is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import pytest
from playwright.sync_api import expect

from local.client import Client
from local.receiver import Answer, Receiver
from tests.deployed import Deployed
from tests.e2e.test_outage import make_older
from tests.portal.browser import Portal
from webhooks.attribute_values import to_item
from webhooks.catch_up import CatchUp
from webhooks.item_keys import catch_up_key
from webhooks.times import now, rfc3339

DATA = {"message_id": "wamid.1", "whatsapp_account_id": "uuid"}


def test_an_outage_ends_by_itself(
    portal: Portal, deployed: Deployed, account: tuple[str, Client], receiver: Receiver, create: Callable[..., Any]
) -> None:
    account_id, client = account
    page = portal.page
    webhook = create(path="/down")
    receiver.answer("/down", Answer(500))
    portal.open(client, f"{webhook['id']}/edit")
    page.get_by_label("When it works again, send what failed in the meantime").check()
    portal.press("Save changes")
    portal.heading("Orders")
    expect(page.get_by_role("region", name="Details")).to_contain_text("Failed deliveries are resent automatically")
    events = [deployed.platform.publish(account_id, "message.incoming", DATA) for _ in range(2)]
    for event_id in events:
        client.await_delivery(webhook["id"], event_id, lambda delivery: delivery["status"] == "failed", seconds=60)
    portal.go(webhook["id"])
    catching_up = page.get_by_role("region", name="Catching up")
    expect(catching_up).to_contain_text("As soon as your server answers 200")
    expect(page.get_by_role("region", name="Failing")).to_contain_text(
        "Failed deliveries are then resent automatically."
    )
    receiver.answer("/down", Answer(200))
    portal.press("Send a test")
    client.await_webhook(webhook["id"], lambda shown: shown["status"] == "active", seconds=30)
    _look(deployed)
    for event_id in events:
        client.await_delivery(webhook["id"], event_id, lambda delivery: delivery["status"] == "delivered", seconds=60)
    assert client.get(f"/v1/webhooks/{webhook['id']}/catch-up")["state"] == "done"
    portal.page.reload()
    expect(page.locator("main")).to_contain_text("2 deliveries were sent again")


@pytest.mark.slow
def test_what_is_given_up_is_said_of_each_delivery(
    portal: Portal, deployed: Deployed, account: tuple[str, Client], receiver: Receiver, create: Callable[..., Any]
) -> None:
    account_id, client = account
    webhook = create(path="/down")
    client.patch(f"/v1/webhooks/{webhook['id']}", {"catch_up": True, "catch_up_hours": 168})
    receiver.answer("/down", Answer(500))
    event_id = deployed.platform.publish(account_id, "message.incoming", DATA)
    client.await_delivery(webhook["id"], event_id, lambda delivery: delivery["status"] == "failed", seconds=60)
    portal.open(client, f"{webhook['id']}/deliveries/{event_id}")
    expect(portal.page.locator("main")).to_contain_text("It is resent automatically when your server works again.")
    make_older(deployed, account_id, webhook["id"], [event_id], minutes=3 * 24 * 60)
    _look(deployed)
    portal.page.reload()
    expect(portal.page.locator("main")).to_contain_text("given up after 3 days or at the 12th outage")
    portal.go(webhook["id"])
    expect(portal.page.get_by_role("region", name="Catching up")).to_contain_text("no longer resent automatically")


def test_how_far_it_is_is_shown_while_it_is_sending(
    portal: Portal, deployed: Deployed, account: tuple[str, Client], create: Callable[..., Any]
) -> None:
    account_id, client = account
    webhook_id = create(catch_up=True)["id"]
    send_half(deployed, account_id, webhook_id)
    portal.open(client, webhook_id)
    shown = portal.page.get_by_role("region", name="Catching up")
    expect(shown).to_contain_text("1,240 of 3,000 sent again")
    expect(shown.get_by_role("progressbar", name="Sent again")).to_have_attribute("value", "1240")


def test_how_far_it_is_is_shown_although_the_first_look_was_refused(
    portal: Portal, deployed: Deployed, account: tuple[str, Client], create: Callable[..., Any]
) -> None:
    page, (account_id, client) = portal.page, account
    webhook_id = create(catch_up=True)["id"]
    send_half(deployed, account_id, webhook_id)
    page.clock.install()
    page.route("**/catch-up", lambda route: route.fulfill(status=409, json={"detail": "try later"}))
    portal.open(client, webhook_id)
    shown = page.get_by_role("region", name="Catching up")
    expect(shown).to_have_count(0)
    page.unroute("**/catch-up")
    page.clock.fast_forward("00:15")
    expect(shown).to_contain_text("1,240 of 3,000 sent again")


def send_half(deployed: Deployed, account_id: str, webhook_id: str) -> None:
    """As far as the log knows; nothing goes on."""
    at = rfc3339(now())
    half = CatchUp(webhook_id, account_id, "sending", since=at, failing_since=at, due_at=None, sent=1240, total=3000)
    deployed.outputs.client("dynamodb").put_item(
        TableName=deployed.resources["LogTable"], Item=catch_up_key(webhook_id) | to_item(asdict(half))
    )


def _look(deployed: Deployed) -> None:
    """As each minute."""
    functions = deployed.outputs.client("lambda")
    release = next(f for f in functions.list_functions()["Functions"] if f["Handler"].startswith("deliver.release"))
    functions.invoke(FunctionName=release["FunctionName"], Payload="{}")
