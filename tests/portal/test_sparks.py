"""The small charts in the list of webhooks, which stay true for as long as the list is open."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Route, expect

from local.client import Client
from local.receiver import Answer, Receiver
from tests.portal.browser import Portal, settle
from tests.portal.test_stats import await_status, send


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
    expect(rows.first).to_contain_text("Last 24 hours: 1 failed and 0 were delivered.")
    expect(rows.last).to_contain_text("Last 24 hours: 0 failed and 1 was delivered.")
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
    expect(ninth).to_contain_text("Last 24 hours: 0 failed and 0 were delivered.")
    lefts = page.evaluate("[...document.querySelectorAll('.spark')].map((each) => each.getBoundingClientRect().left)")
    assert len(lefts) == 11
    assert len(set(lefts)) == 1


def test_a_chart_is_asked_for_again_when_the_status_changes(
    portal: Portal, client: Client, create: Callable[..., Any]
) -> None:
    page, webhook = portal.page, create()
    portal.open(client)
    row = page.get_by_role("list", name="Webhooks").get_by_role("listitem")
    expect(row).to_contain_text("Last 24 hours: 0 failed and 0 were delivered.")
    await_status(client, webhook, send(client, webhook), "delivered")
    client.patch(f"/v1/webhooks/{webhook['id']}", {"enabled": False})
    expect(row).to_contain_text(
        "Last 24 hours: 0 failed and 1 was delivered.", timeout=90_000
    )  # the list looks every 10 s


def test_a_chart_is_counted_again_after_some_minutes(
    portal: Portal, client: Client, create: Callable[..., Any]
) -> None:
    page, webhook = portal.page, create()
    page.clock.install()
    portal.open(client)
    row = page.get_by_role("list", name="Webhooks").get_by_role("listitem")
    expect(row).to_contain_text("Last 24 hours: 0 failed and 0 were delivered.")
    await_status(client, webhook, send(client, webhook), "delivered")
    page.clock.fast_forward("06:00")
    expect(row).to_contain_text("Last 24 hours: 0 failed and 1 was delivered.")


def test_a_chart_that_was_refused_is_asked_for_again(
    portal: Portal, client: Client, create: Callable[..., Any]
) -> None:
    page = portal.page
    create()
    page.clock.install()
    page.route("**/stats?*", lambda route: route.fulfill(status=409, json={"detail": "try later"}))
    with page.expect_response("**/stats?*"):
        portal.open(client)
    settle(page)
    page.unroute("**/stats?*")
    row = page.get_by_role("list", name="Webhooks").get_by_role("listitem")
    expect(row).not_to_contain_text("Last 24 hours")
    page.clock.fast_forward("01:30")
    expect(row).to_contain_text("Last 24 hours: 0 failed and 0 were delivered.")


def test_a_count_that_is_not_complete_is_said_to_be_more(
    portal: Portal, client: Client, create: Callable[..., Any]
) -> None:
    page = portal.page
    create()

    def not_all(route: Route) -> None:
        stats = route.fetch().json() | {"complete": False, "failed": 12, "delivered": 2000}
        route.fulfill(json=stats)

    page.route("**/stats?*", not_all)
    portal.open(client)
    row = page.get_by_role("list", name="Webhooks").get_by_role("listitem")
    expect(row).to_contain_text("Last 24 hours: at least 12 failed and 2000 were delivered.")
