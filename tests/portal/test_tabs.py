"""Two people, or two tabs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from local.client import Client
from local.receiver import Receiver
from tests.deployed import Deployed
from tests.portal.browser import Portal, key_of


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


def test_headers_that_somebody_else_added_are_not_sent_to_another_server(
    portal: Portal, client: Client, create: Callable[..., Any], receiver: Receiver
) -> None:
    """The form does not know of them, the API does."""
    page = portal.page
    webhook = create()
    portal.open(client, f"{webhook['id']}/edit")
    page.get_by_label("URL").fill(receiver.url("/hook").replace("localhost", "127.0.0.1"))
    client.patch(f"/v1/webhooks/{webhook['id']}", {"headers": {"X-Api-Key": "theirs"}})
    portal.press("Save changes")
    portal.press("Save mine over it")
    expect(page.get_by_role("group", name="Headers").locator(".error")).not_to_be_empty()
    expect(page.get_by_role("alert")).to_contain_text("Headers")
    assert client.get(f"/v1/webhooks/{webhook['id']}")["url"] == webhook["url"]


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


def test_a_link_opened_in_another_tab_needs_no_key(portal: Portal, client: Client, create: Callable[..., Any]) -> None:
    webhook = create()
    portal.open(client)
    row = portal.page.get_by_role("list", name="Webhooks").get_by_role("link")
    with portal.page.context.expect_page() as opened:
        row.click(modifiers=["Control"])
    expect(opened.value.get_by_role("heading", level=1)).to_contain_text("Orders")
    pasted = Portal(portal.page.context.new_page(), portal.address.removesuffix("/settings/webhooks"))
    pasted.page.goto(f"{portal.address}#/{webhook['id']}/edit")
    pasted.heading("Edit webhook")
    expect(pasted.page.locator("#account")).to_be_visible()
    pasted.press("Sign out")
    for page in (portal.page, opened.value):
        expect(page.get_by_label("API key")).to_be_visible()
        expect(page.get_by_text("You signed out in another tab.")).to_be_visible()


def test_a_busy_tab_is_waited_for(portal: Portal, client: Client) -> None:
    portal.open(client)
    other = portal.page.context.new_page()
    portal.page.evaluate("() => { setTimeout(() => { const end = Date.now() + 1500; while (Date.now() < end); }); }")
    other.goto(portal.address)
    expect(other.get_by_role("heading", name="No webhooks yet")).to_be_visible()


def test_without_locks_a_tab_asks_for_a_key(portal: Portal) -> None:
    """Browsers refuse them to a page whose storage is blocked."""
    portal.page.add_init_script(
        "navigator.locks.request = () => Promise.reject(new DOMException('', 'SecurityError'));"
    )
    portal.page.goto(portal.address)
    expect(portal.page.get_by_label("API key")).to_be_visible()


def test_a_tab_beside_two_accounts_asks_for_a_key(
    portal: Portal, client: Client, new_account: Callable[[], tuple[str, Client]]
) -> None:
    context = portal.page.context
    portal.open(client)
    second = context.new_page()
    second.goto(f"{portal.address}#token={key_of(new_account()[1])}")
    second.get_by_role("dialog").get_by_role("button", name="Switch").click()
    expect(second.get_by_role("heading", name="No webhooks yet")).to_be_visible()
    third = context.new_page()
    third.goto(portal.address)
    expect(third.get_by_label("API key")).to_be_visible()


def test_a_portal_session_opens_the_view_that_was_asked_for(
    portal: Portal, account: tuple[str, Client], create: Callable[..., Any], deployed: Deployed
) -> None:
    webhook = create()

    def url(view: str) -> str:
        session = deployed.platform.post("/v1/portal-sessions", {"account_id": account[0], "view": view}, 201)
        return str(session["url"])

    portal.page.goto(url(f"{webhook['id']}/secret"))
    portal.heading("Signing secret")
    assert portal.page.url == f"{portal.address}#/{webhook['id']}/secret"
    portal.page.goto(url("new"))
    portal.heading("New Webhook")


@pytest.mark.parametrize("leave", [True, False])
def test_leaving_a_form_that_was_filled_in_asks_first(
    portal: Portal, client: Client, create: Callable[..., Any], leave: bool
) -> None:
    page = portal.page
    webhook = create()
    portal.open(client, webhook["id"])
    page.get_by_role("link", name="Edit").click()
    portal.heading("Edit webhook")
    portal.ready()
    page.get_by_label("Name", exact=True).fill("Typed")
    page.get_by_role("link", name="Webhooks").click()
    dialog = page.get_by_role("dialog", name="Leave without saving?")
    expect(dialog.get_by_role("button", name="Keep editing")).to_be_focused()
    if leave:
        dialog.get_by_role("button", name="Leave").click()
        expect(page.get_by_role("list", name="Webhooks")).to_contain_text("Orders")
    else:
        page.keyboard.press("Escape")
        expect(page.get_by_label("Name", exact=True)).to_have_value("Typed")
        portal.press("Save changes")
        portal.heading("Typed")
    expect(dialog).to_have_count(0)


def test_leaving_a_form_as_it_was_asks_nothing(portal: Portal, client: Client, create: Callable[..., Any]) -> None:
    page = portal.page
    webhook = create()
    portal.open(client, f"{webhook['id']}/edit")
    page.get_by_label("Name", exact=True).fill("Typed")
    page.get_by_label("Name", exact=True).fill("Orders")
    page.get_by_role("link", name="Webhooks").click()
    portal.heading("Webhooks")
    portal.go(f"{webhook['id']}/edit")
    page.get_by_label("Name", exact=True).fill("Typed")
    page.get_by_role("link", name="Cancel").click()
    portal.heading("Orders")
