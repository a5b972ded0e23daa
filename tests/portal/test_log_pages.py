"""The delivery log's pages, read again and by another filter."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Locator, Route, expect

from local.client import Client
from tests.deployed import Deployed
from tests.portal.browser import Portal, settle, stand_still
from tests.portal.network import hold
from webhooks.deliveries import Attempt, Delivery, DeliveryStatus
from webhooks.items import delivery_item
from webhooks.times import now, rfc3339

Log = Callable[..., None]


@pytest.fixture
def webhook(create: Callable[..., Any]) -> Any:
    return create()


@pytest.fixture
def log(deployed: Deployed, account: tuple[str, Client], webhook: Any) -> Log:
    """Puts deliveries into the log, by the seconds since their events."""
    dynamodb, table = deployed.outputs.client("dynamodb"), deployed.resources["LogTable"]
    at = now()

    def put(*ages: int, status: DeliveryStatus = "delivered", event: str = "message.incoming") -> None:
        for age in ages:
            time = rfc3339(at - timedelta(seconds=age))
            attempts = [Attempt(1, 1, time, 84, status_code=200)] if status == "delivered" else []
            delivery = Delivery(
                webhook_id=webhook["id"], account_id=account[0], event_id=f"evt_{age}", event=event, accepted_at=time,
                status=status, round=1, round_started_at=time, attempts=attempts, version=1,
            )  # fmt: skip
            dynamodb.put_item(TableName=table, Item=delivery_item(delivery, 30))

    return put


def rows(portal: Portal) -> Locator:
    return portal.page.get_by_role("list", name="Deliveries").get_by_role("link")


def test_an_answer_to_an_older_filter_is_left_alone(portal: Portal, client: Client, webhook: Any, log: Log) -> None:
    """Not even a further page of it."""
    page = portal.page
    log(*range(27))
    log(50, event="contact.created")
    page.clock.install()
    portal.open(client, webhook["id"])
    expect(rows(portal)).to_have_count(25)
    stand_still(page)  # or the next look would put it right
    held = hold(page, "**/deliveries?*", count=2)
    portal.press("Load more")
    page.get_by_label("Status").select_option("delivered")
    expect(page.locator("[aria-busy=true] > ul")).to_be_visible()
    page.get_by_role("region", name="Deliveries").get_by_label("Event").select_option("contact.created")
    expect(rows(portal)).to_have_count(1)
    assert len(held) == 2
    for route in held:
        route.continue_()
        route.request.response()  # none if it was given up
    settle(page)
    expect(rows(portal)).to_have_count(1)
    expect(rows(portal)).to_contain_text("contact.created")
    expect(page.locator("[aria-busy]")).to_have_count(0)
    expect(page.get_by_role("button", name="Load more")).to_be_hidden()
    expect(page.locator("#stale")).to_be_hidden()


def test_a_filter_that_is_refused_leaves_nothing_of_the_one_before(
    portal: Portal, client: Client, webhook: Any, log: Log
) -> None:
    page = portal.page
    log(*range(27))

    def searched(route: Route) -> None:
        route.fulfill(json=route.fetch().json() | {"searched_to": "2026-01-01T00:00:00Z"})

    page.route("**/deliveries?*", searched)
    portal.open(client, webhook["id"])
    more, looked_back = page.get_by_role("button", name="Load more"), page.get_by_text("Looked back to")
    expect(more).to_be_visible()
    expect(looked_back).to_be_visible()
    page.route("**/deliveries?*", lambda route: route.fulfill(status=409, json={"detail": "not now"}))
    page.get_by_label("Status").select_option("failed")
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
    expect(more).to_be_hidden()
    expect(looked_back).to_have_count(0)


@pytest.mark.slow
def test_what_is_under_way_far_down_is_read_again(portal: Portal, client: Client, webhook: Any, log: Log) -> None:
    """Below the newest 100, as of a webhook with a pace."""
    log(*range(120))
    log(300, status="pending")
    portal.open(client, webhook["id"])
    for count in (25, 50, 75, 100):
        expect(rows(portal)).to_have_count(count)
        portal.press("Load more")
    expect(rows(portal)).to_have_count(121)
    expect(rows(portal).last).to_contain_text("Pending")
    log(300)
    expect(rows(portal).last).to_contain_text("Delivered")
    expect(rows(portal)).to_have_count(121)


def test_more_news_than_fits_a_page_leaves_no_gap(portal: Portal, client: Client, webhook: Any, log: Log) -> None:
    page = portal.page
    log(300)
    page.clock.install()
    portal.open(client, webhook["id"])
    expect(rows(portal)).to_have_count(1)
    stand_still(page)
    log(*range(60))
    portal.press("Refresh")
    expect(rows(portal)).to_have_count(61)
