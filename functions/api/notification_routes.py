"""The address that gets an email when one of an account's webhooks begins to fail."""

import os
from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Body
from pydantic import Field

from api.context import Account
from api.fields import In, Out
from api.routing import Routes
from api.text_fields import Email
from webhooks.errors import Conflict
from webhooks.notifications import Notifications, notification_table

routes = Routes()


class NotificationsIn(In):
    email: Email | None = Field(description="Null removes the address.")
    enabled: bool = Field(
        default_factory=lambda: True, description="`false` switches the emails off and keeps the address."
    )


class NotificationsOut(Out):
    email: str | None = Field(description="Null if nobody gets emails.", examples=["ops@example.com"])
    enabled: bool
    available: bool = Field(
        description="Whether this installation sends emails. If not, no address can be set, and one that is set gets none."
    )

    @classmethod
    def of(cls, notifications: Notifications) -> "NotificationsOut":
        return cls(email=notifications.email, enabled=notifications.enabled, available=_available())


@routes.add(
    "GET",
    "/v1/notifications",
    "getNotifications",
    "Read the address for emails",
    role="account",
    tag="Notifications",
)
def get(caller: Account) -> NotificationsOut:
    """The address that gets an email when one of the account's webhooks begins to fail."""
    return NotificationsOut.of(notification_table().read(caller.account_id))


@routes.add(
    "PUT",
    "/v1/notifications",
    "setNotifications",
    "Set the address for emails",
    role="account",
    tag="Notifications",
    body="required",
    refusals=[409],
)
def put(caller: Account, given: Annotated[NotificationsIn, Body()]) -> NotificationsOut:
    """
    The address gets an email when a webhook of the account begins to fail: at most one a day and webhook, 20 a day in all.
    If this installation does not send emails, an address is refused with 409; it can always be removed.
    """
    if given.email is not None and not _available():
        raise Conflict("this installation does not send emails; its operator has to switch them on first")
    notifications = Notifications(given.email, given.enabled)
    notification_table().save(caller.account_id, notifications)
    return NotificationsOut.of(notifications)


def _available() -> bool:
    return "MAIL_FROM" in os.environ
