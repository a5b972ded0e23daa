"""Answers that come late."""

from __future__ import annotations

from playwright.sync_api import Page, Route

from tests.portal.browser import settle


def hold(page: Page, url: str, method: str = "GET", count: int = 1) -> list[Route]:
    """The first such calls wait, and are in the list, until `continue_` lets them go on."""
    held: list[Route] = []

    def handle(route: Route) -> None:
        if route.request.method != method or len(held) == count:
            route.fallback()
        else:
            held.append(route)

    page.route(url, handle)
    return held


def answer(page: Page, held: list[Route]) -> None:
    """Lets the only call that is held go on, and gives the page time to use its answer."""
    (route,) = held
    with page.expect_response(lambda response: response.request == route.request):
        route.continue_()
    settle(page)
