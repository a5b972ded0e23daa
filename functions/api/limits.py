"""How often an account may have us POST on its word: a customer could aim us at somebody else's server."""

from __future__ import annotations

import os
from typing import Literal

from api.problems import Problem
from webhooks.clients import client
from webhooks.models import now

_WINDOW = 60
Kind = Literal["sends", "recoveries"]


def charge(account_id: str, kind: Kind) -> None:
    """
    Counts one call of this minute: `sends` are test events and retries, `recoveries` are pages of 100.

    Raises Problem 429 over the account's limit, which is a setting of the installation. One write; DynamoDB forgets it.
    """
    at, most = now(), int(os.environ[f"{kind.upper()}_PER_MINUTE"])
    dynamodb, window = client("dynamodb"), int(at.timestamp()) // _WINDOW
    try:
        dynamodb.update_item(
            TableName=os.environ["CONFIG_TABLE"],
            Key={"pk": {"S": f"LIMIT#{account_id}"}, "sk": {"S": f"{kind}#{window}"}},
            UpdateExpression="ADD used :one SET expires_at = :expires",
            ConditionExpression="attribute_not_exists(used) OR used < :most",
            ExpressionAttributeValues={
                ":one": {"N": "1"},
                ":most": {"N": str(most)},
                ":expires": {"N": str((window + 2) * _WINDOW)},
            },
        )
    except dynamodb.exceptions.ConditionalCheckFailedException:
        wait = _WINDOW - int(at.timestamp()) % _WINDOW
        what = "test events and retries" if kind == "sends" else "pages of recovery"
        detail = f"an account has {most} {what} a minute; try again in {wait} s"
        raise Problem(429, detail, headers={"Retry-After": str(wait)}) from None
