"""All routes that the specification describes."""

from __future__ import annotations

from api import (
    delivery_routes,
    erasure_routes,
    event_routes,
    notification_routes,
    platform_routes,
    secret_routes,
    sending_routes,
    session_routes,
    statistics_routes,
    test_address_routes,
    webhook_routes,
)

_MODULES = (
    webhook_routes,
    secret_routes,
    statistics_routes,
    delivery_routes,
    sending_routes,
    event_routes,
    test_address_routes,
    notification_routes,
    platform_routes,
    session_routes,
    erasure_routes,
)
API = tuple(route for module in _MODULES for route in module.routes)
