"""Signatures over the raw body: AIsoule's own header and the Standard Webhooks ones (https://www.standardwebhooks.com)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence

SECRET_PREFIX = "whsec_"  # noqa: S105 - it is the same for all


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


def _sign(secret: str, signed: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    return base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
