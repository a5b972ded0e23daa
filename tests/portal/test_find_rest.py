"""Deliveries of an event that are not in the log: of webhooks that are yet to get it, or were deleted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from playwright.sync_api import expect

from local.client import Client
from tests.deployed import Deployed
from tests.portal.browser import Portal, run_for, settle, stand_still
from webhooks.deliveries import Attempt, Delivery
from webhooks.items import delivery_item, event_item
from webhooks.stored_events import StoredEvent
from webhooks.times import now, rfc3339

BODY = '{"event":"message.incoming","timestamp":"2026-05-29T10:30:00Z","data":{"message_id":"wamid.1"}}'


def test_they_are_waited_for_while_one_may_come(
    portal: Portal, account: tuple[str, Client], create: Callable[..., Any], deployed: Deployed
) -> None:
    page, (account_id, client) = portal.page, account
    put, table = deployed.outputs.client("dynamodb").put_item, deployed.resources["LogTable"]
    orders, crm = create("Orders"), create("CRM")
    create("Other", events=["contact.created"])
    create("Of another account", whatsapp_account_ids=["elsewhere"])
    at = rfc3339(now())
    event = StoredEvent(account_id, "evt_1", "message.incoming", BODY, at, webhooks=3)  # one was deleted

    def deliver(webhook: Any) -> None:
        delivery = Delivery(
            webhook_id=webhook["id"], account_id=account_id, event_id="evt_1", event="message.incoming", accepted_at=at,
            status="delivered", round=1, round_started_at=at, attempts=[Attempt(1, 1, at, 84, status_code=200)], version=1,
        )  # fmt: skip
        put(TableName=table, Item=delivery_item(delivery, 30))

    put(TableName=table, Item=event_item(event, 30))
    deliver(orders)
    page.clock.install()
    portal.open(client, "events/evt_1")
    rows = page.get_by_role("list", name="Deliveries").get_by_role("listitem")
    expect(rows).to_have_count(1)
    expect(page.locator("#main").get_by_text("2 more: no attempt yet, or deleted.")).to_be_visible()
    stand_still(page)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/v1/" in request.url else None)
    run_for(page, 120)
    asked.clear()
    run_for(page, 60)
    assert asked, "CRM has no delivery yet"
    deliver(crm)
    run_for(page, 30)
    expect(rows).to_have_count(2)
    portal.go("new")
    with page.expect_response("**/v1/webhooks?*"):  # the last thing that it asks
        portal.go("events/evt_1")
        run_for(page, 10)
    settle(page)
    asked.clear()
    run_for(page, 120)
    assert asked == []
