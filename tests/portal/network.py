"""Answers that come late."""

from __future__ import annotations

from playwright.sync_api import Page, Route


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
