"""A real Chromium, and the page in it as a reader finds it."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Error, Page, Playwright, expect

from local.client import Client

WAIT = 30_000
_REFUSED = re.compile(
    r"Failed to load resource: (the server responded with a status of (4\d\d|503)|net::ERR_INTERNET_DISCONNECTED)|"
    r"Permissions policy violation: The Clipboard API"
)
"""The browser says so of every refusal; that the page shows it in words is what the tests look at."""

# Chromium takes the last list alone, so Playwright's own is repeated. The address bar's popups are pages that nobody sees:
# to render them takes more than half of what a new window costs.
_NOT = ",".join(
    (
        "WebUIOmniboxPopup,WebUIOmniboxAimPopup,WebUIOmniboxFullPopup",
        "AvoidUnnecessaryBeforeUnloadCheckSync,DestroyProfileOnBrowserClose,HttpsUpgrades,HttpsFirstBalancedModeAutoEnable",
        "LensOverlay,MediaRouter,PaintHolding,ThirdPartyStoragePartitioning,AvoidCorsURLLoaderRestartOnRedirect",
        "OptimizationHints,NetworkTimeServiceQuerying,AimEnabled,PreconnectToSearch",
    )
)

expect.set_options(timeout=WAIT)


def launch(playwright: Playwright) -> Browser:
    """`$CHROMIUM`, or one on the PATH, or Playwright's own. The headless shell is cheaper: it has no windows to draw."""
    there = map(shutil.which, ("chromium-headless-shell", "chromium", "chromium-browser"))
    found = os.environ.get("CHROMIUM") or next(filter(None, there), None)
    try:
        return playwright.chromium.launch(executable_path=found, args=["--no-sandbox", f"--disable-features={_NOT}"])
    except Error as error:
        pytest.fail(
            f"no browser: {str(error).splitlines()[0]}\nInstall Debian's package `chromium-headless-shell`, or run "
            "`.venv/bin/python -m playwright install chromium`, or name one in $CHROMIUM.",
            pytrace=False,
        )


class Watched:
    """What went wrong in a page that nobody would see: errors on the console, refused by the policy, thrown."""

    def __init__(self) -> None:
        self.errors: list[str] = []

    def listen(self, page: Page) -> None:
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.errors.append(f"thrown: {error}"))

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not _REFUSED.match(message.text):
            self.errors.append(f"{message.type}: {message.text}")


@contextmanager
def looking(browser: Browser, **options: Any) -> Iterator[BrowserContext]:
    """
    A context of its own; afterwards, nothing may have gone wrong in its pages. Without animations: a spinner takes a quarter
    of a processor for as long as a page waits.
    """
    usual = {"viewport": {"width": 1280, "height": 900}, "locale": "en-GB", "timezone_id": "Europe/London"}
    options = usual | {"reduced_motion": "reduce"} | options
    context = browser.new_context(**options)
    context.set_default_timeout(WAIT)
    watched = Watched()
    context.on("page", watched.listen)
    try:
        yield context
    finally:
        context.close()
    assert not watched.errors, watched.errors


def key_of(client: Client) -> str:
    return str(client._session.headers["Authorization"]).removeprefix("Bearer ")


class Portal:
    """The page, opened with an account's key."""

    def __init__(self, page: Page, api_url: str) -> None:
        self.page = page
        self.address = f"{api_url}/settings/webhooks"

    def open(self, client: Client, view: str = "") -> None:
        """With the key behind the #, as AIsoule's own pages open it; then on to the view."""
        self.page.goto(f"{self.address}#token={key_of(client)}")
        self.heading("Webhooks")
        if view:
            self.go(view)

    def go(self, view: str) -> None:
        self.page.goto(f"{self.address}#/{view}")
        self.ready()

    def ready(self) -> None:
        """When the view has all that it shows."""
        expect(self.page.locator("#main > .view:not([aria-busy])")).to_be_visible(
            timeout=60_000
        )  # functions start first

    def heading(self, text: str) -> None:
        expect(self.page.get_by_role("heading", level=1)).to_contain_text(text)

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()

    def fill(self, *, name: str, url: str, events: tuple[str, ...] = ("message.incoming",)) -> None:
        self.page.get_by_label("Name", exact=True).fill(name)
        self.page.get_by_label("URL").fill(url)
        for event in events:
            self.page.get_by_role("checkbox", name=event).check()

    def save_screenshot(self, path: Path) -> None:
        self.page.screenshot(path=path, full_page=True)


def stand_still(page: Page) -> None:
    """The page's clock; its calls go on."""
    page.clock.pause_at(datetime.now() + timedelta(seconds=5))


def run_for(page: Page, seconds: int) -> None:
    for _ in range(seconds // 5):
        page.clock.run_for(5000)
        settle(page)


def settle(page: Page) -> None:
    """Gives an answer time to come and to be used, while the page's clock stands still."""
    for _ in range(3):
        page.evaluate("fetch(location.pathname).then((answer) => answer.text())")
