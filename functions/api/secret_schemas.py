"""Requests and responses about a webhook's secret."""

from __future__ import annotations

from pydantic import Field

from api.fields import In, Out, Seconds, Time
from webhooks.models import Webhook
from webhooks.times import now


class RotateIn(In):
    overlap_seconds: Seconds = Field(
        default=86_400,
        ge=0,
        le=604_800,
        description="How long the old secret signs as well; 0 revokes it at once.",
    )


class SecretRotated(Out):
    secret: str = Field(description="The new secret, which signs from the next attempt on.")
    previous_expires_at: Time | None = Field(description="Null if the old secret is revoked.")


class SecretOut(Out):
    secret: str
    previous_expires_at: Time | None = Field(
        description="The time until which the secret before this one signs as well; null if it does not."
    )


def overlap_end(webhook: Webhook) -> str | None:
    """Until when the previous secret signs, if it does now."""
    return webhook.previous_expires_at if len(webhook.signing_secrets(now())) > 1 else None
