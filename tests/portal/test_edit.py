"""Editing a webhook: what the form must not lose, and what it must not take for granted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from playwright.sync_api import expect

from local.client import Client
from tests.portal.browser import Portal


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
