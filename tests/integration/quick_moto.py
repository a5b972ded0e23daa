"""Spares moto what costs CPU in every call and changes no answer."""

from __future__ import annotations

import pickle
import time
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from functools import cache
from threading import Condition
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from jsonpath_ng.ext.parser import parse
from moto.backends import get_backend
from moto.core.botocore_stubber import BotocoreStubber
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.core.parse import BaseJSONParser
from moto.core.serialize import BaseJSONSerializer, ResponseSerializer
from moto.core.utils import camelcase_to_underscores, method_names_from_class

from tests.integration import quick_items, quick_requests

AMAZONS_ENGINE = "AWS_ENDPOINT_URL_DYNAMODB"
"""boto3's name for the URL of another DynamoDB. If it is set, it has the tables, and moto all else."""

_STATE = {"dynamodb": "tables", "sqs": "queues", "events": "event_buses"}
"""Where moto has what was made, by service."""

_PLAIN = [{"S"}, {"N"}, {"BOOL"}, {"NULL"}]
"""DynamoDB's values that are the same in a request, in moto and in an answer."""


@contextmanager
def quick_moto() -> Iterator[None]:
    parse_structure: Any = BaseJSONParser._parse_structure
    serialize_structure = BaseJSONSerializer._serialize_type_structure
    get_value = ResponseSerializer.get_value

    def quick_parse(self: BaseJSONParser, shape: Any, value: Any) -> Any:
        return value if _is_plain(shape, value) else parse_structure(self, shape, value)

    def quick_serialize(self: BaseJSONSerializer, serialized: Any, value: Any, shape: Any, key: str) -> None:
        if _is_plain(shape, value):
            serialized[key] = value
        else:
            serialize_structure(self, serialized, value, shape, key)

    def quick_value(self: ResponseSerializer, value: Any, key: str, shape: Any) -> Any:
        """One of the ten kinds of DynamoDB's values, without a search for other spellings of its name."""
        if type(value) is dict and shape.parent.name == "AttributeValue":
            return value.get(key)
        return get_value(self, value, key, shape)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(BaseJSONParser, "_parse_structure", quick_parse)
        patched.setattr(BaseJSONSerializer, "_serialize_type_structure", quick_serialize)
        patched.setattr(ResponseSerializer, "get_value", quick_value)
        quick_items.patch(patched)
        patched.setattr(BotocoreStubber, "process_request", quick_requests.process_request)
        # Each node of an expression asks each of its ten processors what it processes.
        patched.setattr(
            "moto.dynamodb.parsing.ast_nodes.DepthFirstTraverser.nodes_to_be_processed", _nodes_to_be_processed
        )
        # Every queue counts its messages whenever one is sent, and asks of each for the time.
        patched.setattr("moto.sqs.models.unix_time_millis", lambda: time.time() * 1000)
        patched.setattr(SigV4Auth, "add_auth", quick_requests.add_auth)
        # Every event parses the same eight paths.
        patched.setattr("jsonpath_ng.ext.parse", cache(parse))
        # Every call lists the methods of its service anew, every queue translates the names of its attributes.
        patched.setattr("moto.core.responses.method_names_from_class", cache(method_names_from_class))
        patched.setattr("moto.sqs.models.camelcase_to_underscores", cache(camelcase_to_underscores))
        # Every test registers a thousand patterns for calls of AWS by `requests`. None is made.
        patched.setattr("moto.core.models.RESPONSES_METHODS", [])
        yield


def _is_plain(shape: Any, value: Any) -> bool:
    return shape.name == "AttributeValue" and type(value) is dict and value.keys() in _PLAIN


def _nodes_to_be_processed(self: Any) -> tuple[type, ...]:
    nodes: tuple[type, ...] = vars(self).get("_nodes", ()) or tuple(self._processing_map())
    self._nodes = nodes
    return nodes


def kept_state() -> dict[str, Any]:
    """What has been made in moto, for `restore`. Unpickling is quicker than copying; a queue's lock forbids it."""
    made = {service: getattr(_backend(service), name) for service, name in _STATE.items()}
    return {service: made[service] if service == "sqs" else pickle.dumps(made[service]) for service in _STATE}


def restore(state: dict[str, Any]) -> None:
    for service, name in _STATE.items():
        kept = state[service]
        setattr(_backend(service), name, pickle.loads(kept) if isinstance(kept, bytes) else _copied(kept))


def _copied(queues: dict[str, Any]) -> dict[str, Any]:
    return deepcopy(queues, {id(queue._messages_lock): Condition() for queue in queues.values()})


def _backend(service: Any) -> Any:
    return get_backend(service)[DEFAULT_ACCOUNT_ID]["us-east-1"]
