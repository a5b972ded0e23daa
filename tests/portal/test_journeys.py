"""What a customer comes for, from the first webhook to its first event."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect

from local.client import Client
from local.receiver import Answer, Receiver
from tests.portal.browser import Portal


def test_create_then_test_then_delivered(portal: Portal, client: Client, receiver: Receiver) -> None:
    page = portal.page
    portal.open(client)
    page.get_by_role("link", name="New Webhook").click()
    portal.fill(name="Order updates", url=receiver.url("/orders"), events=("message.incoming", "contact.created"))
    portal.press("Create Webhook")

    portal.heading("Your webhook is ready")
    secret = page.locator("[data-secret]").inner_text()
    webhook = client.get("/v1/webhooks")["data"][0]
    assert secret == client.get(f"/v1/webhooks/{webhook['id']}/secret")["secret"]
    page.reload()
    portal.heading("Signing secret")
    expect(page.locator("[data-secret]")).to_have_count(0)

    page.get_by_role("link", name="Back to the webhook").click()
    portal.heading("Order updates")
    page.get_by_role("combobox", name="Event").first.select_option("contact.created")
    portal.press("Send test event")
    expect(page.get_by_role("region", name="Send a test event")).to_contain_text("Your endpoint answered 200")
    row = page.get_by_role("list", name="Deliveries").get_by_role("link")
    expect(row).to_have_count(1)
    expect(row).to_contain_text("contact.created")
    expect(row).to_contain_text("Delivered")
    assert len(receiver.wait_for("/orders", 1, seconds=5)) == 1

    row.click()
    portal.heading("contact.created")
    expect(page.get_by_role("list", name="Attempts")).to_contain_text("200")
    expect(page.get_by_role("group", name="Payload")).to_contain_text('"event": "contact.created"')


def test_edit_changes_what_was_changed(portal: Portal, client: Client, create: Callable[..., Any]) -> None:
    webhook = create(headers={"X-Api-Key": "kept", "X-Other": "kept too"})
    portal.open(client, f"{webhook['id']}/edit")
    portal.page.get_by_label("Name", exact=True).fill("Orders, renamed")
    portal.page.get_by_role("checkbox", name="All contact events").check()
    expect(portal.page.get_by_role("checkbox", name="All events")).to_have_js_property("indeterminate", True)
    portal.press("Save changes")
    portal.heading("Orders, renamed")
    after = client.get(f"/v1/webhooks/{webhook['id']}")
    assert after["events"] == ["message.incoming", "contact.created", "contact.updated"]
    assert list(after["headers"]) == ["X-Api-Key", "X-Other"]


def test_one_header_is_changed_without_the_others(
    portal: Portal, client: Client, create: Callable[..., Any], receiver: Receiver
) -> None:
    page = portal.page
    webhook = create(headers={"X-Api-Key": "old", "X-Other": "kept", "X-Gone": "gone"})
    portal.open(client, f"{webhook['id']}/edit")
    values = page.get_by_role("group", name="Headers").get_by_label("Value")
    expect(values).to_have_count(3)
    for number in range(3):
        expect(values.nth(number)).to_have_attribute("placeholder", "••••••••")
        expect(values.nth(number)).to_have_value("")
    values.first.fill("new")
    portal.page.get_by_role("button", name="Remove this header").last.click()
    portal.press("Add a header")
    page.get_by_label("Header name").last.fill("X-Added")
    values.last.fill("added")
    portal.press("Save changes")
    portal.heading("Orders")
    portal.press("Send test event")
    headers = receiver.wait_for("/hook", 1, seconds=30)[0].headers
    sent = {name: headers.get(name) for name in ("x-api-key", "x-other", "x-added", "x-gone")}
    assert sent == {"x-api-key": "new", "x-other": "kept", "x-added": "added", "x-gone": None}


def test_headers_are_not_sent_to_another_server_by_themselves(
    portal: Portal, client: Client, create: Callable[..., Any], receiver: Receiver
) -> None:
    page = portal.page
    webhook = create(headers={"X-Api-Key": "old"})
    sent: list[Any] = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "PATCH" else None)
    portal.open(client, f"{webhook['id']}/edit")
    headers = page.get_by_role("group", name="Headers")
    value = headers.get_by_label("Value")
    page.get_by_label("URL").fill(receiver.url("/another-path"))
    expect(value).to_have_attribute("placeholder", "••••••••")
    elsewhere = receiver.url("/hook").replace("localhost", "127.0.0.1")
    page.get_by_label("URL").fill(elsewhere)
    expect(headers).to_contain_text("enter their values again, or remove them.")
    expect(value).to_have_attribute("placeholder", "")
    portal.press("Save changes")
    expect(page.get_by_role("alert")).to_contain_text("Enter the value of X-Api-Key again, or remove the header.")
    page.get_by_label("URL").fill(webhook["url"])
    expect(value).to_have_attribute("placeholder", "••••••••")
    expect(headers.get_by_text("enter their values again")).to_be_hidden()
    expect(headers.get_by_text("Enter the value of X-Api-Key again")).to_have_count(0)
    page.get_by_label("URL").fill(elsewhere)
    value.fill("new")
    portal.press("Save changes")
    portal.heading("Orders")
    portal.press("Send test event")
    assert receiver.wait_for("/hook", 1, seconds=30)[0].headers["x-api-key"] == "new"
    assert len(sent) == 1, "what could not be sent was not tried"


def test_headers_can_be_removed_when_the_server_changes(
    portal: Portal, client: Client, create: Callable[..., Any], receiver: Receiver
) -> None:
    webhook = create(headers={"X-Api-Key": "old"})
    portal.open(client, f"{webhook['id']}/edit")
    portal.page.get_by_label("URL").fill(receiver.url("/hook").replace("localhost", "127.0.0.1"))
    portal.press("Remove this header")
    portal.press("Save changes")
    portal.heading("Orders")
    assert client.get(f"/v1/webhooks/{webhook['id']}")["headers"] == {}


def test_disable_enable_delete(portal: Portal, client: Client, create: Callable[..., Any]) -> None:
    page = portal.page
    webhook = create()
    portal.open(client, webhook["id"])
    portal.press("Disable")
    page.get_by_role("dialog").get_by_role("button", name="Disable").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Disabled")
    portal.press("Send test event")
    expect(page.get_by_role("region", name="Send a test event")).to_contain_text("The webhook is disabled")
    portal.press("Enable")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Active")
    expect(page.locator("#main")).not_to_contain_text("is disabled")
    portal.press("Delete")
    dialog = page.get_by_role("dialog", name="Delete this webhook?")
    expect(dialog).to_contain_text("Orders")
    dialog.get_by_role("button", name="Delete webhook").click()
    expect(page.get_by_role("heading", name="No webhooks yet")).to_be_visible()
    assert client.call("GET", f"/v1/webhooks/{webhook['id']}").status_code == 404


def test_the_keyboard_alone_is_enough(portal: Portal, client: Client, receiver: Receiver) -> None:
    page = portal.page
    receiver.answer("/keys", Answer(200))
    portal.open(client)
    tab_to(page, "New Webhook")
    page.keyboard.press("Enter")
    portal.heading("New Webhook")
    portal.ready()
    tab_to(page, "Name")
    page.keyboard.type("By keyboard")
    tab_to(page, "URL")
    page.keyboard.type(receiver.url("/keys"))
    tab_to(page, "All message events")
    page.keyboard.press("Space")
    tab_to(page, "Create Webhook")
    page.keyboard.press("Enter")
    portal.heading("Your webhook is ready")
    portal.ready()
    tab_to(page, "Python")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Node")).to_be_focused()
    expect(page.get_by_role("tabpanel")).to_contain_text("timingSafeEqual")
    tab_to(page, "Continue to the webhook")
    page.keyboard.press("Enter")
    portal.heading("By keyboard")
    portal.ready()
    tab_to(page, "Send test event")
    page.keyboard.press("Enter")
    expect(page.get_by_role("list", name="Deliveries")).to_contain_text("Delivered")
    expect(page.get_by_role("button", name="Send test event")).to_be_focused()
    tab_back_to(page, "Delete")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog").get_by_role("button", name="Cancel")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Delete")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="No webhooks yet")).to_be_visible()


def tab_to(page: Page, name: str, key: str = "Tab") -> None:
    """Presses the key until what has the focus is called `name`; every stop on the way must show that it has it."""
    for _ in range(80):
        page.keyboard.press(key)
        focused = page.evaluate(
            """() => {
              const at = document.activeElement;
              const label = at.labels?.[0] ?? at;
              return [label.innerText.trim().split('\\n')[0], getComputedStyle(at).outlineStyle];
            }"""
        )
        if focused[0] == name:
            assert focused[1] != "none", f"{name} does not show that it has the focus"
            return
    raise AssertionError(f"the {key} key does not lead to {name}")


def tab_back_to(page: Page, name: str) -> None:
    tab_to(page, name, "Shift+Tab")
