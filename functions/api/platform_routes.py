"""What the platform does: publish events, mint and revoke keys; and the catalogue of events, for everybody."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Query
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from api import cursors
from api.access import Caller, key_table
from api.documentation import described
from api.fields import AccountId, Cursor, PathId
from api.platform_schemas import (
    EventAccepted,
    EventIn,
    EventTypeList,
    EventTypeOut,
    KeyCreated,
    KeyIn,
    KeyOut,
    KeyPage,
    SessionCreated,
    SessionIn,
)
from api.problems import Problem
from webhooks.clients import client
from webhooks.errors import Conflict
from webhooks.event_types import EVENT_TYPES, validate_data
from webhooks.models import new_id, now, rfc3339
from webhooks.payload import build_body, check_id, normalise_timestamp

router = APIGatewayHttpRouter()
_EXAMPLE_TIME = "2026-05-29T10:30:00Z"
SOURCE = "aisoule"


@router.post("/v1/events", **described("publishEvent", "Publish an event", 202, 400, 401, 403, 413, 415, 422, 503))
def publish(event: Annotated[EventIn, Body()]) -> Response[EventAccepted]:
    """Goes to every webhook of the account that is subscribed and not disabled."""
    event_id = new_id("evt") if event.id is None else check_id("id", event.id)
    timestamp = normalise_timestamp(event.timestamp if event.timestamp is not None else rfc3339(now()))
    validate_data(event.event, event.data)
    build_body(event.event, timestamp, event.data)  # refuses here what fanout would have to reject later
    detail = {"account_id": event.account_id, "data": event.data, "id": event_id, "timestamp": timestamp}
    entry = {"Source": SOURCE, "DetailType": event.event, "Detail": json.dumps(detail)}
    answer = client("events").put_events(Entries=[{**entry, "EventBusName": os.environ["EVENT_BUS_NAME"]}])  # type: ignore[typeddict-item]
    if answer["FailedEntryCount"]:
        raise Problem(503, "the event was not accepted; publish it again", headers={"Retry-After": "1"})
    router.context["line"].update(account_id=event.account_id, event_id=event_id, event=event.event)
    return Response(202, "application/json", EventAccepted(id=event_id))


@router.get("/v1/event-types", **described("listEventTypes", "List the event types", 200, 401))
def event_types() -> EventTypeList:
    """`example` is a whole payload, `schema` describes its `data`."""
    return EventTypeList(
        data=[
            EventTypeOut(
                name=known.name,
                description=known.description,
                schema_=known.model.model_json_schema(),
                example={"event": known.name, "timestamp": _EXAMPLE_TIME, "data": dict(known.example)},
            )
            for known in EVENT_TYPES.values()
        ]
    )


@router.post("/v1/api-keys", **described("createApiKey", "Mint an account key", 201, 400, 401, 403, 415, 422))
def mint(request: Annotated[KeyIn, Body()]) -> Response[KeyCreated]:
    """A key of the role account. It is shown this once."""
    key, token = key_table().mint("account", request.account_id)
    created = KeyCreated(id=key.id, account_id=request.account_id, key=token, created_at=key.created_at)
    return Response(201, "application/json", created)


@router.post(
    "/v1/portal-sessions",
    **described("createPortalSession", "Open Settings > Webhooks for an account", 201, 400, 401, 403, 415, 422),
)
def open_portal(request: Annotated[SessionIn, Body()]) -> Response[SessionCreated]:
    """
    Send your signed-in user to `url`, or embed it. The session is an account key that expires, after 1 h by default; it
    is listed and revoked with the others.
    """
    ends = now() + timedelta(seconds=request.expires_in)
    key, token = key_table().mint("account", request.account_id, expires_at=ends)
    url = f"{os.environ['PUBLIC_URL']}/settings/webhooks#token={token}"
    created = SessionCreated(url=url, token=token, expires_at=str(key.expires_at))
    return Response(201, "application/json", created)


@router.get("/v1/api-keys", **described("listApiKeys", "List an account's keys", 200, 400, 401, 403, 422))
def list_keys(
    account_id: Annotated[AccountId, Query()],
    limit: Annotated[int, Query(ge=1, le=100)] = 100,
    cursor: Annotated[Cursor | None, Query()] = None,
) -> KeyPage:
    """Never the keys themselves. A page may be short although more follow; go on until `next_cursor` is null."""
    page, after = key_table().of_account(account_id, now(), limit=limit, after=cursors.decode(cursor, cursors.ID))
    return KeyPage(data=[KeyOut.of(key) for key in page], next_cursor=cursors.encode(after))


@router.delete("/v1/api-keys/<key_id>", **described("revokeApiKey", "Revoke a key", 204, 401, 403, 404, 409))
def revoke(key_id: PathId) -> Response[None]:
    """From the next call on it is refused. 409 for the key that makes this very call."""
    caller: Caller = router.context["caller"]
    assert caller.key is not None
    if caller.key.id == key_id:
        raise Conflict("this is the key in use; revoke it with another one")
    key_table().revoke(key_id)
    return Response(204)
