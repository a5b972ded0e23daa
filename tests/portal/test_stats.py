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
    assert "95 % within" in shown["Response time"]
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
    page.get_by_role("region", name="Health").get_by_role("link", name="1, not resent automatically").click()
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
