"""How the page is served; what it does is tested in a browser."""

from __future__ import annotations

import base64
import gzip
import json
import re
from typing import Any

import pytest

from tests.integration.api_client import EVENT, Api
from tests.integration.conftest import Aws

PATH = "/settings/webhooks"


def policy(api: Api) -> dict[str, str]:
    rules = api.get(PATH).headers["Content-Security-Policy"].split(";")
    return dict(rule.strip().split(" ", 1) for rule in rules)


def test_it_is_one_answer_that_runs_nothing_else(api: Api) -> None:
    page = api.get(PATH)
    assert (page.status, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert not re.search(r"<[^>]*\s(src|href|style|on\w+)=(?!\"data:)", page.text.partition("<script")[0])
    rules = policy(api)
    assert (rules["default-src"], rules["connect-src"]) == ("'none'", "'self'")
    for name in ("script-src", "style-src"):
        assert re.fullmatch(r"'sha256-[A-Za-z0-9+/]{43}='", rules[name])


def test_it_offers_mails_where_there_are_any(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MAIL_FROM", raising=False)
    assert "<body>" in api.get(PATH).text
    monkeypatch.setenv("MAIL_FROM", "webhooks@example.com")
    assert "<body data-mails>" in api.get(PATH).text


@pytest.mark.parametrize(
    ("setting", "allowed"),
    [("", "'none'"), ("https://app.example.com https://b.example", "https://app.example.com https://b.example")],
)
def test_only_named_origins_embed_it(api: Api, monkeypatch: pytest.MonkeyPatch, setting: str, allowed: str) -> None:
    monkeypatch.setenv("FRAME_ANCESTORS", setting)
    assert policy(api)["frame-ancestors"] == allowed


def raw(path: str, **headers: str) -> dict[str, Any]:
    """The answer as API Gateway gets it."""
    from api.handler import lambda_handler

    event = json.loads(json.dumps(EVENT)) | {"rawPath": path}
    event["headers"] |= {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda_handler(event, None)


@pytest.mark.parametrize("path", [PATH, "/docs", "/openapi.json"])
def test_it_is_compressed_for_who_can_read_that(api: Api, path: str) -> None:
    answer = raw(path, accept_encoding="gzip, deflate, br")
    assert (answer["isBase64Encoded"], answer["headers"]["Content-Encoding"]) == (True, "gzip")
    compressed = base64.b64decode(answer["body"])
    assert gzip.decompress(compressed).decode() == api.get(path).text
    assert len(compressed) < len(api.get(path).text.encode()) / 2
    assert answer["headers"]["Vary"] == raw(path)["headers"]["Vary"] == "Accept-Encoding"


@pytest.mark.parametrize("accept", [{}, {"accept_encoding": "*"}, {"accept_encoding": "br;q=1.0, GZIP;q=0.5"}])
def test_the_explorer_is_always_compressed(aws: Aws, accept: dict[str, str]) -> None:
    answer = raw("/docs", **accept)
    assert (answer["statusCode"], answer["headers"]["Content-Encoding"]) == (200, "gzip")
    assert len(answer["body"]) < 1_000_000


@pytest.mark.parametrize("accept", ["identity", "", "br", "gzip;q=0", "*;q=0.0"])
def test_who_cannot_read_that_gets_no_explorer(aws: Aws, accept: str) -> None:
    answer = raw("/docs", accept_encoding=accept)
    assert (answer["statusCode"], answer["headers"]["Content-Type"]) == (406, "application/problem+json")


@pytest.mark.parametrize("path", ["/docs", "/openapi.json"])
def test_what_does_not_change_is_fetched_once(aws: Aws, path: str) -> None:
    first = raw(path)["headers"]
    assert first["Cache-Control"] == "public, max-age=3600"
    assert first["Vary"] == "Accept-Encoding"
    for known in (first["ETag"], f'"other", {first["ETag"]}', first["ETag"].removeprefix("W/"), "*"):
        again = raw(path, if_none_match=known)
        assert (again["statusCode"], again["body"], again["headers"]["ETag"]) == (304, "", first["ETag"])
        assert again["headers"]["Cache-Control"] == first["Cache-Control"]
    assert raw(path, if_none_match='"other"')["statusCode"] == 200


@pytest.mark.parametrize(("setting", "status"), [("0", 404), ("1", 200)])
def test_the_explorer_can_be_switched_off(api: Api, monkeypatch: pytest.MonkeyPatch, setting: str, status: int) -> None:
    monkeypatch.setenv("EXPLORER_ENABLED", setting)
    assert api.get("/docs").status == status
    assert api.get("/docs", format="json").status == status
    assert api.get("/openapi.json").status == 200
