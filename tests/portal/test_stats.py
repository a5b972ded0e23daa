"""How a webhook's deliveries went: as a chart, as a table and in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect

from local.client import Client
from local.receiver import Answer, Receiver
from tests.portal.browser import Portal


def send(client: Client, webhook: Any) -> str:
    event_id = client.post(f"/v1/webhooks/{webhook['id']}/test", {"event": "message.read"}, 202)["event_id"]
    return str(event_id)


def await_status(client: Client, webhook: Any, event_id: str, status: str) -> None:
    client.await_delivery(webhook["id"], event_id, lambda d: d["status"] == status, seconds=90)


def facts(page: Page) -> dict[str, str]:
    health = page.get_by_role("region", name="Health")
    expect(health.get_by_role("term").first).to_be_visible()
    return dict(zip(health.locator("dt").all_inner_texts(), health.locator("dd").all_inner_texts(), strict=True))


def test_a_webhooks_health_by_keyboard(
    portal: Portal, client: Client, create: Callable[..., Any], receiver: Receiver
) -> None:
    page, webhook = portal.page, create()
    receiver.answer("/hook", Answer(500))
    retried = send(client, webhook)
    await_status(client, webhook, retried, "retrying")
    receiver.answer("/hook", Answer(200))
    for event_id in (retried, send(client, webhook)):
        await_status(client, webhook, event_id, "delivered")
    portal.open(client, webhook["id"])
    health = page.get_by_role("region", name="Health")
    shown = facts(page)
    assert (shown["Delivered"], shown["Failed"], shown["Retried"]) == ("2 of 2, 100 %", "0", "1")
    assert "95 % within" in shown["Your answers take"]
    expect(health).to_contain_text("Since")
    expect(health.locator(".bars > span")).to_have_count(24)
    health.get_by_text("As a table").press("Enter")
    rows = health.get_by_role("row")
    expect(rows).to_have_count(25)
    expect(rows.last.get_by_role("cell")).to_have_text(["2", "0", "1"])
    page.get_by_label("Period").focus()
    page.keyboard.press("ArrowUp")
    expect(health.locator(".bars > span")).to_have_count(12)
    expect(page.locator("#announcer")).to_have_text("Health of the last hour")


def test_the_list_has_a_chart_of_each_webhook_and_says_what_it_shows(
    portal: Portal, client: Client, create: Callable[..., Any], receiver: Receiver
) -> None:
    page = portal.page
    receiver.answer("/dead", Answer(500))
    healthy, dead = create("Healthy"), create("Dead", path="/dead")
    await_status(client, healthy, send(client, healthy), "delivered")
    await_status(client, dead, send(client, dead), "failed")
    portal.open(client)
    rows = page.get_by_role("list", name="Webhooks").get_by_role("link")
    expect(rows.first).to_contain_text("Last 24 hours: 0 delivered, 1 failed.")
    expect(rows.last).to_contain_text("Last 24 hours: 1 delivered, 0 failed.")
    expect(rows.last.locator(".bars > span")).to_have_count(24)


def test_charts_stand_in_one_column_and_come_when_their_row_is_looked_at(
    portal: Portal, client: Client, create: Callable[..., Any]
) -> None:
    page, webhooks = portal.page, [create(f"Branch {number}") for number in range(1, 12)]
    client.patch(f"/v1/webhooks/{webhooks[1]['id']}", {"enabled": False})
    page.set_viewport_size({"width": 1280, "height": 600})
    portal.open(client)
    rows = page.get_by_role("list", name="Webhooks").get_by_role("listitem")
    expect(rows.nth(1)).to_contain_text("Last 24 hours:")
    expect(rows.nth(1)).to_contain_text("Disabled")
    ninth = rows.nth(8)
    expect(ninth).not_to_contain_text("Last 24 hours:")
    ninth.scroll_into_view_if_needed()
    expect(ninth).to_contain_text("Last 24 hours: 0 delivered, 0 failed.")
    lefts = page.evaluate("[...document.querySelectorAll('.spark')].map((each) => each.getBoundingClientRect().left)")
    assert len(lefts) == 11
    assert len(set(lefts)) == 1


def test_a_chart_is_asked_for_again_when_the_status_changes(
    portal: Portal, client: Client, create: Callable[..., Any]
) -> None:
    page, webhook = portal.page, create()
    portal.open(client)
    row = page.get_by_role("list", name="Webhooks").get_by_role("listitem")
    expect(row).to_contain_text("Last 24 hours: 0 delivered, 0 failed.")
    await_status(client, webhook, send(client, webhook), "delivered")
    client.patch(f"/v1/webhooks/{webhook['id']}", {"enabled": False})
    expect(row).to_contain_text("Last 24 hours: 1 delivered, 0 failed.", timeout=90_000)  # the list looks every 10 s


def test_what_failed_is_a_link_to_it_and_says_if_nothing_sends_it_again(
    portal: Portal, client: Client, create: Callable[..., Any], receiver: Receiver
) -> None:
    page, webhook = portal.page, create()
    receiver.answer("/hook", Answer(500))
    failed = send(client, webhook)
    await_status(client, webhook, failed, "failed")
    receiver.answer("/hook", Answer(200))
    await_status(client, webhook, send(client, webhook), "delivered")
    portal.open(client, webhook["id"])
    expect(page.get_by_role("heading", level=1)).to_contain_text("Active")
    page.get_by_role("region", name="Health").get_by_role("link", name="1, not sent again by itself").click()
    log = page.get_by_role("list", name="Deliveries")
    expect(log.get_by_role("listitem")).to_have_count(1)
    expect(log.get_by_role("link").first).to_have_attribute("href", f"#/{webhook['id']}/deliveries/{failed}")
    client.patch(f"/v1/webhooks/{webhook['id']}", {"catch_up": True})
    page.reload()
    assert facts(page)["Failed"] == "1"


def test_nothing_was_sent_yet(portal: Portal, client: Client, create: Callable[..., Any]) -> None:
    portal.open(client, create()["id"])
    assert facts(portal.page)["Delivered"] == "Nothing was sent"


def test_health_counts_what_is_delivered_meanwhile_and_what_is_open_stays_open(
    portal: Portal, client: Client, create: Callable[..., Any]
) -> None:
    page, webhook = portal.page, create()
    portal.open(client, webhook["id"])
    assert facts(page)["Delivered"] == "Nothing was sent"
    health = page.get_by_role("region", name="Health")
    portal.press("Send test event")
    expect(health).to_contain_text("1 of 1, 100 %")
    summary = health.get_by_text("As a table")
    summary.press("Enter")
    send(client, webhook)
    expect(health).to_contain_text("2 of 2, 100 %")
    expect(health.get_by_role("row")).to_have_count(25)
    expect(summary).to_be_focused()
