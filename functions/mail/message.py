"""What the email says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from unicodedata import category

from webhooks.operational_events import MAX_COUNTED

_AUTOMATICALLY = """Failed
deliveries are then resent automatically. The webhook's page shows the progress:"""
_BY_HAND = """Failed
deliveries are not resent automatically. Resend them from the webhook's page:"""


@dataclass(frozen=True, slots=True)
class Message:
    subject: str
    text: str


def compose(failing: Mapping[str, Any], api_url: str) -> Message:
    """Returns the email for the detail of a `webhook.failing`."""
    name, reason = _on_one_line(failing["webhook_name"]), _on_one_line(failing["failing_reason"])
    code = f" ({failing['failing_code']})" if failing.get("failing_code") else ""
    failed = failing.get("failed_deliveries") or 1  # none from a function that is being upgraded
    count = f"{failed} or more" if failed >= MAX_COUNTED else failed
    after = _AUTOMATICALLY if failing.get("catch_up") else _BY_HAND
    text = f"""\
Your webhook "{name}" has been failing since {_readable(failing["failing_since"])}:
{reason}{code}

Deliveries that failed or are being retried: {count}

What happens next: new events are still sent to it. As soon as one is
answered with 200, the webhook counts as active again. {after}

{failing["page_url"]}

No other email about this webhook follows within 24 hours. To switch off emails
about all of the account's webhooks, choose "Email alerts..." above the
list of webhooks, or make this call with a key of the account {failing["account_id"]}:

PUT {api_url}/v1/notifications
{{"email": null, "enabled": false}}
"""
    return Message(f'Your webhook "{name}" is failing', text)


def _on_one_line(text: str) -> str:
    """Without control characters, and without those that change the direction of what follows."""
    shown = (" " if category(each) == "Cc" else each for each in text if category(each) not in ("Cf", "Cs"))
    return " ".join("".join(shown).split())


def _readable(time: str) -> str:
    """`2026-05-29 10:36 UTC`."""
    return f"{time[:10]} {time[11:16]} UTC"
