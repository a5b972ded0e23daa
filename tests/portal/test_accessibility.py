"""axe-core finds nothing on any view, by day and by night, on a desk and on a phone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from local.client import Client
from local.emulator import ROOT
from local.receiver import Answer, Receiver
from tests.deployed import Deployed
from tests.portal.browser import Portal, key_of, looking
from tests.portal.test_catch_up import send_half

AXE = (ROOT / "node_modules" / "axe-core" / "axe.min.js").read_text()
RULES: dict[str, Any] = {
    "light": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    # Nothing but colours is another by night.
    "dark": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]},
}
Look = tuple[Literal["light", "dark"], int]
FIRST_LOOKS: list[Look] = [("light", 1280), ("dark", 360)]
OTHER_LOOKS: list[Look] = [("dark", 1280), ("light", 360)]
Check = Callable[[Page, str], None]


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    with looking(browser, bypass_csp=True) as context:
        yield context


@pytest.fixture(
    params=[FIRST_LOOKS, pytest.param(OTHER_LOOKS, marks=pytest.mark.slow)], ids=["first looks", "other looks"]
)
def check(request: pytest.FixtureRequest) -> Check:
    """Looks at a page in each; its scripts take nothing from them but the length of a long list."""

    def in_each_look(page: Page, what: str) -> None:
        if not page.evaluate("'axe' in window"):
            page.evaluate(AXE)
        for scheme, width in request.param:
            page.emulate_media(color_scheme=scheme)
            page.set_viewport_size({"width": width, "height": 800})
            check_look(page, scheme, f"{what}, {scheme}, {width} px")

    return in_each_look


def check_look(page: Page, scheme: str, what: str) -> None:
    # Of what passes, one node a rule is enough: to describe each takes half of the time.
    # Preloading is for style sheets and media of other files; the page has none.
    options = {"runOnly": RULES[scheme], "resultTypes": ["violations"], "preload": False}
    found = page.evaluate("options => axe.run(options)", options)
    violations = [
        f"{what}: {rule['id']}: {rule['help']}: {node['target']} {node['failureSummary']}"
        for rule in found["violations"]
        for node in rule["nodes"]
    ]
    assert violations == []
    assert found["passes"]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{what} is wider than the screen"


def test_without_webhooks(portal: Portal, client: Client, check: Check) -> None:
    page = portal.page
    page.goto(portal.address)
    expect(page.get_by_label("API key")).to_be_visible()
    check(page, "key")
    portal.open(client)
    expect(page.get_by_role("heading", name="No webhooks yet")).to_be_visible()
    check(page, "empty list")
    portal.press("Email alerts…")
    expect(page.get_by_role("dialog", name="Email alerts")).to_be_visible()
    check(page, "email alerts")
    page.keyboard.press("Escape")
    portal.go("new")
    portal.page.get_by_text("Advanced: WhatsApp accounts, custom headers").click()
    portal.press("Add a header")
    portal.press("Create Webhook")
    expect(page.get_by_role("alert")).to_be_visible()
    check(page, "form with errors")
    portal.go("wh_0")
    check(page, "not found")
    page.goto(portal.address.replace("/settings/webhooks", "/event-types"))
    expect(page.get_by_role("heading", name="Event types")).to_be_visible()
    check(page, "catalogue")


def test_with_webhooks(
    portal: Portal,
    deployed: Deployed,
    account: tuple[str, Client],
    create: Callable[..., Any],
    receiver: Receiver,
    new_account: Callable[[], tuple[str, Client]],
    check: Check,
) -> None:
    page, (account_id, client) = portal.page, account
    receiver.answer("/dead", Answer(500, body=b"down"))
    failing = create("Failing", "/dead", headers={"X-Api-Key": "secret"}, catch_up=True)
    event_id = client.post(f"/v1/webhooks/{failing['id']}/test", {"event": "message.read"}, 202)["event_id"]
    disabled = create("Disabled")
    client.patch(f"/v1/webhooks/{disabled['id']}", {"enabled": False})
    healthy = create("Healthy")
    client.await_webhook(failing["id"], lambda w: w["status"] == "failing", seconds=60)
    portal.open(client)
    expect(page.get_by_role("list", name="Webhooks").get_by_role("link")).to_have_count(3)
    expect(page.get_by_text("Last 24 hours:")).to_have_count(3)
    check(page, "list")
    for webhook in (disabled, failing):
        portal.go(webhook["id"])
        page.get_by_text("As a table").click()
        expect(page.get_by_role("region", name="Catching up")).to_have_count(int(webhook is failing))
        check(page, webhook["name"])
    send_half(deployed, account_id, healthy["id"])
    client.patch(f"/v1/webhooks/{healthy['id']}", {"catch_up": True})
    portal.go(healthy["id"])
    expect(page.get_by_role("progressbar")).to_be_visible()
    check(page, "sending again")
    for opens, dialog in (
        ("Resend failed…", "Resend failed deliveries"),
        ("Rotate…", "Rotate the secret"),
        ("Delete", "Delete this webhook?"),
        ("Disable", "Disable this webhook?"),
    ):
        portal.press(opens)
        expect(page.get_by_role("dialog", name=dialog)).to_be_visible()
        check(page, dialog)
        page.keyboard.press("Escape")
    portal.go(f"{failing['id']}/deliveries/{event_id}")
    page.get_by_text("Response body").first.click()
    page.get_by_text("Headers and body").click()
    check(page, "delivery")
    page.get_by_role("link", name=event_id).click()
    expect(page.get_by_role("list", name="Deliveries").get_by_role("link")).to_have_count(1)
    check(page, "event")
    portal.go("events/order-404")
    portal.heading("No such event")
    check(page, "no such event")
    portal.go(f"{failing['id']}/edit")
    check(page, "edit")
    page.get_by_label("URL").fill("https://elsewhere.example/")
    expect(page.locator("#main").get_by_text("The URL now leads to another server.")).to_be_visible()
    check(page, "edit, another server")
    page.goto(f"{portal.address}#token={key_of(new_account()[1])}")
    expect(page.get_by_role("dialog", name="Switch to another account?")).to_be_visible()
    check(page, "a link of another account")
    page.keyboard.press("Escape")
    page.goto(f"{portal.address}#/{failing['id']}/secret")
    expect(page.get_by_role("dialog", name="Leave without saving?")).to_be_visible()
    check(page, "leaving the form")
    portal.press("Leave")
    portal.heading("Signing secret")
    portal.ready()
    portal.press("Reveal")
    expect(page.locator("[data-secret]")).to_be_visible()
    check(page, "secret")
    page.get_by_role("radio", name="Survives a rotation").check()
    check(page, "code that survives a rotation")
    portal.go(f"{disabled['id']}/edit")
    page.get_by_label("URL").fill("https://nowhere.invalid/")
    portal.press("Save changes")
    expect(page.get_by_role("region", name="Saved")).to_contain_text("does not resolve")
    check(page, "saved with a warning")
    for number in range(8):
        create(f"Branch {number}")
    portal.go("")
    page.get_by_label("Search").fill("nothing like it")
    check(page, "searched list")
    portal.go(healthy["id"])
    portal.press("Send test event")
    expect(page.get_by_role("list", name="Deliveries")).to_contain_text("Delivered")
    check(page, "tested")
    portal.go("")
    portal.press("Get a test address")
    portal.heading("Test address")
    portal.press("Send test event")
    expect(page.get_by_role("list", name="Requests")).to_contain_text("Verified")
    page.get_by_text("Headers and body").click()
    check(page, "test address")
