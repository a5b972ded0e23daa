"""The delivery log: pages, filters, the way back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from local.client import Client
from tests.portal.browser import Portal

EVENTS = 28


@pytest.fixture
def busy_webhook(client: Client, create: Callable[..., Any]) -> Any:
    """With more deliveries than a page shows, the last of another event."""
    webhook = create()
    for number in range(EVENTS):
        event = "contact.created" if number == 0 else "message.read"
        client.post(f"/v1/webhooks/{webhook['id']}/test", {"event": event}, 202)
    return webhook


def rows(portal: Portal) -> Locator:
    return portal.page.get_by_role("list", name="Deliveries").get_by_role("link")


def test_load_more(portal: Portal, client: Client, busy_webhook: Any) -> None:
    portal.open(client, busy_webhook["id"])
    expect(rows(portal)).to_have_count(25)
    portal.press("Load more")
    expect(rows(portal)).to_have_count(EVENTS)
    expect(portal.page.get_by_role("button", name="Load more")).to_be_hidden()
    expect(rows(portal).get_by_text("Delivered")).to_have_count(EVENTS)
    expect(rows(portal).last).to_contain_text("contact.created")


def test_filters_last_over_a_look_at_a_delivery(portal: Portal, client: Client, busy_webhook: Any) -> None:
    """The one that matches is on the log's second page."""
    page = portal.page
    portal.open(client, busy_webhook["id"])
    page.get_by_role("region", name="Deliveries").get_by_label("Event").select_option("contact.created")
    expect(rows(portal)).to_have_count(1)
    rows(portal).click()
    portal.heading("contact.created")
    page.go_back()
    expect(rows(portal)).to_have_count(1)
    page.get_by_label("Status").select_option("cancelled")
    expect(page.get_by_text("No delivery matches.")).to_be_visible()
    page.go_back()
    portal.heading("Webhooks")


def test_polling_stops_when_nothing_is_due(portal: Portal, client: Client, create: Callable[..., Any]) -> None:
    """It looks again a few times, for what an ended delivery changed, and then no more."""
    webhook = create()
    portal.page.clock.install()
    portal.open(client, webhook["id"])
    portal.press("Send test event")
    expect(rows(portal)).to_contain_text("Delivered")
    asked: list[str] = []
    portal.page.on("request", lambda request: asked.append(request.url))
    quiet = 0
    for _ in range(60):
        asked.clear()
        portal.page.clock.run_for(20_000)  # less than a call may take
        for _ in range(3):  # time for an answer to come and to be used
            portal.page.evaluate("fetch(location.pathname).then((answer) => answer.text())")
        quiet = 0 if any("/v1/" in url for url in asked) else quiet + 1
        if quiet == 5:
            return
    pytest.fail(f"after 20 minutes it still asks {asked}")
