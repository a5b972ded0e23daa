"""Two people, or two tabs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from local.client import Client
from tests.portal.browser import Portal


def come_back(page: Page) -> None:
    """To the tab, after more than a second elsewhere."""
    page.clock.run_for(2000)
    page.evaluate("window.dispatchEvent(new Event('focus'))")


def test_what_another_tab_changed_is_seen_on_coming_back(
    portal: Portal, client: Client, create: Callable[..., Any]
) -> None:
    webhook = create()
    portal.page.clock.install()
    portal.open(client, webhook["id"])
    client.patch(f"/v1/webhooks/{webhook['id']}", {"name": "Renamed elsewhere"})
    come_back(portal.page)
    portal.heading("Renamed elsewhere")
    portal.go("")
    expect(portal.page.get_by_role("list", name="Webhooks")).to_contain_text("Renamed elsewhere")
    create("Made elsewhere")
    come_back(portal.page)
    expect(portal.page.get_by_role("list", name="Webhooks")).to_contain_text("Made elsewhere")


@pytest.mark.parametrize("overwrite", [False, True])
def test_an_edit_of_what_somebody_else_changed(
    portal: Portal, client: Client, create: Callable[..., Any], overwrite: bool
) -> None:
    page = portal.page
    webhook = create()
    portal.open(client, f"{webhook['id']}/edit")
    page.get_by_label("Name", exact=True).fill("Mine")
    client.patch(f"/v1/webhooks/{webhook['id']}", {"name": "Theirs"})
    portal.press("Save changes")
    expect(page.get_by_role("alert")).to_contain_text("Somebody else changed this webhook")
    expect(page.get_by_label("Name", exact=True)).to_have_value("Mine")
    if overwrite:
        portal.press("Save mine over it")
        portal.heading("Mine")
    else:
        portal.press("Reload and lose my changes")
        expect(page.get_by_label("Name", exact=True)).to_have_value("Theirs")
    assert client.get(f"/v1/webhooks/{webhook['id']}")["name"] == ("Mine" if overwrite else "Theirs")


def test_deleting_what_somebody_else_changed(portal: Portal, client: Client, create: Callable[..., Any]) -> None:
    page = portal.page
    webhook = create()
    portal.open(client, webhook["id"])
    client.patch(f"/v1/webhooks/{webhook['id']}", {"name": "Theirs"})
    portal.press("Delete")
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Delete webhook").click()
    expect(dialog).to_contain_text("Somebody else changed this webhook")
    expect(page.locator("h1")).to_contain_text("Theirs")
    dialog.get_by_role("button", name="Delete webhook").click()
    expect(page.get_by_role("heading", name="No webhooks yet")).to_be_visible()
