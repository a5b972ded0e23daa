"""Requests and responses about webhooks."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from api.fields import Code, In, Out, Time
from api.header_fields import HeaderChanges, Headers, masked
from api.secret_schemas import overlap_end
from api.text_fields import Name
from api.webhook_fields import CatchesUp, CatchUpHours, Events, PerSecond, Url, WhatsappAccountIds
from webhooks.catch_up import CatchUp
from webhooks.models import Webhook, WebhookStatus


class WebhookIn(In):
    """
    Defaults of what is not given: `headers` `{}`, `whatsapp_account_ids` `[]`, `max_per_second` null, `catch_up` false,
    `catch_up_hours` 24.
    """

    name: Name
    url: Url
    events: Events
    headers: Headers = Field(default_factory=dict)
    whatsapp_account_ids: WhatsappAccountIds = Field(default_factory=list)
    max_per_second: PerSecond = None
    catch_up: CatchesUp = Field(default_factory=bool)
    catch_up_hours: CatchUpHours = Field(default_factory=lambda: 24)


class WebhookPatch(In):
    """Only the given fields are changed."""

    name: Name = Field(default_factory=str)
    url: Url = Field(default_factory=str)
    events: Events = Field(default_factory=list)
    headers: Headers = Field(default_factory=dict)
    header_changes: HeaderChanges = Field(default_factory=dict)
    whatsapp_account_ids: WhatsappAccountIds = Field(default_factory=list)
    max_per_second: PerSecond = None
    catch_up: CatchesUp = Field(default_factory=bool)
    catch_up_hours: CatchUpHours = Field(default_factory=int)
    enabled: bool = Field(default_factory=bool, description="`false` disables the webhook, `true` makes it active.")


class WebhookOut(Out):
    id: str = Field(examples=["wh_4382c86378858451cb42692010d605d0"])
    name: str
    url: str
    events: list[str]
    headers: dict[str, str] = Field(description="The values are secret and shown masked.")
    whatsapp_account_ids: list[str] = Field(
        description="If not empty, only events of these WhatsApp accounts are sent.", examples=[["uuid"]]
    )
    max_per_second: int | None = Field(description="Maximum deliveries per second; null for no limit.")
    catch_up: bool = Field(
        description="Whether what fails in an outage is sent again automatically: see `GET …/catch-up`."
    )
    catch_up_hours: int
    test_address: bool = Field(description="Whether it points to an inbox of ours, which `GET …/requests` reads.")
    status: WebhookStatus
    failing_since: Time | None
    failing_reason: str | None = Field(examples=["answered 500, expected 200"])
    failing_code: Code | None
    disabled_at: Time | None
    disabled_reason: str | None = Field(
        examples=["answered 410: gone for good"],
        description="Why the webhook was disabled by an answer of its endpoint; null if a person disabled it.",
    )
    disabled_event_id: str | None = Field(description="The event answered with 410.")
    failing_event_id: str | None = Field(
        description="The event whose last retry failed when the webhook became failing."
    )
    previous_secret_expires_at: Time | None = Field(
        description="After a rotation, the time until which the old secret signs as well; null if it does not."
    )
    created_at: Time
    updated_at: Time

    @classmethod
    def of(cls, webhook: Webhook) -> WebhookOut:
        return cls(**_public(webhook))


class WebhookSaved(WebhookOut):
    url_warning: str | None = Field(
        description="Set if the URL was given and its host name does not resolve. It is saved nevertheless, and looked up "
        "again at every attempt."
    )

    @classmethod
    def of(cls, webhook: Webhook, url_warning: str | None = None) -> WebhookSaved:
        return cls(**_public(webhook), url_warning=url_warning)


class WebhookCreated(WebhookSaved):
    secret: str = Field(description="Signs every POST. `GET …/secret` returns it again.")

    @classmethod
    def of(cls, webhook: Webhook, url_warning: str | None = None) -> WebhookCreated:
        return cls(**_public(webhook), url_warning=url_warning, secret=webhook.secret)


class CatchUpOut(Out):
    """The most recent catching up of the webhook."""

    state: Literal["none", "waiting", "sending", "done", "given_up", "stopped"] = Field(
        description="`waiting` for the endpoint to work again, `sending` again what failed, `done`. `given_up` after 3 days "
        "or at the twelfth outage in a row, or `stopped` because the webhook was disabled or should not catch up: what is "
        "still failed then can be sent again by `POST …/recover`."
    )
    failing_since: Time | None = Field(description="When the outage began.")
    next_look_at: Time | None = Field(
        description="While it waits, when the endpoint is probed next; null if it does not."
    )
    sent: int = Field(description="Deliveries that were sent again; so far, while it is `sending`.")
    total: int = Field(
        description="Approximate number of deliveries to resend; 0 until resending starts or is given up."
    )
    ended_at: Time | None

    @classmethod
    def of(cls, catch_up: CatchUp | None) -> CatchUpOut:
        if catch_up is None:
            return cls(state="none", failing_since=None, next_look_at=None, sent=0, total=0, ended_at=None)
        return cls(
            state=catch_up.state,
            failing_since=catch_up.failing_since,
            next_look_at=catch_up.due_at if catch_up.state == "waiting" else None,
            sent=catch_up.sent,
            total=catch_up.total,
            ended_at=catch_up.ended_at,
        )


class WebhookPage(Out):
    data: list[WebhookOut]
    next_cursor: str | None


def _public(webhook: Webhook) -> dict[str, Any]:
    return {
        **{name: getattr(webhook, name, None) for name in WebhookOut.model_fields},
        "headers": masked(webhook.headers),
        "test_address": webhook.has_test_address,
        "previous_secret_expires_at": overlap_end(webhook),
    }
