"""
Sends an account a mail when one of its webhooks begins to fail, if the setting `mail_from` is given and the account has an
address.

At most one mail a day and webhook matters more than at least one: the mail is reserved before it is sent. It is
released only when nothing was sent for certain; then the invocation fails, and Lambda tries again.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal

from botocore.exceptions import BotoCoreError, ClientError, ConnectTimeoutError, EndpointConnectionError

from mail.message import compose
from webhooks.clients import client
from webhooks.notifications import notification_table
from webhooks.telemetry import flush, logger
from webhooks.times import now, parse_time

NEWS_FOR = timedelta(hours=1)
"""After that, a `webhook.failing` is no news: it is emitted once more when the webhook works again, however much later."""


class MailRefused(Exception):
    """SES has not sent it. The text is the code of its answer: its words may have the address in them."""


def lambda_handler(bus_event: Mapping[str, Any], context: object) -> None:
    """Raises MailRefused."""
    try:
        _notify(bus_event["detail"])
    finally:
        flush()


def _notify(failing: Mapping[str, Any]) -> None:
    account_id, webhook_id = failing["account_id"], failing["webhook_id"]
    if now() - parse_time(failing["failing_since"]) > NEWS_FOR:
        return _skip(webhook_id, "old")
    recipient = notification_table().read(account_id).recipient()
    if recipient is None:
        return _skip(webhook_id, "off")
    if not notification_table().reserve(account_id, webhook_id):
        return _skip(webhook_id, "limit")
    try:
        _send(recipient, failing)
    except MailRefused as refused:
        logger.error("mail.refused", webhook_id=webhook_id, code=str(refused))
        notification_table().release(account_id, webhook_id)
        raise
    except (BotoCoreError, ClientError) as unclear:
        logger.error("mail.unanswered", webhook_id=webhook_id, code=_code(unclear))
    else:
        logger.info("mail.sent", webhook_id=webhook_id)


def _skip(webhook_id: str, why: Literal["old", "off", "limit"]) -> None:
    logger.info("mail.skipped", webhook_id=webhook_id, why=why)


def _send(recipient: str, failing: Mapping[str, Any]) -> None:
    """Raises MailRefused, and an error of botocore's if it is not known whether SES has sent it."""
    message = compose(failing, os.environ["PUBLIC_URL"])
    try:
        client("sesv2").send_email(
            FromEmailAddress=os.environ["MAIL_FROM"],
            Destination={"ToAddresses": [recipient]},
            Content={
                "Simple": {
                    "Subject": {"Data": message.subject, "Charset": "UTF-8"},
                    "Body": {"Text": {"Data": message.text, "Charset": "UTF-8"}},
                }
            },
        )
    except ClientError as answer:
        if answer.response["ResponseMetadata"]["HTTPStatusCode"] >= 500:
            raise
        raise MailRefused(_code(answer)) from None
    except (ConnectTimeoutError, EndpointConnectionError) as unreachable:
        raise MailRefused(_code(unreachable)) from None


def _code(error: BotoCoreError | ClientError) -> str:
    """Returns SES's error code, or the name of what kept it from answering."""
    return str(error.response["Error"]["Code"]) if isinstance(error, ClientError) else type(error).__name__
