"""Edits of a webhook, and the operational event when it is disabled."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from aws_lambda_powertools import Logger

from api.header_edits import needs_same_headers, with_headers
from webhooks import operational_events
from webhooks.clients import client
from webhooks.deduplication import recent_requests
from webhooks.errors import NotSent
from webhooks.models import Webhook
from webhooks.rate_limits import rate_limits
from webhooks.subscription_changes import subscription_changes
from webhooks.tables import catch_ups, config_table, delivery_log
from webhooks.times import now, rfc3339
from webhooks.urls import check_resolves_public, normalise_url

logger = Logger(use_rfc3339=True)
_LOCAL = os.environ.get("LOCAL_ALLOW_LOOPBACK") == "1"
_REPEAT = "send the same PATCH again, with the webhook's new ETag or without If-Match"


def edit(webhook: Webhook, given: Mapping[str, Any], *, version: int | None) -> tuple[Webhook, str | None]:
    """
    Changes the `given` ones of name, url, events, headers, header_changes, whatsapp_account_ids, max_per_second,
    catch_up, catch_up_hours and enabled.

    Returns the edited webhook, and a warning about its URL if there is one.

    Raises Conflict if a `version` is given, or the edit depends on the webhook's headers, and it has another version by now;
    UrlRefused, FieldRefused, RateLimited, NotSent.
    """
    if not given:
        return webhook, None
    warning = None
    changes: dict[str, Any] = {**given, "updated_at": rfc3339(now())}
    if "url" in changes:
        changes["url"], warning = check_url(changes["url"])
    if needs_same_headers(webhook, changes):
        version = webhook.version
    changes = with_headers(webhook, changes)
    if "enabled" in changes:
        changes |= webhook.switched(enabled=changes.pop("enabled"), at=changes["updated_at"]).status_fields()
    disabled = changes.get("status") == "disabled"
    if disabled and webhook.status != "disabled":
        rate_limits().consume_disabling(webhook)
    enables = changes.get("status") == "active"
    chooses = bool(changes.get("catch_up")) and not webhook.catch_up
    if (chooses and not disabled) or (enables and webhook.catch_up):
        # First: once the webhook is enabled, nobody knows since when it was failing. If it is enabled only, this was done
        # when it became failing, unless a crash came before it.
        _begin_catch_up(webhook, again=chooses)
    edited, emitted = _write(webhook, changes, version=version)
    _catch_up(webhook, edited, enables=enables)
    if not emitted:
        raise NotSent(f"the webhook is changed, but that could not be published on the event bus; {_REPEAT}")
    if disabled:
        _emit_disabled(edited)
    return edited, warning


def _catch_up(before: Webhook, edited: Webhook, *, enables: bool) -> None:
    """Begins, stops or hastens catching up, as the edit asks for, or as an earlier call did that was cut off."""
    if edited.status == "disabled" or not edited.catch_up:
        if before.catch_up:
            catch_ups().stop(edited.id)
        return
    _begin_catch_up(edited, again=not before.catch_up)  # it may have begun to fail at this moment
    if enables:
        catch_ups().make_due_now(edited.id)


def _begin_catch_up(webhook: Webhook, *, again: bool) -> None:
    """Does nothing if the webhook is not failing, or, unless it is wanted `again`, if this outage's was begun already."""
    if webhook.status == "failing":
        catch_ups().begin(webhook, delivery_log().failing_event_accepted_at(webhook), again=again)


def _write(webhook: Webhook, changes: Mapping[str, Any], *, version: int | None) -> tuple[Webhook, bool]:
    """Returns the edited webhook, and whether what its account subscribes to was emitted: a repeated PATCH emits it."""
    unchanged = {"version": version} if version else {}
    if not {"events", "status"} & changes.keys():
        return config_table().edit_webhook(webhook.account_id, webhook.id, changes, unchanged=unchanged), True
    enables = webhook.id if changes.get("status") == "active" else None
    # Also of one that is disabled: another call may enable it at this moment.
    adds = changes.get("events", ())
    with subscription_changes().changing(webhook.account_id, adds=adds, enables=enables) as change:
        edited = config_table().edit_webhook(webhook.account_id, webhook.id, changes, unchanged=unchanged)
    return edited, change.emitted


def check_url(url: str) -> tuple[str, str | None]:
    """
    Returns the normalised URL, and a warning if its host does not resolve: its DNS records may come later.
    Raises UrlRefused. The host's addresses are checked again at every attempt.
    """
    normal = normalise_url(url, allow_loopback=_LOCAL)
    if check_resolves_public(normal, allow_loopback=_LOCAL):
        return normal, None
    return normal, f"the host name {urlsplit(normal).hostname} does not resolve; until it does, every delivery fails"


def _emit_disabled(webhook: Webhook) -> None:
    """
    Emits `webhook.disabled`, unless it was emitted for this `disabled_at` within the last hour. Raises NotSent.

    If this fails or is not recorded, the caller's repeated PATCH emits the event again, with the same id.
    """
    request = f"disabled#{webhook.id}#{webhook.disabled_at}"
    if recent_requests().is_recorded(webhook.account_id, request):
        return
    try:
        operational_events.emit(client("events"), os.environ["EVENT_BUS_NAME"], "webhook.disabled", webhook)
    except Exception:
        logger.exception("webhook.not_emitted", webhook_id=webhook.id)
        raise NotSent(f"the webhook is disabled, but `webhook.disabled` could not be published; {_REPEAT}") from None
    recent_requests().seen_recently(webhook.account_id, request)
