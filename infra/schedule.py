"""Functions that run at an interval. A run that fails or comes late is not made up for: the next one does its work."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from constructs import Construct

from infra.function import Function

ONCE: dict[str, Any] = {"retry_attempts": 0, "max_event_age": cdk.Duration.minutes(1)}
"""
Neither EventBridge, when it hands a run to Lambda, nor Lambda, when it calls the function, tries again. By default they try
for 24 and for six hours.
"""


def run_every(minutes: int, function: Function, scope: Construct, id: str) -> None:
    """Two runs may overlap all the same: EventBridge may start one twice, and Lambda may hold one back for a minute."""
    events.Rule(
        scope,
        id,
        schedule=events.Schedule.rate(cdk.Duration.minutes(minutes)),
        targets=[targets.LambdaFunction(function, **ONCE)],
    )
