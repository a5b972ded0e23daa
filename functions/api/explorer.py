"""The API explorer: Swagger UI as one page, with its script, its style and the specification in it."""

from __future__ import annotations

from pathlib import Path

HEADERS = {
    "Content-Security-Policy": "sandbox allow-scripts allow-popups; default-src 'none'; script-src 'unsafe-inline'; "
    "style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}
"""
The explorer shares its origin with Settings > Webhooks, whose key its inline scripts must not reach: the sandbox gives it
an origin of its own. It may ask nobody anything, this API included.
"""
_READ_ONLY = ".swagger-ui :is(.auth-wrapper, .authorization__btn) { display: none }"
"""A key that is entered could not be used."""


def render(specification: str) -> str:
    """
    The page, 1.8 MB, to read: calls are not made from it.

    Powertools' `enable_swagger` makes the same, but loads the specification's models at every cold start (80 ms of CPU).
    """
    from aws_lambda_powertools.event_handler.openapi import swagger_ui

    folder = Path(swagger_ui.__file__).parent
    script = (folder / "swagger-ui-bundle.min.js").read_text(encoding="utf-8")
    style = (folder / "swagger-ui.min.css").read_text(encoding="utf-8")
    escaped = specification.replace("</", "<\\/")  # or a text in it could end the script
    page = swagger_ui.generate_swagger_html(escaped, script, style + _READ_ONLY, "", None)
    return page.replace("var swaggerUIOptions = {", "var swaggerUIOptions = {supportedSubmitMethods: [],", 1)
