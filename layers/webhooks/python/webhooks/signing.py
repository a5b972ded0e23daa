"""Signatures over the raw body: AIsoule's own header and the Standard Webhooks ones (https://www.standardwebhooks.com)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping, Sequence

SECRET_PREFIX = "whsec_"  # noqa: S105 - it is the same for all

TOLERANCE = 300
"""Seconds, as docs and examples tell customers to allow."""


def new_secret() -> str:
    """`whsec_` and the base64 of 32 random bytes."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def hex_signature(secret: str, body: bytes) -> str:
    """`X-Webhook-Signature`: lower-case hex HMAC-SHA256 of the body, keyed with the secret string's UTF-8 bytes."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def standard_signature(signing_secrets: Sequence[str], event_id: str, timestamp: int, body: bytes) -> str:
    """`webhook-signature`: one `v1,<base64>` a secret, separated by spaces. `timestamp` is in Unix seconds."""
    signed = b"%s.%d.%s" % (event_id.encode(), timestamp, body)
    return " ".join(f"v1,{_sign(secret, signed)}" for secret in signing_secrets)


def headers(signing_secrets: Sequence[str], event_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The four signature headers of one attempt. `X-Webhook-Signature` has room for the current secret only."""
    return {
        "X-Webhook-Signature": hex_signature(signing_secrets[0], body),
        "webhook-id": event_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": standard_signature(signing_secrets, event_id, timestamp, body),
    }


def verified_headers(
    signing_secrets: Sequence[str], given: Mapping[str, str], body: bytes, timestamp: int
) -> list[str]:
    """
    The names of those of the two signature headers that verify by one of the secrets. Names in `given` are in lower case.
    `webhook-signature` does not if its time is more than `TOLERANCE` from `timestamp`, in Unix seconds.
    """
    names = []
    at = given.get("webhook-timestamp", "")
    id_ = given.get("webhook-id", "")
    if id_.isascii() and re.fullmatch(r"[0-9]{1,12}", at) and abs(timestamp - int(at)) <= TOLERANCE:
        expected = standard_signature(signing_secrets, id_, int(at), body)
        if _any_equal(expected.split(" "), given.get("webhook-signature", "").split(" ")):
            names.append("webhook-signature")
    if _any_equal([hex_signature(s, body) for s in signing_secrets], [given.get("x-webhook-signature", "")]):
        names.append("X-Webhook-Signature")
    return names


def _any_equal(expected: Sequence[str], given: Sequence[str]) -> bool:
    return any(hmac.compare_digest(one.encode(), other.encode(errors="replace")) for one in expected for other in given)


def _sign(secret: str, signed: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    return base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
