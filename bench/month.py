"""A month of one customer of this service: what it pays AWS when few things happen at a time."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bench.cost import total, unwanted
from bench.load import Load, Measured

DAYS = 30


@dataclass(frozen=True)
class Customer:
    """`subscribed`: accounts with one webhook each, which wants all of the account's events."""

    accounts: int = 100
    subscribed: int = 20
    events_a_day: int = 500
    """Of each account."""
    dead: float = 0.01

    @property
    def events(self) -> int:
        return self.accounts * self.events_a_day * DAYS

    @property
    def deliveries(self) -> int:
        return self.subscribed * self.events_a_day * DAYS


LOW = Load(batch=1, retry_batch=1)
"""A delivery every nine seconds: no two are in a batch."""


def dollars(customer: Customer, measured: Measured, *, together: int, skipping: bool) -> float:
    """Without what is paid for by the month. `skipping`: the publisher leaves out what nobody wants."""
    load = replace(LOW, together=together, dead=customer.dead)
    nobodys = 0 if skipping else customer.events - customer.deliveries
    million = 1e6
    paid = customer.deliveries * total(load, measured) + nobodys * sum(unwanted(load, measured).values())
    return paid / million
