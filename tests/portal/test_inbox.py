"""A test address: from an empty account to a verified event, without leaving the page."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from playwright.sync_api import Response, Route, expect

from local.client import Client
from tests.deployed import Deployed
from tests.portal.browser import Portal, run_for, settle, stand_still

LOG_ANNOUNCEMENTS = """() => {
  const place = document.getElementById('announcer');
  new MutationObserver(() => console.info(place.textContent)).observe(place, { childList: true });
}"""
"""On the console: one may replace another before it is looked at, and the page's policy refuses to poll a script."""

DATA = {"message_id": "wamid.1", "whatsapp_account_id": "uuid", "text": "<b>Hello</b>"}


def test_from_nothing_to_a_verified_event(portal: Portal, client: Client) -> None:
    """With the keyboard alone, in less than a minute: a quiet machine takes a few seconds."""
    portal.open(client)
    expect(portal.page.get_by_role("heading", name="No webhooks yet")).to_be_visible()
    started = time.monotonic()
    portal.page.get_by_role("button", name="Get a test address").focus()
    portal.page.keyboard.press("Enter")
    portal.heading("Test address")
    inbox = portal.page.get_by_role("region", name="Requests received")
    expect(inbox.get_by_text("Nothing has arrived.")).to_be_visible()  # hidden until the first look
    portal.page.evaluate(LOG_ANNOUNCEMENTS)
    portal.page.get_by_role("button", name="Send test event").focus()
    with portal.page.expect_console_message(lambda said: said.text == "A new request"):
        portal.page.keyboard.press("Enter")
    request = inbox.get_by_role("listitem")
    expect(request).to_contain_text("Verified")
    expect(portal.page.get_by_role("region", name="Health")).to_contain_text("1 of 1, 100 %")
    took = time.monotonic() - started
    print(f"from an empty account to a verified event: {took:.1f} s")
    assert took < 60
    request.locator("summary").focus()
    portal.page.keyboard.press("Enter")
    shown = request.get_by_role("group", name="Request 1")
    expect(shown).to_contain_text("webhook-signature: v1,")
    expect(shown).to_contain_text('{"event":"message.incoming"')


def test_requests_appear_as_they_arrive_and_what_is_open_stays_open(
    portal: Portal, deployed: Deployed, account: tuple[str, Client]
) -> None:
    account_id, client = account
    address = client.post("/v1/test-addresses", {}, 201)["id"]
    events = [deployed.platform.publish(account_id, "message.incoming", DATA)]
    client.await_delivery(address, events[0], lambda d: d["status"] == "delivered", seconds=60)
    portal.open(client, address)
    inbox = portal.page.get_by_role("region", name="Requests received")
    oldest = inbox.get_by_role("listitem").filter(has_text=events[0]).last
    oldest.locator("summary").click()
    events.append(deployed.platform.publish(account_id, "message.incoming", DATA))
    expect(inbox.get_by_role("listitem").first).to_contain_text(events[1])
    expect(oldest.locator("pre")).to_contain_text("<b>Hello</b>")
    expect(oldest.locator("pre")).to_be_visible()
    expect(portal.page.locator("main b")).to_have_count(0)


def test_a_request_that_was_being_stored_when_a_later_one_was_there_is_shown(
    portal: Portal, deployed: Deployed, account: tuple[str, Client]
) -> None:
    page, (account_id, client) = portal.page, account
    address = client.post("/v1/test-addresses", {}, 201)["id"]
    for _ in range(2):
        event_id = deployed.platform.publish(account_id, "message.incoming", DATA)
        client.await_delivery(address, event_id, lambda d: d["status"] == "delivered", seconds=60)

    def later_one_only(route: Route) -> None:
        answer = route.fetch().json()
        (later,) = [request for request in answer["data"] if request["number"] == 2]
        route.fulfill(json=answer | {"data": [later]})

    page.route("**/requests?*", later_one_only, times=1)
    portal.open(client, address)
    names = page.get_by_role("region", name="Requests received").locator("li strong")
    expect(names).to_have_text(["Request 2", "Request 1"])


def test_the_program_that_forwards_to_ones_own_machine(portal: Portal, client: Client, tmp_path: Path) -> None:
    address = client.post("/v1/test-addresses", {}, 201)["id"]
    portal.open(client, address)
    inbox = portal.page.get_by_role("region", name="Requests received")
    with portal.page.expect_download() as download:
        inbox.get_by_role("link", name="aisoule_webhooks.py").click()
    download.value.save_as(tmp_path / download.value.suggested_filename)
    shown = inbox.get_by_text("python3 -m aisoule_webhooks listen").text_content() or ""
    assert f"--webhook {address}" in shown
    command = [sys.executable, *shown.split()[1:], "--api", "http://localhost:1"]
    variables = {"AISOULE_KEY": "key_0.x"}
    ended = subprocess.run(command, cwd=tmp_path, env=variables, capture_output=True, text=True, check=False)
    assert ended.stderr.startswith("http://localhost:1 cannot be reached: ")


def test_a_refusal_is_said_beside_the_button(portal: Portal, client: Client) -> None:
    portal.open(client)
    portal.page.route("**/v1/test-addresses", lambda route: route.fulfill(status=409, json={"detail": "too many"}))
    portal.press("Get a test address")
    expect(portal.page.get_by_role("status").filter(has_text="Too many")).to_be_visible()


@pytest.mark.slow
def test_a_first_look_that_fails_says_so_and_is_repeated(portal: Portal, client: Client) -> None:
    address = client.post("/v1/test-addresses", {}, 201)["id"]
    portal.page.route("**/requests?*", lambda route: route.fulfill(status=409, json={"detail": "try later"}))
    portal.open(client, address)
    inbox = portal.page.get_by_role("region", name="Requests received")
    expect(portal.page.locator("#stale")).to_contain_text("This may be out of date. Try later.")
    portal.page.unroute("**/requests?*")
    expect(inbox.get_by_text("Nothing has arrived.")).to_be_visible()  # hidden until the first look
    expect(portal.page.locator("#stale")).to_be_hidden()
    portal.page.route("**/requests?*", lambda route: route.fulfill(status=409, json={"detail": "later again"}))
    expect(portal.page.locator("#stale")).to_contain_text("This may be out of date. Later again.")
    portal.page.unroute("**/requests?*")
    expect(portal.page.locator("#stale")).to_be_hidden()


def test_an_idle_inbox_looks_rarely_until_somebody_clicks(portal: Portal, client: Client) -> None:
    page = portal.page
    address = client.post("/v1/test-addresses", {}, 201)["id"]
    page.clock.install()
    portal.open(client, address)
    inbox = page.get_by_role("region", name="Requests received")
    expect(inbox.get_by_text("Nothing has arrived.")).to_be_visible()  # hidden until the first look
    stand_still(page)
    looks: list[str] = []
    page.on("response", lambda answer: looks.append(answer.url) if _is_look(answer) else None)
    run_for(page, 70)
    looks.clear()
    run_for(page, 60)
    assert len(looks) <= 7
    looks.clear()
    while not looks:  # one that was refused is repeated first
        run_for(page, 5)
    settle(page)  # or the next look is planned after the clock has gone on
    page.get_by_role("heading", name="Requests received").click()
    with page.expect_response(_is_look):  # an idle one looks ten seconds after its last look
        run_for(page, 5)


def _is_look(answer: Response) -> bool:
    return "/requests?" in answer.url and answer.ok


def test_another_webhook_has_none(portal: Portal, client: Client) -> None:
    address = client.post("/v1/test-addresses", {}, 201)["id"]
    client.patch(f"/v1/webhooks/{address}", {"url": "https://localhost:1/hook"})
    portal.open(client, address)
    expect(portal.page.get_by_role("heading", name="Requests received")).to_have_count(0)
