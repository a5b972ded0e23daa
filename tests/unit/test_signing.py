"""Signatures, checked by published vectors and other people's verifiers."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import timedelta
from importlib import import_module

import pytest
import standardwebhooks

from webhooks import signing
from webhooks.models import Webhook
from webhooks.times import now, rfc3339

BODY = b'{"event":"message.incoming","data":{"text":"na\\u00efve"}}'


def test_the_vector_published_by_standard_webhooks() -> None:
    """From the test suites of the reference libraries, which share it."""
    signature = signing.standard_signature(
        ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
    )
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_hex_vector_of_rfc_4231() -> None:
    """Test case 2: the key is text, as our secrets are."""
    expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert signing.hex_signature("Jefe", b"what do ya want for nothing?") == expected


def test_the_three_lines_that_customers_are_told_to_use() -> None:
    secret = signing.new_secret()
    headers = signing.headers([secret], "evt_1", 1, BODY)
    expected = hmac.new(secret.encode(), BODY, hashlib.sha256).hexdigest()
    assert hmac.compare_digest(expected, headers["X-Webhook-Signature"])


def signed(secrets: list[str]) -> dict[str, str]:
    return signing.headers(secrets, "evt_1", int(now().timestamp()), BODY)


@pytest.mark.long
@pytest.mark.parametrize("library", ["standardwebhooks", "svix"])
def test_off_the_shelf_libraries_verify_it(library: str) -> None:
    secret = signing.new_secret()
    import_module(library).Webhook(secret).verify(BODY, signed([secret]))


def test_while_rotating_both_secrets_verify_and_a_third_does_not() -> None:
    new, old, other = signing.new_secret(), signing.new_secret(), signing.new_secret()
    headers = signed([new, old])
    for secret in (new, old):
        standardwebhooks.Webhook(secret).verify(BODY, headers)
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(other).verify(BODY, headers)
    # The header with room for one is the new secret's.
    assert headers["X-Webhook-Signature"] == signing.hex_signature(new, BODY)


@pytest.mark.parametrize("changed", [BODY + b" ", BODY.replace(b"na", b"nA")])
def test_a_changed_body_does_not_verify(changed: bytes) -> None:
    secret = signing.new_secret()
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(secret).verify(changed, signed([secret]))


def test_a_secret_is_256_random_bits() -> None:
    made = {signing.new_secret() for _ in range(100)}
    assert len(made) == 100
    assert {len(base64.b64decode(secret.removeprefix("whsec_"))) for secret in made} == {32}


@pytest.mark.parametrize(("expires_in", "signs"), [(60, ["new", "old"]), (0, ["new"]), (-60, ["new"])])
def test_the_previous_secret_signs_until_it_expires(expires_in: int, signs: list[str]) -> None:
    at = now()
    webhook = Webhook(
        id="wh_1", account_id="acme", name="n", url="https://example.com/", events=[], status="active", secret="new",
        created_at="", updated_at="", previous_secret="old", previous_expires_at=rfc3339(at + timedelta(seconds=expires_in)),
    )  # fmt: skip
    assert webhook.signing_secrets(at) == signs
