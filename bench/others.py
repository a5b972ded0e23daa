"""What others ask for the same, by their own lists. What is not public, or was not found, is said and not guessed."""

from __future__ import annotations

from dataclasses import dataclass

from bench.tables import table


@dataclass(frozen=True)
class Other:
    """`million`: dollars for one million more, None if there is no such price. `month`: what comes before that."""

    name: str
    million: float | None
    month: str
    unit: str
    note: str
    source: str
    date: str


OTHERS = (
    Other(
        "EventBridge API destinations", 1.20, "nothing", "$1.00 per million events and $0.20 per million invocations",
        "no signature, no delivery log for customers, no page; a rule, a connection and a destination for each webhook",
        "factualminds.com/blog/amazon-eventbridge-pricing-events-pipes-schema-archive", "June 2026",
    ),
    Other(
        "Hookdeck, Team", 10.00, "$39", "$1.00 per 100,000 events, as little as $0.33 with volume",
        "the Event Gateway, which receives, too; a price of its Outpost was not found, which can also be run by oneself",
        "hookdeck.com/pricing, as transcribed in github.com/api-evangelist/hookdeck", "20 September 2026",
    ),
    Other(
        "Svix, Free", 100.00, "nothing; 50,000 messages are free", "$0.0001 a message",
        "30 days of payloads; its Professional plan asks $490 a month and the same for each message",
        "svix.com/pricing, as transcribed in github.com/api-evangelist/svix", "20 September 2026",
    ),
    Other(
        "Convoy", None, "nothing (Community) or $999 (Premium)", "not metered",
        "run by oneself, so servers, PostgreSQL and Redis come on top; prices of its cloud were not in the source",
        "getconvoy.io/pricing, as transcribed in github.com/api-evangelist/convoy", "20 September 2026",
    ),
    Other(
        "Hook0", None, "nothing for 100 events a day", "not found",
        "its page says that paid plans scale the volume; no price of them was found in public copies of it",
        "hook0.com/webhook-api", "a stored copy, undated",
    ),
)  # fmt: skip


def metered(ours: dict[str, float]) -> dict[str, float]:
    """Dollars for one million more, for the chart."""
    return ours | {other.name: other.million for other in OTHERS if other.million is not None}


def section() -> str:
    rows = [
        f"| {other.name} | {'–' if other.million is None else f'{other.million:.2f}'} | {other.month} | {other.unit} | "
        f"{other.note} | {other.source} | {other.date} |"
        for other in OTHERS
    ]
    return table(
        "| service | $ for one more million | a month before that | how it counts | what else | source | as of |", rows
    )
