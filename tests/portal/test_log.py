"""The delivery log: pages, filters, the way back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from local.client import Client
from tests.deployed import Deployed
from tests.portal.browser import Portal, run_for, stand_still

EVENTS = 28
EXAMPLE = {"message_id": "wamid.1", "whatsapp_account_id": "uuid"}


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
    expect(page.locator("#main").get_by_text("No delivery matches.")).to_be_visible()
    page.go_back()
    portal.heading("Webhooks")


def test_the_way_back_leads_to_the_same_place(portal: Portal, client: Client, busy_webhook: Any) -> None:
    page = portal.page
    portal.open(client, busy_webhook["id"])
    portal.press("Load more")
    expect(rows(portal)).to_have_count(EVENTS)
    last = rows(portal).last
    event_id = str(last.get_attribute("href")).rpartition("/")[2]
    expect(last).to_contain_text(event_id)
    last.scroll_into_view_if_needed()
    scrolled = page.evaluate("scrollY")
    last.click()
    portal.heading("contact.created")
    portal.ready()
    page.go_back()
    expect(rows(portal)).to_have_count(EVENTS)
    expect(last).to_be_focused()
    assert page.evaluate("scrollY") == pytest.approx(scrolled, abs=50)
    last.click()
    portal.heading("contact.created")
    page.get_by_role("link", name="Webhooks").click()
    portal.heading("Webhooks")
    portal.go(busy_webhook["id"])
    expect(rows(portal)).to_have_count(25)


def test_an_event_appears_by_itself_and_the_focus_stays(
    portal: Portal, client: Client, create: Callable[..., Any], account: Any, deployed: Deployed
) -> None:
    page = portal.page
    webhook = create()
    portal.open(client, webhook["id"])
    expect(page.get_by_text("Nothing was sent yet.")).to_be_visible()
    first = deployed.platform.publish(account[0], "message.incoming", EXAMPLE)
    expect(rows(portal)).to_have_count(1)
    expect(rows(portal)).to_contain_text("Delivered")
    rows(portal).focus()
    deployed.platform.publish(account[0], "message.incoming", EXAMPLE)
    expect(rows(portal)).to_have_count(2)
    expect(rows(portal).last).to_be_focused()
    expect(rows(portal).last).to_have_attribute("href", f"#/{webhook['id']}/deliveries/{first}")


def test_refresh(portal: Portal, client: Client, create: Callable[..., Any], account: Any, deployed: Deployed) -> None:
    """With a clock that stands still nothing is asked for by itself."""
    page = portal.page
    webhook = create()
    page.clock.install()
    portal.open(client, webhook["id"])
    stand_still(page)
    event_id = deployed.platform.publish(account[0], "message.incoming", EXAMPLE)
    client.await_delivery(webhook["id"], event_id, lambda d: d["status"] == "delivered", seconds=30)
    expect(page.get_by_text("Nothing was sent yet.")).to_be_visible()
    portal.press("Refresh")
    expect(rows(portal)).to_have_count(1)
    expect(page.get_by_role("button", name="Refresh")).to_be_focused()


def test_a_new_webhook_and_a_status_appear_in_the_list_by_themselves(
    portal: Portal, client: Client, create: Callable[..., Any]
) -> None:
    portal.open(client)
    expect(portal.page.get_by_role("heading", name="No webhooks yet")).to_be_visible()
    webhook = create("Made elsewhere")
    row = portal.page.get_by_role("list", name="Webhooks").get_by_role("link")
    expect(row).to_contain_text("Active")
    row.focus()
    client.patch(f"/v1/webhooks/{webhook['id']}", {"enabled": False})
    expect(row).to_contain_text("Disabled")
    expect(row).to_be_focused()


def test_it_looks_slowly_when_nothing_is_under_way_and_not_at_all_when_nobody_looks(
    portal: Portal, client: Client, create: Callable[..., Any]
) -> None:
    """After a few looks in a row, for what an ended delivery changed, one in ten seconds at most."""
    page = portal.page
    webhook = create()
    page.clock.install()
    portal.open(client, webhook["id"])
    portal.press("Send test event")
    expect(rows(portal)).to_contain_text("Delivered")
    stand_still(page)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/v1/" in request.url else None)
    run_for(page, 60)
    asked.clear()
    run_for(page, 120)
    assert 2 <= len(asked) <= 12, asked
    page.evaluate(
        "Object.defineProperty(document, 'hidden', {get: () => true});"
        "document.dispatchEvent(new Event('visibilitychange'))"
    )
    asked.clear()
    run_for(page, 120)
    assert asked == []
