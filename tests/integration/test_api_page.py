"""How the page is served; what it does is tested in a browser."""

from __future__ import annotations

import base64
import gzip
import json
import re

import pytest

from tests.integration.api_client import EVENT, Api

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


@pytest.mark.parametrize(
    ("setting", "allowed"),
    [("", "'none'"), ("https://app.example.com https://b.example", "https://app.example.com https://b.example")],
)
def test_only_named_origins_embed_it(api: Api, monkeypatch: pytest.MonkeyPatch, setting: str, allowed: str) -> None:
    monkeypatch.setenv("FRAME_ANCESTORS", setting)
    assert policy(api)["frame-ancestors"] == allowed


@pytest.mark.parametrize("path", [PATH, "/docs", "/openapi.json"])
def test_it_is_compressed_for_who_can_read_that(api: Api, path: str) -> None:
    from api.handler import lambda_handler

    event = json.loads(json.dumps(EVENT)) | {"rawPath": path}
    event["headers"]["accept-encoding"] = "gzip, deflate, br"
    answer = lambda_handler(event, None)
    assert (answer["isBase64Encoded"], answer["headers"]["Content-Encoding"]) == (True, "gzip")
    compressed = base64.b64decode(answer["body"])
    assert gzip.decompress(compressed).decode() == api.get(path).text
    assert len(compressed) < len(api.get(path).text.encode()) / 2
