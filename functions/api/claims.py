"""Whether somebody has lately asked for the same: of two calls at once, one must not POST beside the other."""

from __future__ import annotations

import os

from webhooks.clients import client
from webhooks.models import now

_KEPT = 3600


def claim(account_id: str, what: str) -> bool:
    """Notes it, and says whether it had been noted within the last hour already. One write; DynamoDB forgets it."""
    at = int(now().timestamp())
    answer = client("dynamodb").update_item(
        TableName=os.environ["CONFIG_TABLE"],
        Key={"pk": {"S": f"CLAIM#{account_id}"}, "sk": {"S": what}},
        UpdateExpression="SET expires_at = :expires",
        ExpressionAttributeValues={":expires": {"N": str(at + _KEPT)}},
        ReturnValues="ALL_OLD",
    )
    before = answer.get("Attributes", {}).get("expires_at", {}).get("N", "0")
    return int(before) > at
