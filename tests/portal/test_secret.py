"""The signing secret: revealed, rotated, and the code that verifies with it."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Route, expect

from local.client import Client
from local.emulator import ROOT
from local.receiver import Receiver
from tests.portal.browser import Portal, settle

LANGUAGES = {"Python": "python", "Node": "js", "PHP": "php", "Go": "go", "Ruby": "ruby"}


def test_reveal_copy_hide(portal: Portal, client: Client, create: Callable[..., Any]) -> None:
    page = portal.page
    webhook = create()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    portal.open(client, webhook["id"])
    expect(page.get_by_text(webhook["secret"])).to_have_count(0)
    portal.press("Reveal")
    expect(page.locator("[data-secret]")).to_have_text(webhook["secret"])
    portal.press("Copy the secret")
    expect(page.get_by_text("Copied", exact=True)).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == webhook["secret"]
    portal.press("Hide")
    expect(page.locator("[data-secret]")).to_have_count(0)


def test_what_the_browser_does_not_let_it_copy_is_selected_to_be_copied_by_hand(
    portal: Portal, client: Client, create: Callable[..., Any]
) -> None:
    """As in a frame without `allow="clipboard-write"`."""
    page, webhook = portal.page, create()

    def forbid(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, headers=answer.headers | {"Permissions-Policy": "clipboard-write=()"})

    page.route(portal.address, forbid)
    portal.open(client, webhook["id"])
    portal.press("Reveal")
    portal.press("Copy the secret")
    dialog = page.get_by_role("dialog", name="Press Ctrl+C or ⌘C to copy")
    expect(dialog.get_by_role("group", name="What to copy: the secret")).to_be_focused()
    assert page.evaluate("getSelection().toString()") == webhook["secret"]
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Copy the secret")).to_be_focused()


@pytest.mark.parametrize(("choice", "overlaps"), [("Revoke it now", False), ("For 1 hour", True), ("For 7 days", True)])
def test_rotate(
    portal: Portal,
    client: Client,
    create: Callable[..., Any],
    receiver: Receiver,
    choice: str,
    overlaps: bool,
) -> None:
    page = portal.page
    webhook = create()
    portal.open(client, webhook["id"])
    portal.press("Rotate…")
    expect(page.get_by_role("dialog")).to_contain_text(
        "your server will refuse our requests until it has the new secret"
    )
    page.get_by_role("dialog").get_by_label(choice).check()
    portal.press("Rotate the secret")
    expect(page.locator("[data-secret]")).not_to_have_text(webhook["secret"])
    secret = page.locator("[data-secret]").inner_text()
    assert secret == client.get(f"/v1/webhooks/{webhook['id']}/secret")["secret"]
    text = "The old one still signs webhook-signature until" if overlaps else "The old one no longer signs"
    expect(page.get_by_role("region", name="Signing secret")).to_contain_text(text)
    portal.press("Send test event")
    posted = receiver.wait_for("/hook", 1, seconds=30)[0]
    signature = hmac.new(secret.encode(), posted.body, hashlib.sha256).hexdigest()
    assert posted.headers["x-webhook-signature"] == signature
    assert len(posted.headers["webhook-signature"].split()) == (2 if overlaps else 1)
    page.reload()
    card = page.get_by_role("region", name="Signing secret")
    expect(card.get_by_text("The secret before this one still signs")).to_have_count(1 if overlaps else 0)
    if overlaps:
        until = client.get(f"/v1/webhooks/{webhook['id']}/secret")["previous_expires_at"]
        expect(card.locator("time")).to_have_attribute("datetime", until)
        portal.press("Reveal")
        expect(card.locator("[data-secret]")).to_have_text(secret)
        expect(card.locator("time")).to_have_attribute("datetime", until)


def test_own_rotations_and_edits_are_not_taken_for_somebody_elses(
    portal: Portal, client: Client, create: Callable[..., Any]
) -> None:
    page, webhook = portal.page, create()
    portal.open(client, webhook["id"])

    def press_and_read_again(name: str) -> None:
        with page.expect_response(
            lambda response: response.url.endswith(webhook["id"]) and response.request.method == "GET"
        ):
            portal.press(name)
        settle(page)

    for _ in range(2):
        portal.press("Rotate…")
        press_and_read_again("Rotate the secret")
        expect(page.get_by_role("dialog")).to_have_count(0)
    portal.press("Disable")
    page.get_by_role("dialog").get_by_role("button", name="Disable").click()
    portal.heading("Disabled")
    portal.press("Rotate…")
    press_and_read_again("Rotate the secret")
    expect(page.get_by_role("dialog")).to_have_count(0)
    secret = client.get(f"/v1/webhooks/{webhook['id']}/secret")["secret"]
    expect(page.locator("[data-secret]")).to_have_text(secret)


def test_a_rotation_whose_answer_is_lost_is_not_made_twice(
    portal: Portal, client: Client, create: Callable[..., Any]
) -> None:
    """The second would revoke the secret that the customer's server has; not even if the page has read the webhook again."""
    page, webhook = portal.page, create()
    path = f"/v1/webhooks/{webhook['id']}/secret"

    def lose_the_answer(route: Route) -> None:
        route.fetch()
        route.abort("internetdisconnected")

    page.route("**/secret/rotate", lose_the_answer, times=1)
    page.clock.install()
    portal.open(client, webhook["id"])
    portal.press("Rotate…")
    portal.press("Rotate the secret")
    expect(page.get_by_role("dialog")).to_contain_text("The server did not answer")
    rotated = client.get(path)
    page.clock.fast_forward("00:02")
    with page.expect_response(lambda response: response.url.endswith(webhook["id"])):
        page.evaluate("dispatchEvent(new Event('focus'))")
    settle(page)
    portal.press("Rotate the secret")
    expect(page.get_by_role("dialog")).to_contain_text("The webhook was changed, perhaps by this rotation.")
    expect(page.get_by_role("button", name="Rotate the secret")).to_have_count(0)
    expect(page.get_by_role("button", name="Cancel")).to_be_focused()
    assert client.get(path) == rotated


def test_a_webhook_that_another_tab_changed_can_be_rotated_by_opening_the_dialog_again(
    portal: Portal, client: Client, create: Callable[..., Any]
) -> None:
    page, webhook = portal.page, create()
    portal.open(client, webhook["id"])
    client.patch(f"/v1/webhooks/{webhook['id']}", {"name": "Renamed"})
    portal.press("Rotate…")
    portal.press("Rotate the secret")
    expect(page.get_by_role("dialog")).to_contain_text("compare it with your server’s.")
    portal.heading("Renamed")
    assert client.get(f"/v1/webhooks/{webhook['id']}/secret")["secret"] == webhook["secret"]
    portal.press("Cancel")
    portal.press("Rotate…")
    portal.press("Rotate the secret")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.locator("[data-secret]")).not_to_have_text(webhook["secret"])


def test_the_code_is_the_readmes_which_is_run(portal: Portal, client: Client, create: Callable[..., Any]) -> None:
    readme = (ROOT / "README.md").read_text()
    portal.open(client, f"{create()['id']}/secret")
    for language, fence in LANGUAGES.items():
        found = re.search(rf"```{fence}\n(.*?)```", readme, re.DOTALL)
        assert found
        portal.page.get_by_role("tab", name=language).click()
        shown = portal.page.get_by_role("tabpanel").locator("pre").inner_text()
        assert found[1].strip() in shown


def test_the_dialog_leads_to_code_that_survives_a_rotation(
    portal: Portal, client: Client, create: Callable[..., Any]
) -> None:
    page = portal.page
    webhook = create()
    portal.open(client, f"{webhook['id']}/secret")
    code = page.get_by_role("tabpanel").locator("pre")
    expect(code).not_to_contain_text("webhook-signature")
    portal.press("Rotate…")
    page.get_by_role("dialog").get_by_role("link", name="Code that keeps working").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("radio", name="Survives a rotation")).to_be_checked()
    expect(code).to_contain_text("webhook-signature")
    page.get_by_role("tab", name="Node").click()
    expect(code).to_contain_text("webhook-signature")
    page.get_by_role("radio", name="The shortest code").check()
    expect(code).to_contain_text("timingSafeEqual(expected, given)")
    expect(code).not_to_contain_text("webhook-signature")
    assert client.get(f"/v1/webhooks/{webhook['id']}/secret")["secret"] == webhook["secret"], "nothing was rotated"
