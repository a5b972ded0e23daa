"""One event is found by its id, deliveries by their time, and the request can be sent again from a shell."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, expect

from local.client import Client
from local.receiver import Answer, Receiver
from tests.deployed import Deployed
from tests.portal.browser import Portal
from webhooks.times import now

DATA = {"message_id": "wamid.xxx", "whatsapp_account_id": "uuid", "text": "it's $HOME `now`"}


def test_an_event_is_found_by_keyboard_with_its_delivery_to_each_webhook(
    portal: Portal,
    account: tuple[str, Client],
    create: Callable[..., Any],
    receiver: Receiver,
    deployed: Deployed,
) -> None:
    page, (account_id, client) = portal.page, account
    receiver.answer("/down", Answer(500))
    orders, crm = create("Orders"), create("CRM", "/down")
    event_id = deployed.platform.publish(account_id, "message.incoming", DATA)
    client.await_delivery(orders["id"], event_id, lambda d: d["status"] == "delivered", seconds=60)
    client.await_delivery(crm["id"], event_id, lambda d: bool(d["attempts"]), seconds=60)
    portal.open(client)
    page.get_by_label("Event id").focus()
    page.keyboard.type(f"  {event_id} ")
    page.keyboard.press("Enter")
    portal.heading("message.incoming")
    rows = page.get_by_role("list", name="Deliveries").get_by_role("listitem")
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("Answered 500, expected 200.")
    expect(rows.last).to_contain_text("Delivered")
    expect(page.get_by_role("group", name="Payload")).to_contain_text("it's $HOME `now`")
    rows.last.get_by_role("link").press("Enter")
    portal.ready()
    expect(page.get_by_role("list", name="Attempts")).to_contain_text("200")
    page.get_by_role("link", name=event_id).press("Enter")
    expect(rows).to_have_count(2)


def test_an_event_says_when_it_is_tried_again_and_shows_what_comes_of_it(
    portal: Portal,
    account: tuple[str, Client],
    create: Callable[..., Any],
    receiver: Receiver,
    deployed: Deployed,
) -> None:
    page, (account_id, client) = portal.page, account
    receiver.answer("/down", Answer(503, headers={"Retry-After": "10"}))
    webhook = create("CRM", "/down")
    event_id = deployed.platform.publish(account_id, "message.incoming", DATA)
    client.await_delivery(webhook["id"], event_id, lambda d: d["status"] == "retrying", seconds=60)
    portal.open(client, f"events/{event_id}")
    row = page.get_by_role("list", name="Deliveries").get_by_role("listitem")
    expect(row).to_contain_text("next attempt")
    receiver.answer("/down", Answer(200))
    expect(row).to_contain_text("Delivered", timeout=90_000)
    expect(row).not_to_contain_text("next attempt")
    assert client.call("DELETE", f"/v1/webhooks/{webhook['id']}").status_code == 204
    page.reload()
    expect(page.locator("#main").get_by_text("1 webhook: no attempt yet, or deleted.")).to_be_visible()
    expect(row).to_have_count(0)


@pytest.mark.parametrize("webhooks", [0, 1])  # events of deleted webhooks can be found, too
def test_an_event_that_is_not_there_says_why(
    portal: Portal, client: Client, create: Callable[..., Any], webhooks: int
) -> None:
    for _ in range(webhooks):
        create()
    portal.open(client)
    portal.page.get_by_label("Event id").fill("order-404")
    portal.press("Find event")
    portal.heading("No such event")
    expect(portal.page.locator("#main")).to_contain_text(
        "no enabled webhook subscribed to it (such events are not stored)"
    )
    expect(portal.page.get_by_label("Event id")).to_have_value("order-404")


def test_deliveries_of_a_time_range(portal: Portal, client: Client, create: Callable[..., Any]) -> None:
    page, webhook = portal.page, create()
    event_id = client.post(f"/v1/webhooks/{webhook['id']}/test", {"event": "message.read"}, 202)["event_id"]
    portal.open(client, webhook["id"])
    rows = page.get_by_role("list", name="Deliveries").get_by_role("listitem")
    expect(rows).to_have_count(1)
    hour_ago = f"{now() - timedelta(hours=2):%Y-%m-%dT%H:%M}"
    page.get_by_label("Until", exact=True).fill(hour_ago)
    expect(page.locator("#main").get_by_text("No delivery matches.")).to_be_visible()
    assert "until=" in page.url
    page.get_by_label("From", exact=True).fill(f"{now():%Y-%m-%dT%H:%M}")
    expect(page.locator("#main").get_by_text("From is after Until.")).to_be_visible()
    expect(page.locator("#announcer")).to_have_text("From is after Until.")
    page.get_by_label("Until", exact=True).fill("")
    page.get_by_label("From", exact=True).fill(hour_ago)
    expect(rows).to_contain_text(event_id)
    page.reload()
    expect(page.get_by_label("From", exact=True)).to_have_value(hour_ago)
    expect(rows).to_contain_text(event_id)


def test_the_request_can_be_sent_again_from_a_shell(
    context: BrowserContext,
    portal: Portal,
    account: tuple[str, Client],
    create: Callable[..., Any],
    receiver: Receiver,
    deployed: Deployed,
) -> None:
    page, (account_id, client) = portal.page, account
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    webhook = create(headers={"X-Api-Key": "s3cret"})
    event_id = deployed.platform.publish(account_id, "message.incoming", DATA)
    (sent,) = receiver.wait_for("/hook", 1, seconds=60)
    client.await_delivery(webhook["id"], event_id, lambda d: d["status"] == "delivered", seconds=60)
    portal.open(client, f"{webhook['id']}/deliveries/{event_id}")
    page.get_by_text("Headers and body").click()
    shown = page.get_by_role("group", name="Request")
    expect(shown).to_contain_text(f"webhook-id: {event_id}")
    expect(shown).not_to_contain_text("s3cret")
    expect(page.locator("#main")).to_contain_text("refuse it after five minutes")
    portal.press("Copy as curl")
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    command = page.evaluate("navigator.clipboard.readText()")
    assert command.startswith("curl -sS 'https://")
    trusting = command.replace("curl ", f"curl --cacert {deployed.outputs.ca_file} ", 1).replace("••••••••", "s3cret")
    subprocess.run(["bash", "-c", trusting], check=True, timeout=60)
    again = receiver.wait_for("/hook", 2, seconds=5)[-1]
    assert again.body == sent.body
    added = {"host", "accept", "connection"}
    assert {k: v for k, v in again.headers.items() if k not in added} == {
        k: v for k, v in sent.headers.items() if k not in added
    }
