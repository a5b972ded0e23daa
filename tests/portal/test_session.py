"""Who is reading: with a key, without one, with one that has ended."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import expect

from local.client import Client
from local.receiver import Receiver
from tests.deployed import Deployed
from tests.portal.browser import Portal, key_of, settle

NewAccount = Callable[[], tuple[str, Client]]


def revoke(deployed: Deployed, client: Client) -> None:
    answer = deployed.platform.call("DELETE", f"/v1/api-keys/{key_of(client).partition('.')[0]}")
    assert answer.status_code == 204


def test_a_pasted_key(portal: Portal, client: Client, deployed: Deployed) -> None:
    page = portal.page
    page.goto(portal.address)
    key = page.get_by_label("API key")
    expect(key).to_have_attribute("type", "password")
    for wrong, why in (
        ("", "Paste a key first."),
        ("not a key", "This is not a key"),
        ("key_unknown.secret", "unknown, revoked or expired"),
        (deployed.outputs.platform_key, "not an account's key"),
    ):
        key.fill(wrong)
        portal.press("Continue")
        expect(page.get_by_role("status").filter(has_text=why)).to_be_visible()
        expect(key).to_be_focused()
    key.fill(key_of(client))
    portal.press("Continue")
    expect(page.get_by_role("heading", name="No webhooks yet")).to_be_visible()
    portal.press("Sign out")
    expect(page.get_by_label("API key")).to_be_visible()
    page.reload()
    expect(page.get_by_label("API key")).to_be_visible()


def test_a_link_from_aisoule(portal: Portal, account: tuple[str, Client], deployed: Deployed) -> None:
    """The platform's backend asks for it, and shows it in a frame or a tab."""
    session = deployed.platform.post("/v1/portal-sessions", {"account_id": account[0]}, 201)
    portal.page.goto(session["url"])
    expect(portal.page.get_by_role("heading", name="No webhooks yet")).to_be_visible()
    assert session["token"] not in portal.page.url


def test_an_expired_session_loses_nothing(
    portal: Portal, account: tuple[str, Client], receiver: Receiver, deployed: Deployed
) -> None:
    page = portal.page
    account_id, client = account
    portal.open(client, "new")
    portal.fill(name="Typed before it expired", url=receiver.url("/hook"))
    settle(page)  # a call on its way would be refused first, and say so
    revoke(deployed, client)
    portal.press("Create Webhook")
    dialog = page.get_by_role("dialog", name="Your session has expired")
    expect(dialog.get_by_label("API key")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("alert")).to_contain_text("Your session has expired")
    expect(page.get_by_label("Name", exact=True)).to_have_value("Typed before it expired")
    portal.press("Create Webhook")
    renewed = deployed.platform.post("/v1/api-keys", {"account_id": account_id}, 201)["key"]
    dialog.get_by_label("API key").fill(renewed)
    dialog.get_by_role("button", name="Continue").click()
    portal.heading("Your webhook is ready")


def test_what_is_not_there(portal: Portal, client: Client, new_account: NewAccount) -> None:
    _, other = new_account()
    theirs = other.post("/v1/webhooks", {"name": "x", "url": "https://localhost/", "events": ["message.read"]}, 201)
    portal.open(client)
    for view in (theirs["id"], "wh_0/edit", "nonsense"):
        portal.page.goto(f"{portal.address}#/{view}")
        portal.heading("Not found")
        portal.page.get_by_role("link", name="All webhooks").click()
        portal.heading("Webhooks")
