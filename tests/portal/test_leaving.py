"""What comes late is not put into the view that is shown by then."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Request, expect

from local.client import Client
from local.receiver import Receiver
from tests.portal.browser import Portal, settle
from tests.portal.network import answer, hold


def leave(portal: Portal) -> None:
    """Without what was entered, if the page asks."""
    portal.page.keyboard.press("Escape")
    portal.page.get_by_role("link", name="Webhooks", exact=True).click()
    asked = portal.page.get_by_role("dialog", name="Leave without saving?")
    expect(
        asked.or_(portal.page.locator("#crumbs [aria-current=page]", has_text=re.compile("^Webhooks$")))
    ).to_be_visible()
    if asked.is_visible():
        portal.press("Leave")
    portal.ready()
    portal.heading("Webhooks")


def still_listed(portal: Portal) -> None:
    expect(portal.page).to_have_url(f"{portal.address}#/")
    expect(portal.page).to_have_title(re.compile("^\u2068Webhooks\u2069"))
    expect(portal.page.locator("#crumbs")).not_to_contain_text("Orders")


def test_a_test_event(portal: Portal, client: Client, create: Callable[..., Any]) -> None:
    page = portal.page
    portal.open(client, create()["id"])
    held = hold(page, "**/test", "POST")
    portal.press("Send test event")
    leave(portal)
    answer(page, held)
    still_listed(portal)
    page.get_by_role("list", name="Webhooks").get_by_role("link").click()
    portal.heading("Orders")


def test_enabling(portal: Portal, client: Client, create: Callable[..., Any]) -> None:
    webhook = create()
    client.patch(f"/v1/webhooks/{webhook['id']}", {"enabled": False})
    portal.open(client, webhook["id"])
    held = hold(portal.page, "**/v1/webhooks/wh_*", "PATCH")
    portal.press("Enable")
    leave(portal)
    answer(portal.page, held)
    still_listed(portal)


def test_a_log_that_still_loads(portal: Portal, client: Client, create: Callable[..., Any]) -> None:
    """No test event is sent behind the back of who has left."""
    page = portal.page
    webhook = create()
    portal.open(client, "new")
    portal.fill(name="Contacts", url=webhook["url"])
    portal.press("Create Webhook")
    hold(page, "**/deliveries?*")
    sent: list[Request] = []
    page.on("request", lambda request: sent.append(request) if request.method == "POST" else None)
    page.get_by_role("link", name="Send a test now").click()
    expect(page.get_by_text("Loading deliveries…")).to_be_visible()
    leave(portal)
    settle(page)
    still_listed(portal)
    assert sent == []


def test_a_retry(portal: Portal, client: Client, create: Callable[..., Any]) -> None:
    webhook = create()
    event_id = client.post(f"/v1/webhooks/{webhook['id']}/test", {"event": "message.read"}, 202)["event_id"]
    client.await_delivery(webhook["id"], event_id, lambda d: d["status"] == "delivered", seconds=30)
    portal.open(client, f"{webhook['id']}/deliveries/{event_id}")
    held = hold(portal.page, "**/retry", "POST")
    portal.press("Retry")
    leave(portal)
    answer(portal.page, held)
    still_listed(portal)


def test_a_test_address_and_the_address_for_alerts(portal: Portal, client: Client) -> None:
    page = portal.page
    portal.open(client)
    address, alerts = hold(page, "**/test-addresses", "POST"), hold(page, "**/notifications")
    portal.press("Get a test address")
    portal.press("Email alerts…")
    page.get_by_role("link", name="New Webhook").click()
    portal.ready()
    answer(page, address)
    alerts[0].continue_()
    settle(page)
    portal.heading("New Webhook")
    expect(page.get_by_role("dialog")).to_have_count(0)


@pytest.mark.parametrize("change", ["create", "edit", "delete"])
def test_nothing_typed_meanwhile_is_lost(
    portal: Portal, client: Client, create: Callable[..., Any], receiver: Receiver, change: str
) -> None:
    page = portal.page
    webhook = create()
    portal.open(client, {"create": "new", "edit": f"{webhook['id']}/edit", "delete": webhook["id"]}[change])
    method = {"create": "POST", "edit": "PATCH", "delete": "DELETE"}[change]
    held = hold(page, "**/v1/webhooks*" if change == "create" else "**/v1/webhooks/wh_*", method)
    if change == "delete":
        portal.press("Delete")
        portal.press("Delete webhook")
    else:
        portal.fill(name="Contacts", url=receiver.url("/hook"))
        portal.press("Create Webhook" if change == "create" else "Save changes")
    leave(portal)
    page.get_by_role("link", name="New Webhook").click()
    portal.ready()
    page.get_by_label("Name", exact=True).fill("Typed meanwhile")
    answer(page, held)
    expect(page.get_by_label("Name", exact=True)).to_have_value("Typed meanwhile")
    page.get_by_role("link", name="Webhooks", exact=True).click()
    expect(page.get_by_role("dialog", name="Leave without saving?")).to_be_visible()
