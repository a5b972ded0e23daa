"""The headers of an attempt, for deliver, which sends them, and the API, which shows them."""

from __future__ import annotations

import os
from datetime import datetime

from webhooks import signing
from webhooks.models import Webhook


def user_agent(contact: str | None) -> str:
    """Who we are and, if the installation says so, where to complain; docs/abuse.md says the rest."""
    return f"AIsoule-Webhooks/1 (+{contact})" if contact else "AIsoule-Webhooks/1"


_USER_AGENT = user_agent(os.environ.get("CONTACT"))


def post_headers(webhook: Webhook, event_id: str, body: bytes, at: datetime, *, test: bool) -> dict[str, str]:
    """
    Returns the headers of an attempt made `at`, the webhook's own and the signatures included. `Host` and `Content-Length`
    come later.
    """
    return webhook.headers | {
        "Content-Type": "application/json",
        "User-Agent": _USER_AGENT,
        "Accept-Encoding": "identity",
        **({"webhook-test": "true"} if test else {}),
        **signing.headers(webhook.signing_secrets(at), event_id, int(at.timestamp()), body),
    }
