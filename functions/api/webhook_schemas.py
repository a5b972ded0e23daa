"""What the calls about webhooks take and give."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from api.fields import Events, Headers, In, Name, Out, Seconds, Time, Url
from webhooks.models import Webhook, WebhookStatus


class WebhookIn(In):
    name: Name
    url: Url
    events: Events
    headers: Headers = Field(default_factory=dict)


class WebhookPatch(In):
    """Only the fields that are given change."""

    name: Name = Field(default_factory=str)
    url: Url = Field(default_factory=str)
    events: Events = Field(default_factory=list)
    headers: Headers = Field(default_factory=dict)
    enabled: bool = Field(default_factory=bool, description="false disables the webhook, true makes it active.")


class WebhookOut(Out):
    id: str = Field(examples=["wh_4382c86378858451cb42692010d605d0"])
    name: str
    url: str
    events: list[str]
    headers: dict[str, str] = Field(description="Values are secrets and shown masked.")
    status: WebhookStatus
    failing_since: Time | None
    failing_reason: str | None = Field(examples=["answered 500, expected 200"])
    created_at: Time
    updated_at: Time

    @classmethod
    def of(cls, webhook: Webhook) -> WebhookOut:
        return cls(**_public(webhook))


class WebhookCreated(WebhookOut):
    secret: str = Field(description="Signs every POST. `GET …/secret` shows it again.")

    @classmethod
    def of(cls, webhook: Webhook) -> WebhookCreated:
        return cls(**_public(webhook), secret=webhook.secret)


class WebhookPage(Out):
    data: list[WebhookOut]
    next_cursor: str | None


class RotateIn(In):
    overlap_seconds: Seconds = Field(
        default=86_400,
        ge=0,
        le=604_800,
        description="How long the old secret goes on signing, too; 0 revokes it at once.",
    )


class SecretRotated(Out):
    secret: str = Field(description="The new one; it signs from the next attempt on.")
    previous_expires_at: Time | None = Field(description="Null: the old secret signs no more.")


class SecretOut(Out):
    secret: str


def _public(webhook: Webhook) -> dict[str, Any]:
    shown = {name: getattr(webhook, name) for name in WebhookOut.model_fields}
    return shown | {"headers": dict.fromkeys(webhook.headers, "••••••••")}
