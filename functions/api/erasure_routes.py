"""The erasure of an account: `webhooks.account_data` says what it deletes at once, `deliver.erase` does the rest."""

from time import monotonic
from typing import Literal

from aws_lambda_powertools.event_handler import Response
from pydantic import Field

from api.fields import Out, PathId, Time
from api.routing import Routes
from webhooks.account_data import account_data
from webhooks.erasures import Erasure
from webhooks.errors import Conflict, NotFound
from webhooks.tables import erasures

routes = Routes()
_BEGIN_SECONDS = 20
"""Out of the 29 s that a call may take. What is not deleted by then is deleted later."""


class Deleted(Out):
    """After a fault on our side, the counts may differ a little."""

    keys: int = Field(description="Portal sessions, too.")
    webhooks: int
    deliveries: int = Field(description="Each with its event.")


class ErasureOut(Out):
    account_id: str
    state: Literal["running", "done"]
    started_at: Time
    ended_at: Time | None = Field(description="Null while it is `running`.")
    deleted: Deleted

    @classmethod
    def of(cls, erasure: Erasure) -> "ErasureOut":
        return cls(
            account_id=erasure.account_id,
            state="done" if erasure.is_over() else "running",
            started_at=erasure.started_at,
            ended_at=erasure.ended_at,
            deleted=Deleted(keys=erasure.keys, webhooks=erasure.webhooks, deliveries=erasure.deliveries),
        )


def refuse_while_erased(account_id: str) -> None:
    """Raises Conflict: what a new key would make could be erased, too."""
    erasure = erasures().read(account_id)
    if erasure and not erasure.is_over():
        raise Conflict("the account is being erased; read its erasure, and try again when that is done")


@routes.add(
    "DELETE",
    "/v1/accounts/<account_id>",
    "eraseAccount",
    "Erase an account",
    role="platform",
    tag="Accounts",
    success=202,
    headers={"Location": "The path of the erasure."},
)
def erase(account_id: PathId) -> Response[ErasureOut]:
    """
    Deletes everything of the account. It cannot be undone. At once, its keys and portal sessions are refused and its
    webhooks deleted; the delivery log with the events' payloads follows in the background, some minutes later. Repeated,
    the call changes nothing while the erasure is `running`, and begins a new one after that. An account of which nothing is
    known is erased just the same.
    """
    account_data().begin_erasure(account_id, until=monotonic() + _BEGIN_SECONDS)
    headers = {"Location": f"/v1/accounts/{account_id}/erasure"}
    return Response(202, "application/json", _read(account_id), headers=headers)


@routes.add(
    "GET",
    "/v1/accounts/<account_id>/erasure",
    "getErasure",
    "Read the progress of an account's erasure",
    role="platform",
    tag="Accounts",
)
def get(account_id: PathId) -> ErasureOut:
    """Known for 30 days after its end."""
    return _read(account_id)


def _read(account_id: str) -> ErasureOut:
    erasure = erasures().read(account_id)
    if erasure is None:
        raise NotFound("the account was not erased in the last 30 days")
    return ErasureOut.of(erasure)
