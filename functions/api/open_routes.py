"""The routes that need no key: the page, the specification and the API explorer."""

import gzip
import hashlib
import json
import os
import re
from functools import cache
from pathlib import Path

from aws_lambda_powertools.event_handler import Request, Response, content_types

from api.portal import page
from api.problems import Problem
from api.routes import API
from api.routing import Routes
from webhooks.errors import NotFound

routes = Routes()
_CACHED = {"Cache-Control": "public, max-age=3600", "Vary": "Accept-Encoding"}


@routes.add("GET", "/settings/webhooks", role="open")
def settings() -> Response[str]:
    html, headers = page.render(os.environ["FRAME_ANCESTORS"] or "'none'", mails="MAIL_FROM" in os.environ)
    return Response(200, "text/html; charset=utf-8", html, headers=headers, compress=True)


@routes.add("GET", "/openapi.json", role="open")
def openapi(request: Request) -> Response[str | bytes]:
    return _unless_known(request, Response(200, content_types.APPLICATION_JSON, _specification(), compress=True))


@routes.add("GET", "/event-types", role="open")
def event_types(request: Request) -> Response[str | bytes]:
    """`/v1/event-types` for people: developers read it before they have a key."""
    html, headers = _catalogue()
    page: Response[str | bytes] = Response(200, "text/html; charset=utf-8", html, headers=dict(headers), compress=True)
    return _unless_known(request, page)


@routes.add("GET", "/aisoule_webhooks.py", role="open")
def listen(request: Request) -> Response[str | bytes]:
    """The program that forwards what a test address receives to a developer's machine, for this deployment."""
    return _unless_known(request, Response(200, "text/x-python; charset=utf-8", _program(), compress=True))


@routes.add("GET", "/docs", role="open")
def docs(request: Request) -> Response[str | bytes]:
    """Always compressed: it is large, and anybody can request it."""
    if os.environ.get("EXPLORER_ENABLED") == "0":
        raise NotFound("the API explorer is disabled")
    if (request.query_parameters or {}).get("format") == "json":
        return openapi(request)  # the explorer's own link to it
    if not _accepts_gzip(request.headers.get("accept-encoding")):
        raise Problem(406, "the explorer is only available with the content encoding gzip")
    from api import explorer  # as in _specification

    headers = {"Content-Encoding": "gzip", **explorer.HEADERS}
    return _unless_known(request, Response(200, content_types.TEXT_HTML, _explorer(), headers=headers))


def _unless_known(request: Request, response: Response[str | bytes]) -> Response[str | bytes]:
    """304 if the client has this version already (RFC 9110, 13.1.2)."""
    etag = f'W/"{_digest(response.body)}"'
    known = request.headers.get("if-none-match", "")
    headers = {**_CACHED, "ETag": etag}
    if known.strip() == "*" or etag.removeprefix("W/") in re.findall(r'"[^"]*"', known):
        return Response(304, headers=headers)
    response.headers.update(headers)
    return response


def _accepts_gzip(accept_encoding: str | None) -> bool:
    """RFC 9110, 12.5.3: without the header, every encoding is acceptable."""
    if accept_encoding is None:
        return True
    qualities: dict[str, str] = dict(re.findall(r"([\w*-]+)\s*(?:;\s*q=([\d.]+))?", accept_encoding.lower()))
    quality = qualities.get("gzip", qualities.get("*", "0"))
    return quality == "" or quality.strip("0.") != ""


@cache
def _specification() -> str:
    from api.documentation import specification  # few calls need it, and each import costs at every cold start

    return specification(API, os.environ["PUBLIC_URL"])


@cache
def _catalogue() -> tuple[str, dict[str, str]]:
    from api import catalogue  # as in _specification

    return catalogue.render()


@cache
def _program() -> str:
    program = Path(__file__).with_name("aisoule_webhooks.py").read_text(encoding="utf-8")
    return program.replace('\nAPI = ""', f"\nAPI = {json.dumps(os.environ['PUBLIC_URL'])}")


@cache
def _explorer() -> bytes:
    from api.explorer import render

    return gzip.compress(render(_specification()).encode(), mtime=0)


@cache
def _digest(content: str | bytes) -> str:
    return hashlib.sha256(content if isinstance(content, bytes) else content.encode()).hexdigest()[:32]
