"""Answers that come late, and refusals."""

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


def refuse_first(page: Page, url: str, method: str, *statuses: int) -> list[int]:
    """Answers the first such calls as API Gateway does when it or Lambda has no room for them. Returns what was answered."""
    answered: list[int] = []

    def handle(route: Route) -> None:
        if route.request.method != method or len(answered) == len(statuses):
            route.fallback()
            return
        answered.append(statuses[len(answered)])
        route.fulfill(status=answered[-1], json={"message": "Too Many Requests"})

    page.route(url, handle)
    return answered
