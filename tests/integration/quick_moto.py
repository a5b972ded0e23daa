"""Spares moto what costs CPU in every call and changes no answer: a third of what the integration tests take."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from functools import cache
from threading import Condition
from typing import Any

import pytest
from jsonpath_ng.ext.parser import parse
from moto.backends import get_backend
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.core.serialize import ResponseSerializer
from moto.core.utils import camelcase_to_underscores, method_names_from_class

_STATE = {"dynamodb": "tables", "sqs": "queues", "events": "event_buses"}
"""Where moto has what was made, by service."""


@contextmanager
def quick_moto() -> Iterator[None]:
    get_value = ResponseSerializer.get_value

    def quick_value(self: ResponseSerializer, value: Any, key: str, shape: Any) -> Any:
        """One of the ten kinds of DynamoDB's values, without a search for other spellings of its name."""
        if type(value) is dict and shape.parent.name == "AttributeValue":
            return value.get(key)
        return get_value(self, value, key, shape)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(ResponseSerializer, "get_value", quick_value)
        # Every event parses the same eight paths.
        patched.setattr("jsonpath_ng.ext.parse", cache(parse))
        # Every call lists the methods of its service anew, every queue translates the names of its attributes.
        patched.setattr("moto.core.responses.method_names_from_class", cache(method_names_from_class))
        patched.setattr("moto.sqs.models.camelcase_to_underscores", cache(camelcase_to_underscores))
        # Every test registers a thousand patterns for calls of AWS by `requests`. None is made.
        patched.setattr("moto.core.models.RESPONSES_METHODS", [])
        yield


def kept_state() -> dict[str, Any]:
    """What has been made in moto, for `restore`."""
    return {service: getattr(_backend(service), name) for service, name in _STATE.items()}


def restore(state: dict[str, Any]) -> None:
    for service, name in _STATE.items():
        # Each queue has a condition, which cannot be copied.
        new = {id(queue._messages_lock): Condition() for queue in state["sqs"].values()}
        setattr(_backend(service), name, deepcopy(state[service], new))


def _backend(service: Any) -> Any:
    return get_backend(service)[DEFAULT_ACCOUNT_ID]["us-east-1"]
