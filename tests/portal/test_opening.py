"""The first open: fast, closed to anything foreign, and the key seen by nobody."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from playwright.sync_api import BrowserContext, Request, expect

from api.portal.page import render
from local.client import Client
from local.receiver import Answer, Receiver
from tests.deployed import Deployed
from tests.portal.browser import Portal, key_of

MAX_BYTES = 140_000
MAX_COMPRESSED = 38_000
"""As README.md says."""


def test_a_cold_open_is_one_page_and_two_calls_at_once(context: BrowserContext, portal: Portal, client: Client) -> None:
    asked: list[Request] = []
    context.on("request", lambda request: asked.append(request))
    portal.page.goto(f"{portal.address}#token={key_of(client)}")
    expect(portal.page.get_by_role("heading", name="No webhooks yet")).to_be_visible()
    page, *calls = [request for request in asked if not request.url.startswith("data:")]
    answer = page.response()
    assert answer is not None
    html = answer.body()
    sent = page.sizes()["responseBodySize"]
    print(
        f"first open: {len(html)} bytes of page, {sent} on the wire, {len(calls)} calls: {[call.url for call in calls]}"
    )
    assert len(html) <= MAX_BYTES
    assert 0 < sent <= MAX_COMPRESSED
    assert [re.sub(r".*/v1/", "", call.url) for call in calls] == ["webhooks?limit=100", "session"]


def test_the_key_leaves_the_address_at_once(context: BrowserContext, portal: Portal, client: Client) -> None:
    asked: list[Request] = []
    context.on("request", lambda request: asked.append(request))
    portal.open(client)
    secret = key_of(client)
    assert portal.page.url == f"{portal.address}#/"
    assert not [request.url for request in asked if secret in request.url]
    portal.page.reload()
    expect(portal.page.get_by_role("heading", name="No webhooks yet")).to_be_visible()
    portal.page.get_by_role("link", name="New Webhook").click()
    portal.heading("New Webhook")
    portal.page.go_back()
    portal.heading("Webhooks")
    assert secret not in portal.page.url
    assert secret not in portal.page.content()


def test_the_policy_lets_nothing_foreign_run(deployed: Deployed, portal: Portal, client: Client) -> None:
    answer = portal.page.goto(portal.address)
    assert answer is not None
    policy = answer.headers["content-security-policy"]
    assert "unsafe" not in policy
    for rule in (
        "default-src 'none'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors",
    ):
        assert rule in policy
    assert answer.headers["referrer-policy"] == "no-referrer"
    html = answer.text()
    assert not re.search(r"\son\w+=|\sstyle=", html.split("<script")[0])
    assert html.count("<script") == html.count("</script>") == 1


def test_frames_are_allowed_by_name() -> None:
    assert "frame-ancestors 'none'" in render("'none'")[1]["Content-Security-Policy"]
    both = "https://app.example.com https://admin.example.com"
    assert f"frame-ancestors {both};" in render(both)[1]["Content-Security-Policy"]


def test_all_webhooks_of_all_pages_are_listed(portal: Portal, client: Client) -> None:
    for number in range(12):
        values = {"name": f"Hook {number}", "url": f"https://localhost/{number}", "events": ["message.read"]}
        client.post("/v1/webhooks", values, 201)  # in no particular order
    pages: list[Request] = []
    portal.page.on("request", lambda request: pages.append(request))
    # The page asks for 100 at once; asked for 4, the real API gives three pages.
    portal.page.route(
        "**/v1/webhooks?limit=100*", lambda route: route.continue_(url=route.request.url.replace("=100", "=4"))
    )
    portal.page.goto(f"{portal.address}#token={key_of(client)}")
    expect(portal.page.get_by_role("list", name="Webhooks").get_by_role("link")).to_have_count(12)
    names = portal.page.locator(".row .name").all_inner_texts()
    assert names == [f"Hook {number}" for number in range(12)]
    assert len([request for request in pages if "/v1/webhooks" in request.url]) >= 3


def test_failing_webhooks_come_first_and_a_long_list_can_be_searched(
    portal: Portal, client: Client, create: Callable[..., Any], receiver: Receiver
) -> None:
    page = portal.page
    receiver.answer("/dead", Answer(500))
    failing = create("Zebra", path="/dead", events=["contact.created"])
    client.post(f"/v1/webhooks/{failing['id']}/test", {"event": "message.read"}, 202)
    for number in range(1, 10):
        create(f"Branch {number}")
    client.await_webhook(failing["id"], lambda w: w["status"] == "failing", seconds=60)
    portal.open(client)
    names = page.locator(".row .name")
    expect(page.get_by_role("list", name="Webhooks")).to_contain_text("Answered 500, expected 200. Since")
    expect(names).to_have_text(["Zebra", *(f"Branch {number}" for number in range(1, 10))])
    expect(page.get_by_label("Search")).to_be_hidden()
    create("Branch 10")
    expect(page.get_by_label("Search")).to_be_visible()
    page.get_by_label("Search").fill("branch 1")
    expect(names).to_have_text(["Branch 1", "Branch 10"])
    page.get_by_label("Search").fill("CONTACT.")
    expect(names).to_have_text(["Zebra"])
    page.get_by_label("Search").fill("nothing like it")
    expect(page.locator("#main").get_by_text("No webhook matches.")).to_be_visible()
    page.get_by_label("Search").fill("")
    expect(names).to_have_count(11)
