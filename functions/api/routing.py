"""
Routes. Each call of the API is declared once; access, registration with Powertools and the specification follow from it.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from functools import cached_property
from typing import Any, Concatenate, Literal, ParamSpec, TypeVar, get_args, get_type_hints

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from aws_lambda_powertools.event_handler.openapi.params import Body, Query

from api.problems import Problem
from webhooks.api_keys import Role
from webhooks.payload import ID

Access = Role | Literal["any", "open"]
"""The role of the keys that may make a call. `open`: no key is needed."""

KEY_OF: Mapping[Role, str] = {"account": "accountKey", "platform": "platformKey"}
KEYS = {
    "accountKey": "A key of an account, or the token of a portal session.",
    "platformKey": "A key of the platform, which `make platform-key` mints.",
}
"""The security schemes of the specification. Both are sent as `Authorization: Bearer <key>`."""

BodyRule = Literal["required", "optional", "none"]
MAX_KIB = 128
"""Twice the largest payload, because white space and escapes can make the same payload longer."""

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])
P = ParamSpec("P")


@dataclass(frozen=True)
class Route:
    """
    The `endpoint` answers the call; its docstring is the description. `path` has its ids in angle brackets. `success` is
    the status of success, `headers` are its headers with their descriptions. `refusals` are the statuses beside those that
    follow from role, path, query and body. A body has at most `max_kib` KiB.

    A route without an `operation_id` is neither in the specification nor validated by it.
    """

    endpoint: Callable[..., Any]
    method: str
    path: str
    operation_id: str = ""
    summary: str = ""
    _: KW_ONLY
    role: Access
    tag: str = ""
    body: BodyRule = "none"
    max_kib: int = MAX_KIB
    success: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    refusals: Sequence[int] = ()

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        return re.compile(re.sub(r"<(\w+)>", rf"(?P<\1>{ID})", re.escape(self.path)))

    @cached_property
    def query_parameters(self) -> list[str]:
        return [name for name, _ in self._marked(Query)]

    def fields_at(self, place: Sequence[str | int]) -> list[str]:
        """The known fields of the body, or of the object at a `place` in it, such as `("events", 3)`."""
        ((_, type_),) = self._marked(Body)
        for part in place:
            type_ = get_args(type_)[0] if isinstance(part, int) else type_.model_fields[part].annotation
        return list(type_.model_fields)

    def _marked(self, marker: type) -> Iterator[tuple[str, Any]]:
        """The endpoint's parameters that are `Annotated[type, marker()]`, with their type."""
        for name, hint in get_type_hints(self.endpoint, include_extras=True).items():
            type_, *marks = get_args(hint) or (hint,)
            if any(isinstance(mark, marker) for mark in marks):
                yield name, type_


def _decorator(
    make: Callable[Concatenate[Callable[..., Any], P], Route],
) -> Callable[Concatenate[Routes, P], Callable[[Endpoint], Endpoint]]:
    def add(routes: Routes, /, *given: P.args, **options: P.kwargs) -> Callable[[Endpoint], Endpoint]:
        def declare(endpoint: Endpoint) -> Endpoint:
            routes.append(make(endpoint, *given, **options))
            return endpoint

        return declare

    return add


class Routes(list[Route]):
    """
    A module's routes.

    Such a module does without `from __future__ import annotations`: Powertools resolves the endpoints' annotations at every
    call, and would evaluate the text of each.
    """

    add = _decorator(Route)
    """Decorates an endpoint. Takes what else a `Route` has."""


@dataclass(frozen=True, slots=True)
class Match:
    route: Route
    ids: Mapping[str, str]


def match_route(routes: Iterable[Route], method: str, path: str) -> Match:
    """Raises Problem: 404 if no route has the path, 405 if one has, but for other methods."""
    matches = [Match(route, found.groupdict()) for route in routes if (found := route.pattern.fullmatch(path))]
    for match in matches:
        if match.route.method == method:
            return match
    if not matches:
        raise Problem(404, "there is no such path; see /openapi.json")
    allowed = {match.route.method for match in matches}
    allowed |= {"HEAD"} if "GET" in allowed else set()
    methods = ", ".join(sorted(allowed))
    raise Problem(405, f"{method} is not allowed here; allowed methods: {methods}", headers={"Allow": methods})


def register(app: APIGatewayHttpResolver, routes: Iterable[Route]) -> None:
    for route in routes:
        documented = bool(route.operation_id)
        app.route(
            route.path,
            route.method,
            operation_id=route.operation_id,
            summary=route.summary,
            description=inspect.getdoc(route.endpoint),
            tags=[route.tag],
            security=[{KEY_OF[role]: []} for role in get_args(Role) if route.role in (role, "any")],
            status_code=route.success,
            include_in_schema=documented,
            enable_validation=documented,
        )(route.endpoint)
