"""Where a delivery is in the log table, among others of its webhook: in sort keys. Neither ids nor times have a `#`."""

from __future__ import annotations


def log_place(accepted_at: str, event_id: str) -> str:
    """Returns the sort key of a delivery in the log of its webhook: they sort in the order of acceptance."""
    return f"{accepted_at}#{event_id}"


def accepted_event(place: str) -> tuple[str, str]:
    """Returns, from a delivery's place in the log, when its event was accepted, and the event's id."""
    accepted_at, _, event_id = place.partition("#")
    return accepted_at, event_id


def pending_place(round_started_at: str, place: str) -> str:
    """Returns a key that sorts pending deliveries in the order in which their rounds began. `place` is that in the log."""
    return f"{round_started_at}#{place}"


def is_pending_place(place: str) -> bool:
    """Whether it is a `pending_place`, and not a place in the log."""
    return place.count("#") == 2


def log_place_of(pending: str) -> str:
    """Returns the place in the log of the delivery with this `pending_place`."""
    return pending.partition("#")[2]


def waiting_place(place: str, round: int) -> str:
    """Returns a key that sorts what waits in the order of acceptance. `place` is that in the log."""
    return f"{place}#{round}"
