"""An account sets the address for its mails, and switches them off."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.api_client import Api

PATH = "/v1/notifications"


@pytest.fixture
def account(api: Api, monkeypatch: pytest.MonkeyPatch) -> Api:
    monkeypatch.setenv("MAIL_FROM", "webhooks@example.com")
    return api.of_account("acme")


def test_at_first_there_is_no_address(account: Api) -> None:
    assert account.get(PATH).json == {"email": None, "enabled": True, "available": True}


def test_what_is_set_is_shown_to_the_account_alone(account: Api) -> None:
    answer = account.call("PUT", PATH, {"email": "ops@customer.example"})
    shown = {"email": "ops@customer.example", "enabled": True, "available": True}
    assert (answer.status, answer.json) == (200, shown)
    assert account.get(PATH).json == shown
    assert Api().of_account("other").get(PATH).json["email"] is None


def test_switched_off_the_address_stays_and_removed_it_goes(account: Api) -> None:
    account.call("PUT", PATH, {"email": "ops@customer.example", "enabled": False})
    assert account.get(PATH).json == {"email": "ops@customer.example", "enabled": False, "available": True}
    account.call("PUT", PATH, {"email": None})
    assert account.get(PATH).json == {"email": None, "enabled": True, "available": True}


def test_an_installation_without_mails_says_so(account: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    account.call("PUT", PATH, {"email": "ops@customer.example"})
    monkeypatch.delenv("MAIL_FROM")
    assert account.get(PATH).json == {"email": "ops@customer.example", "enabled": True, "available": False}
    refused = account.call("PUT", PATH, {"email": "new@customer.example"})
    assert (refused.status, refused.json["detail"]) == (
        409,
        "this installation does not send emails; its operator has to switch them on first",
    )
    assert account.get(PATH).json["email"] == "ops@customer.example"
    assert account.call("PUT", PATH, {"email": None}).json == {"email": None, "enabled": True, "available": False}


@pytest.mark.parametrize(
    "email",
    [
        "a@b.co",
        "first.last+tag@sub.example.com",
        "o'brien!#$%&*/=?^_`{|}~-@xn--bcher-kva.example",
        "a" * 64 + "@example.com",
        "1@1.example.museum",
    ],
)
def test_addresses(account: Api, email: str) -> None:
    assert account.call("PUT", PATH, {"email": email}).json["email"] == email


@pytest.mark.parametrize(
    "email",
    [
        "ops",
        "@example.com",
        "ops@",
        "ops@example",
        "ops@.com",
        "ops@-example.com",
        "ops@example-.com",
        "ops@example.com.",
        "ops@[192.0.2.1]",
        "ops@192.0.2.1",
        "a..b@example.com",
        ".a@example.com",
        "a.@example.com",
        '"a b"@example.com',
        "a b@example.com",
        " ops@example.com",
        "ops@example.com\r\nBcc: victim@example.com",
        "ops@example.com,victim@example.com",
        "Ops <ops@example.com>",
        "ops@exämple.com",
        "öps@example.com",
        "a" * 65 + "@example.com",
        "",
    ],
)
def test_what_is_no_address_is_refused_by_name(account: Api, email: str) -> None:
    refused = account.call("PUT", PATH, {"email": email})
    detail = "must be an address such as ops@example.com, in ASCII"
    assert (refused.status, refused.json["errors"]) == (422, [{"field": "email", "detail": detail}])


@pytest.mark.parametrize(
    ("body", "field", "detail"),
    [
        ({}, "email", "is required"),
        ({"enabled": True}, "email", "is required"),
        ({"email": 5}, "email", "must be a string"),
        ({"email": ["ops@example.com"]}, "email", "must be a string"),
        ({"email": "a@" + "b." * 130 + "com"}, "email", "must have at most 254 characters"),
        ({"email": None, "enabled": "no"}, "enabled", "must be true or false"),
        ({"email": None, "available": True}, "available", "is not a known field; allowed fields: email, enabled"),
    ],
)
def test_every_refusal_names_the_field(account: Api, body: dict[str, Any], field: str, detail: str) -> None:
    refused = account.call("PUT", PATH, body)
    assert (refused.status, refused.json["errors"]) == (422, [{"field": field, "detail": detail}])
