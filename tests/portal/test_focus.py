"""What changes by itself leaves the focus, and what is open, where it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Route, expect

from local.client import Client
from local.receiver import Answer, Receiver
from tests.deployed import Deployed
from tests.portal.browser import Portal
from tests.portal.network import hold

EXAMPLE = {"message_id": "wamid.1", "whatsapp_account_id": "uuid"}


@pytest.mark.slow
def test_the_title_of_a_webhook_keeps_it(
    portal: Portal, account: tuple[str, Client], create: Callable[..., Any], receiver: Receiver, deployed: Deployed
) -> None:
    account_id, client = account
    receiver.answer("/gone", Answer(410))
    portal.open(client)
    portal.ready()
    portal.go(create(path="/gone")["id"])
    title = portal.page.get_by_role("heading", level=1)
    expect(title).to_be_focused()
    deployed.platform.publish(account_id, "message.incoming", EXAMPLE)
    expect(title).to_contain_text("Disabled")
    expect(title).to_be_focused()


def test_the_title_gets_it_where_the_reader_goes_before_the_first_view_is_there(portal: Portal, client: Client) -> None:
    page = portal.page
    hold(page, "**/v1/webhooks?*")
    portal.open(client)
    page.get_by_role("link", name="New Webhook").click()
    portal.heading("New Webhook")
    expect(page.get_by_role("heading", level=1)).to_be_focused()


def test_copying_the_request_keeps_it_when_another_attempt_is_shown(
    portal: Portal, client: Client, create: Callable[..., Any]
) -> None:
    page, webhook = portal.page, create()
    event_id = client.post(f"/v1/webhooks/{webhook['id']}/test", {"event": "message.read"}, 202)["event_id"]
    client.await_delivery(webhook["id"], event_id, lambda d: d["status"] == "delivered", seconds=30)

    def as_before(route: Route) -> None:
        now = route.fetch().json()
        route.fulfill(json=now | {"status": "retrying", "request": now["request"] | {"body": "before"}})

    page.route(f"**/deliveries/{event_id}", as_before)
    portal.open(client, f"{webhook['id']}/deliveries/{event_id}")
    page.get_by_text("Headers and body").click()
    request = page.get_by_role("group", name="Request")
    expect(request).to_contain_text("before")
    page.get_by_role("button", name="Copy as curl").focus()
    page.unroute(f"**/deliveries/{event_id}")
    expect(request).not_to_contain_text("before")
    expect(page.get_by_role("button", name="Copy as curl")).to_be_focused()


@pytest.mark.slow
def test_retrying_a_delivery_keeps_it_and_the_request_stays_open(
    portal: Portal, client: Client, create: Callable[..., Any], receiver: Receiver
) -> None:
    page = portal.page
    receiver.answer("/broken", Answer(500))
    webhook = create(path="/broken")
    event_id = client.post(f"/v1/webhooks/{webhook['id']}/test", {"event": "message.read"}, 202)["event_id"]
    client.await_delivery(webhook["id"], event_id, lambda d: d["status"] == "failed", seconds=60)
    portal.open(client, f"{webhook['id']}/deliveries/{event_id}")
    page.get_by_text("Headers and body").click()
    request = page.get_by_role("group", name="Request")
    expect(request).to_be_visible()
    before = request.inner_text()
    title = page.get_by_role("heading", level=1)
    receiver.answer("/broken", Answer(200))
    portal.press("Retry")
    expect(title).to_contain_text("Delivered")
    expect(title).to_be_focused()
    expect(request).to_be_visible()
    assert request.inner_text() != before, "it is the last attempt's"
