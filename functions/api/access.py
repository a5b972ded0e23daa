"""Decides who may make a call, before its body is read: 401, 403, 404 in this order."""

from __future__ import annotations

from dataclasses import dataclass

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from api.problems import Problem
from api.routing import Match
from webhooks.api_keys import Key
from webhooks.key_table import key_table
from webhooks.models import Webhook
from webhooks.tables import config_table
from webhooks.times import now

logger = Logger(use_rfc3339=True)


@dataclass(frozen=True, slots=True)
class Caller:
    """Has a key of the platform or of an account."""

    key: Key


@dataclass(frozen=True, slots=True)
class AccountCaller(Caller):
    account_id: str


@dataclass(frozen=True, slots=True)
class WebhookCaller(AccountCaller):
    """An account that makes a call about one of its webhooks."""

    webhook: Webhook


def authenticate(authorization: str) -> Key:
    """Raises Problem 401."""
    scheme, _, token = authorization.partition(" ")
    key = None
    if scheme.lower() == "bearer" and token:
        key = key_table().authenticate(token.strip(), now())
    if key is None:
        why = "the key is unknown, revoked or expired" if token else "send Authorization: Bearer <key>"
        raise Problem(401, why, headers={"WWW-Authenticate": 'Bearer realm="webhooks"'})
    _mark_used(key)
    return key


def _mark_used(key: Key) -> None:
    """Never fails the call: what could not be recorded is recorded by the next one."""
    try:
        key_table().mark_used(key, now())
    except (BotoCoreError, ClientError):
        logger.warning("key.use_not_recorded", exc_info=True, key_id=key.id)


def authorize(match: Match, key: Key) -> Caller:
    """Raises Problem 403 for the wrong role, NotFound for a webhook that is not the account's."""
    if match.route.role not in ("any", key.role):
        raise Problem(
            403, f"this call requires a key with the role {match.route.role}; this key has the role {key.role}"
        )
    if key.account_id is None:
        return Caller(key)
    if "webhook_id" not in match.ids:
        return AccountCaller(key, key.account_id)
    return WebhookCaller(key, key.account_id, config_table().webhook(key.account_id, match.ids["webhook_id"]))
