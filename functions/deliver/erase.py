"""
Each minute: erases from the tables what is left of accounts that were erased (`webhooks.account_items`).

| found of the account | do |
|---|---|
| keys or webhooks, of calls that were answered meanwhile | delete them; the log comes later |
| a deleted webhook's deliveries | delete a page, and before that their events, which nothing else may name |
| what waits because of its pace, its pace, its catching up | the same |
| nothing but its id | forget it |
| no deleted webhook, but counters | delete a page |
| nothing | it is done |

Each step looks at what is there, so that one which is cut off anywhere is repeated.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from time import monotonic

from webhooks.account_data import account_data
from webhooks.account_items import account_items
from webhooks.clients import client
from webhooks.tables import erasures
from webhooks.telemetry import count, flush, logger

ERASE_SECONDS = 40
"""What is left then is erased by the next invocation. `infra.erasure` gives the function ten seconds more."""

_ACCOUNTS = 100
"""The others come when some of these are done."""


def lambda_handler(schedule_event: object, context: object) -> None:
    """Never raises. One account's fault does not stop the others, and what is left is tried again in a minute."""
    until = monotonic() + ERASE_SECONDS
    try:
        due = [one for one in erasures().due(limit=_ACCOUNTS) if _tried(partial(_is_closed, until), one)]
        while due and monotonic() < until:
            # A page each in turn, so that a large account holds up no other.
            due = [one for one in due if monotonic() < until and _tried(_erase_page, one)]
    except Exception:  # what is due could not be read
        logger.exception("erasure.our_fault")
        count("OurFault")
    finally:
        flush()


def _tried(step: Callable[[str], bool], account_id: str) -> bool:
    try:
        return step(account_id)
    except Exception:
        logger.exception("erasure.our_fault", account_id=account_id)
        count("OurFault")
        return False


def _is_closed(until: float, account_id: str) -> bool:
    erasure = erasures().read(account_id)
    return erasure is not None and not erasure.is_over() and account_data().close(account_id, until=until)


def _erase_page(account_id: str) -> bool:
    """Takes a step. Returns whether another one is left."""
    webhook_id = account_items().deleted_webhook(account_id)
    if webhook_id is not None:
        _erase_webhook(account_id, webhook_id)
        return True
    if account_items().delete_counters(account_id):
        return True
    account_data().forget_account(account_id)
    erasures().finish(account_id)
    if erasure := erasures().read(account_id):
        logger.info(
            "account.erased",
            account_id=account_id,
            keys=erasure.keys,
            webhooks=erasure.webhooks,
            deliveries=erasure.deliveries,
        )
    return False


def _erase_webhook(account_id: str, webhook_id: str) -> None:
    if deleted := account_items().delete_deliveries(account_id, webhook_id):
        erasures().count(account_id, "deliveries", deleted)
    elif not account_items().delete_pace_and_inbox(account_id, webhook_id):
        account_items().forget_webhook(account_id, webhook_id)


# Made while the process starts, when Lambda gives it a whole CPU.
client("dynamodb")
