"""Editing a webhook: what the form must not lose, and what it must not take for granted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Route, expect

from local.client import Client
from tests.portal.browser import Portal


def test_a_change_that_is_stored_and_not_finished_is_finished_by_saving_once_more(
    portal: Portal, client: Client, create: Callable[..., Any]
) -> None:
    page, webhook = portal.page, create()
    portal.open(client, f"{webhook['id']}/edit")
    path = f"/v1/webhooks/{webhook['id']}"

    def store_and_refuse(route: Route) -> None:
        assert route.request.method == "PATCH"
        assert route.fetch().ok
        refuse(
            route, "the webhook is changed, but that could not be published on the event bus; send the same PATCH again"
        )

    page.route(f"**{path}", store_and_refuse, times=1)
    page.get_by_label("Name", exact=True).fill("Renamed")
    portal.press("Save changes")
    expect(page.get_by_role("alert")).to_contain_text("It was saved")
    expect(page.get_by_role("alert")).to_contain_text("Save once more to finish.")
    assert client.get(path)["name"] == "Renamed"
    portal.press("Save changes")
    expect(page.get_by_role("region", name="Saved")).to_contain_text("Changes saved.")


@pytest.mark.parametrize(
    ("action", "status", "words"),
    [
        ("Enable", "active", "the webhook is changed, but that could not be published on the event bus; send the same"),
        (
            "Disable",
            "disabled",
            "the webhook is disabled, but `webhook.disabled` could not be published; send the same",
        ),
    ],
    ids=["enabling", "disabling"],
)
def test_a_switch_that_is_stored_and_not_finished_is_finished_by_pressing_once_more(
    portal: Portal, client: Client, create: Callable[..., Any], action: str, status: str, words: str
) -> None:
    page, webhook = portal.page, create()
    path = f"/v1/webhooks/{webhook['id']}"
    client.patch(path, {"enabled": action == "Disable"})
    portal.open(client, webhook["id"])

    def store_and_refuse(route: Route) -> None:
        assert route.fetch().ok
        refuse(route, words)

    page.route(f"**{path}", store_and_refuse, times=1)
    place = page.locator("#main")
    if action == "Disable":
        portal.press(action)
        place = page.get_by_role("dialog")
    place.get_by_role("button", name=action).click()
    expect(place.get_by_text("It was stored. Press once more to finish.")).to_be_visible()
    assert client.get(path)["status"] == status
    place.get_by_role("button", name=action).click()
    portal.heading(status.capitalize())
    expect(page.get_by_role("dialog")).to_have_count(0)


def refuse(route: Route, detail: str) -> None:
    route.fulfill(status=503, content_type="application/problem+json", json={"detail": detail})


def test_a_header_can_be_replaced_by_one_that_servers_take_for_the_same(
    portal: Portal, client: Client, create: Callable[..., Any]
) -> None:
    page, webhook = portal.page, create(headers={"X_Key": "old"})
    portal.open(client, f"{webhook['id']}/edit")
    page.get_by_role("button", name="Remove this header").click()
    portal.press("Add a header")
    page.get_by_label("Header name").fill("X-Key")
    page.get_by_label("Value").fill("new")
    portal.press("Save changes")
    portal.heading("Orders")
    assert list(client.get(f"/v1/webhooks/{webhook['id']}")["headers"]) == ["X-Key"]


def test_how_old_deliveries_may_be_that_catching_up_sends(
    portal: Portal, client: Client, create: Callable[..., Any]
) -> None:
    portal.open(client, f"{create(catch_up_hours=168)['id']}/edit")
    expect(portal.page.locator("form")).to_contain_text("the oldest first, up to 168 h old.")


def test_what_is_typed_is_not_cut_off(portal: Portal, client: Client, create: Callable[..., Any]) -> None:
    """JavaScript counts most emoji as two characters, the API as one."""
    page, webhook = portal.page, create(max_per_second=20)
    portal.open(client, f"{webhook['id']}/edit")
    page.get_by_label("Name", exact=True).fill("")
    page.keyboard.type("😀" * 60)
    pace = page.get_by_label("Pace: deliveries per second", exact=True)
    pace.fill("")
    page.keyboard.type("10000")
    portal.press("Save changes")
    expect(page.get_by_role("alert")).to_contain_text("Pace")
    expect(pace).to_have_value("10000")
    pace.fill("")
    portal.press("Save changes")
    portal.heading("😀")
    assert client.get(f"/v1/webhooks/{webhook['id']}")["name"] == "😀" * 60
