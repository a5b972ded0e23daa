"""The page as deployed, in a real browser, before real receivers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from local.client import Client
from local.receiver import Receiver
from tests.deployed import Deployed
from tests.portal.browser import Portal, launch, looking


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    with looking(browser) as context:
        yield context


@pytest.fixture
def portal(context: BrowserContext, deployed: Deployed) -> Portal:
    return Portal(context.new_page(), deployed.outputs.api_url)


@pytest.fixture
def client(account: tuple[str, Client]) -> Client:
    return account[1]


@pytest.fixture
def create(client: Client, receiver: Receiver) -> Callable[..., Any]:
    """Makes a webhook through the API; by default one whose endpoint answers 200."""

    def make(name: str = "Orders", path: str = "/hook", **more: Any) -> Any:
        values = {"name": name, "url": receiver.url(path), "events": ["message.incoming"], **more}
        return client.post("/v1/webhooks", values, 201)

    return make
