"""Whose webhooks they are: said on the page, and never changed by somebody else's link."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, Response, expect

from local.client import Client
from local.receiver import Receiver
from tests.deployed import Deployed
from tests.portal.browser import Portal, key_of, settle

Account = tuple[str, Client]
NewAccount = Callable[[], Account]
NOT_A_KEY = "%E0%A4%A"


def link(portal: Portal, key: str) -> str:
    return f"{portal.address}#token={key}"


def named(page: Page) -> Locator:
    return page.locator("#account")


def add_webhook(client: Client, name: str) -> None:
    client.post("/v1/webhooks", {"name": name, "url": "https://localhost/", "events": ["message.read"]}, 201)


def test_the_account_is_always_named(portal: Portal, account: Account, create: Callable[..., Any]) -> None:
    account_id, client = account
    page = portal.page
    page.goto(portal.address)
    expect(page.get_by_label("API key")).to_be_visible()
    expect(named(page)).to_be_hidden()
    portal.open(client)
    for view in ("new", create()["id"], ""):
        portal.go(view)
        expect(named(page)).to_have_text(f"Account {account_id}")
    page.reload()
    expect(named(page)).to_have_text(f"Account {account_id}")
    portal.press("Sign out")
    expect(named(page)).to_be_hidden()
    page.get_by_label("API key").fill(key_of(client))
    portal.press("Continue")
    expect(named(page)).to_have_text(f"Account {account_id}")


@pytest.mark.parametrize("opened", ["in the tab", "anew", "in another tab"])
@pytest.mark.parametrize("switch", [False, True])
def test_a_link_of_another_account_asks_first(
    portal: Portal, account: Account, new_account: NewAccount, opened: str, switch: bool
) -> None:
    page = portal.page
    account_id, client = account
    other_id, other = new_account()
    add_webhook(client, "My own")
    add_webhook(other, "Of the other")
    portal.open(client)
    expect(page.get_by_text("My own")).to_be_visible()
    if opened == "anew":
        page.goto("about:blank")
    if opened == "in another tab":
        page = page.context.new_page()
    page.goto(link(portal, key_of(other)))
    dialog = page.get_by_role("dialog", name="Switch to another account?")
    expect(dialog).to_contain_text(f"You are signed in as account {account_id}.")
    expect(dialog).to_contain_text(f"signs in as account {other_id}.")
    expect(dialog.get_by_role("button", name=f"Stay signed in as {account_id}")).to_be_focused()
    assert key_of(other) not in page.url
    dialog.get_by_role("button", name="Switch" if switch else "Stay").click()
    expect(page.get_by_text("Of the other" if switch else "My own")).to_be_visible()
    expect(page.get_by_text("My own" if switch else "Of the other")).to_have_count(0)
    expect(named(page)).to_have_text(f"Account {other_id if switch else account_id}")
    page.reload()
    expect(page.get_by_text("Of the other" if switch else "My own")).to_be_visible()


def test_a_link_that_is_declined_leaves_what_was_typed(
    portal: Portal, account: Account, new_account: NewAccount, receiver: Receiver
) -> None:
    page = portal.page
    _, client = account
    _, other = new_account()
    portal.open(client, "new")
    portal.fill(name="Typed before", url=receiver.url("/hook"))
    page.goto(link(portal, key_of(other)))
    expect(page.get_by_role("dialog", name="Switch to another account?")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_label("Name", exact=True)).to_have_value("Typed before")
    portal.press("Create Webhook")
    portal.heading("Your webhook is ready")
    assert [webhook["name"] for webhook in client.get("/v1/webhooks")["data"]] == ["Typed before"]
    assert other.get("/v1/webhooks")["data"] == []


def test_a_damaged_link(portal: Portal, account: Account) -> None:
    page = portal.page
    account_id, client = account
    page.goto(link(portal, NOT_A_KEY))
    expect(page.get_by_label("API key")).to_be_visible()
    expect(page.get_by_text("This link is damaged")).to_be_visible()
    portal.open(client)
    for key, why in ((NOT_A_KEY, "This is not a key"), ("key_unknown.secret", "unknown, revoked or expired")):
        page.goto(link(portal, key))
        dialog = page.get_by_role("dialog", name="This link does not work")
        expect(dialog).to_contain_text(why)
        dialog.get_by_role("button", name="Close").click()
        expect(named(page)).to_have_text(f"Account {account_id}")
        page.reload()
        portal.heading("Webhooks")


def test_another_accounts_key_does_not_continue_an_expired_session(
    portal: Portal, account: Account, new_account: NewAccount, receiver: Receiver, deployed: Deployed
) -> None:
    page = portal.page
    account_id, client = account
    other_id, other = new_account()
    portal.open(client, "new")
    portal.fill(name="Mine", url=receiver.url("/hook"))
    expect(named(page)).to_have_text(f"Account {account_id}")
    settle(page)  # a call on its way would be refused first, and say so
    revoke(deployed, client)
    portal.press("Create Webhook")
    dialog = page.get_by_role("dialog", name="Your session has expired")
    dialog.get_by_label("API key").fill(key_of(other))
    dialog.get_by_role("button", name="Continue").click()
    expect(dialog).to_contain_text(
        f"This key is for account {other_id}, and you were signed in as account {account_id}."
    )
    assert other.get("/v1/webhooks")["data"] == []
    dialog.get_by_label("API key").fill(new_key(deployed, account_id))
    dialog.get_by_role("button", name="Continue").click()
    portal.heading("Your webhook is ready")
    assert other.get("/v1/webhooks")["data"] == []


@pytest.mark.parametrize("same", [True, False])
def test_a_link_while_the_session_has_expired(
    portal: Portal, account: Account, new_account: NewAccount, receiver: Receiver, deployed: Deployed, same: bool
) -> None:
    """Of the same account it goes on where the reader was; switching to another gives up what was to be done."""
    page = portal.page
    account_id, client = account
    other_id, other = new_account()
    portal.open(client, "new")
    portal.fill(name="Mine", url=receiver.url("/hook"))
    expect(named(page)).to_have_text(f"Account {account_id}")
    settle(page)  # a call on its way would be refused first, and say so
    revoke(deployed, client)
    portal.press("Create Webhook")
    expect(page.get_by_role("dialog", name="Your session has expired")).to_be_visible()
    page.goto(link(portal, new_key(deployed, account_id) if same else key_of(other)))
    if same:
        portal.heading("Your webhook is ready")
        return
    portal.press(f"Switch to {other_id}")
    expect(page.get_by_role("heading", name="No webhooks yet")).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(named(page)).to_have_text(f"Account {other_id}")
    assert other.get("/v1/webhooks")["data"] == []


def test_signing_out_ends_the_session_on_the_server(portal: Portal, account: Account, deployed: Deployed) -> None:
    page = portal.page
    session = deployed.platform.post("/v1/portal-sessions", {"account_id": account[0]}, 201)
    page.goto(session["url"])
    expect(page.get_by_role("heading", name="No webhooks yet")).to_be_visible()
    with page.expect_response(is_end_of_session) as ended:
        portal.press("Sign out")
    assert ended.value.status == 204
    expect(page.get_by_label("API key")).to_be_visible()
    again = Client(deployed.outputs.api_url, session["token"])
    assert again.call("GET", "/v1/webhooks").status_code == 401
    again.close()


def test_signing_out_with_a_key_that_does_not_expire(portal: Portal, client: Client) -> None:
    portal.open(client)
    with portal.page.expect_response(is_end_of_session) as refused:
        portal.press("Sign out")
    assert refused.value.status == 409
    expect(portal.page.get_by_label("API key")).to_be_visible()
    expect(portal.page.get_by_text("did not confirm it")).to_have_count(0)
    assert client.get("/v1/webhooks")["data"] == []


def test_signing_out_offline_says_that_the_server_does_not_know(portal: Portal, client: Client) -> None:
    portal.open(client)
    portal.page.context.set_offline(True)
    portal.press("Sign out")
    expect(portal.page.get_by_text("the server did not confirm it")).to_be_visible()
    portal.page.context.set_offline(False)
    portal.page.reload()
    expect(portal.page.get_by_label("API key")).to_be_visible()


def test_who_opened_the_page_has_no_hold_on_it(portal: Portal, context: BrowserContext) -> None:
    """Else any site could open it, wait until its reader has signed in, and put a key of its own into its address."""
    foreign = context.new_page()
    foreign.route("https://elsewhere.example/", lambda route: route.fulfill(content_type="text/html", body="<p>x</p>"))
    foreign.goto("https://elsewhere.example/")
    with foreign.expect_popup() as popup:
        foreign.evaluate("address => { window.opened = open(address); }", portal.address)
    expect(popup.value.get_by_label("API key")).to_be_visible()
    assert foreign.evaluate("opened.closed")
    assert popup.value.evaluate("opener") is None


def is_end_of_session(answer: Response) -> bool:
    return answer.request.method == "DELETE" and answer.url.endswith("/v1/session")


def revoke(deployed: Deployed, client: Client) -> None:
    answer = deployed.platform.call("DELETE", f"/v1/api-keys/{key_of(client).partition('.')[0]}")
    assert answer.status_code == 204


def new_key(deployed: Deployed, account_id: str) -> str:
    return str(deployed.platform.post("/v1/api-keys", {"account_id": account_id}, 201)["key"])
