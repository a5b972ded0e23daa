"""Slow and broken networks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Route, expect

from local.client import Client
from local.receiver import Receiver
from tests.portal.browser import Portal, run_for, stand_still
from tests.portal.network import refuse_first


def test_while_loading_it_says_so(portal: Portal, client: Client, create: Callable[..., Any]) -> None:
    page = portal.page
    webhook = create()
    portal.open(client)
    held: list[Route] = []
    page.route("**/deliveries?*", lambda route: held.append(route))
    page.get_by_role("list", name="Webhooks").get_by_role("link").click()
    expect(page.get_by_text("Loading deliveries…")).to_be_visible()
    portal.heading(webhook["name"])
    expect(page.locator(".view[aria-busy=true]")).to_be_visible()
    held[0].continue_()
    expect(page.get_by_text("Nothing was sent yet.")).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_be_focused()


def test_a_view_that_could_not_be_loaded_is_tried_again(
    portal: Portal, client: Client, create: Callable[..., Any]
) -> None:
    webhook = create()
    portal.open(client)
    portal.page.context.set_offline(True)
    portal.page.get_by_role("list", name="Webhooks").get_by_role("link").click()
    expect(portal.page.get_by_text("You are offline.")).to_be_visible()
    portal.page.context.set_offline(False)
    portal.press("Try again")
    portal.heading(webhook["name"])


def test_an_answer_of_somebody_else_or_cut_off_is_said_in_words(portal: Portal, client: Client) -> None:
    page = portal.page
    portal.open(client)
    words = page.get_by_text("The server did not answer. Try again in a moment.")
    page.route("**/v1/webhooks?*", lambda route: route.fulfill(body="<!doctype html>Sign in to the Wi-Fi"), times=1)
    page.reload()
    expect(words).to_be_visible()
    page.evaluate("() => { Response.prototype.text = () => Promise.reject(new TypeError('network error')); }")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("[aria-busy]")).to_have_count(0)
    expect(words).to_be_visible()


def test_leaving_a_view_that_still_loads(portal: Portal, client: Client, create: Callable[..., Any]) -> None:
    """What comes late must not be put into the view that is shown by then."""
    page = portal.page
    create()
    portal.open(client)
    held: list[Route] = []
    page.route("**/v1/webhooks/wh_*", lambda route: held.append(route))
    page.get_by_role("list", name="Webhooks").get_by_role("link").click()
    expect(page.get_by_text("Loading the webhook…")).to_be_visible()
    page.go_back()
    portal.heading("Webhooks")
    page.unroute_all(behavior="ignoreErrors")
    expect(page.get_by_role("list", name="Webhooks").get_by_role("link")).to_have_count(1)
    expect(page.get_by_role("heading", level=1)).to_have_count(1)


def test_offline_is_said_and_nothing_is_lost(portal: Portal, client: Client, receiver: Receiver) -> None:
    portal.open(client, "new")
    portal.fill(name="Orders", url=receiver.url("/hook"))
    portal.page.context.set_offline(True)
    portal.press("Create Webhook")
    expect(portal.page.get_by_role("alert")).to_contain_text("You are offline")
    portal.page.context.set_offline(False)
    portal.press("Create Webhook")
    portal.heading("Your webhook is ready")


def test_what_could_not_be_read_again_says_so_until_it_can(
    portal: Portal, client: Client, create: Callable[..., Any]
) -> None:
    page = portal.page
    create("Orders")
    page.clock.install()
    portal.open(client)
    portal.ready()
    stand_still(page)
    page.context.set_offline(True)
    page.clock.run_for(15_000)
    expect(page.locator("#stale")).to_contain_text("This may be out of date. You are offline.")
    page.context.set_offline(False)
    create("Contacts")
    run_for(page, 60)
    expect(page.get_by_role("list", name="Webhooks").get_by_role("link")).to_have_count(2)
    expect(page.locator("#stale")).to_be_hidden()


def test_a_webhook_that_somebody_else_deletes_is_said_to_be_gone(
    portal: Portal, client: Client, create: Callable[..., Any]
) -> None:
    page = portal.page
    webhook = create()
    page.clock.install()
    portal.open(client, webhook["id"])
    expect(page.get_by_text("Nothing was sent yet.")).to_be_visible()
    stand_still(page)
    assert client.call("DELETE", f"/v1/webhooks/{webhook['id']}").status_code == 204
    run_for(page, 30)
    expect(page.locator("#stale")).to_contain_text("This may be out of date. There is no such webhook.")
    page.get_by_role("link", name="Webhooks", exact=True).click()
    portal.heading("Webhooks")
    expect(page.locator("#stale")).to_be_hidden()


def test_while_busy_the_button_says_so(portal: Portal, client: Client, receiver: Receiver) -> None:
    """Two clicks make one webhook."""
    page = portal.page
    portal.open(client, "new")
    portal.fill(name="Orders", url=receiver.url("/hook"))
    held: list[Route] = []
    page.route("**/v1/webhooks", lambda route: held.append(route))
    portal.press("Create Webhook")
    busy = page.get_by_role("button", name="Creating…")
    expect(busy).to_be_disabled()
    busy.click(force=True)
    assert len(held) == 1
    held[0].continue_()
    portal.heading("Your webhook is ready")
    assert len(client.get("/v1/webhooks")["data"]) == 1


@pytest.mark.parametrize("statuses", [(429,), (429, 503)])
def test_reading_goes_on_when_there_was_no_room_for_it(
    portal: Portal, client: Client, create: Callable[..., Any], statuses: tuple[int, ...]
) -> None:
    webhook = create()
    portal.open(client)
    answered = refuse_first(portal.page, "**/v1/webhooks/wh_*", "GET", *statuses)
    portal.page.get_by_role("list", name="Webhooks").get_by_role("link").click()
    portal.heading(webhook["name"])
    assert tuple(answered) == statuses


def test_a_change_that_never_reached_the_api_is_made_once(portal: Portal, client: Client, receiver: Receiver) -> None:
    portal.open(client, "new")
    portal.fill(name="Orders", url=receiver.url("/hook"))
    answered = refuse_first(portal.page, "**/v1/webhooks", "POST", 429, 429)
    portal.press("Create Webhook")
    portal.heading("Your webhook is ready")
    assert answered == [429, 429]
    assert len(client.get("/v1/webhooks")["data"]) == 1


def test_a_change_that_may_have_reached_the_api_is_not_repeated(
    portal: Portal, client: Client, receiver: Receiver
) -> None:
    portal.open(client, "new")
    portal.fill(name="Orders", url=receiver.url("/hook"))
    answered = refuse_first(portal.page, "**/v1/webhooks", "POST", 503, 503)
    portal.press("Create Webhook")
    expect(portal.page.get_by_role("alert")).to_contain_text("The server answered 503. Try again in a moment.")
    assert answered == [503]


def test_when_there_is_no_room_for_long_the_reader_is_told(
    portal: Portal, client: Client, create: Callable[..., Any]
) -> None:
    create()
    portal.open(client)
    answered = refuse_first(portal.page, "**/v1/webhooks/wh_*", "GET", *[429] * 9)
    portal.page.get_by_role("list", name="Webhooks").get_by_role("link").click()
    expect(portal.page.get_by_role("button", name="Try again")).to_be_visible()
    assert 4 <= len(answered) < 9
