"""What a new specification of the API takes away from those who use the old one.

A comparison of our own: oasdiff and openapi-changes, both kept up, are programs in Go that neither PyPI nor npm carries.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from typing import Any

_UPPER = ("maxLength", "maxItems", "maximum", "maxProperties")
_LOWER = ("minLength", "minItems", "minimum")

Json = dict[str, Any]


def breaking_changes(old: Json, new: Json) -> list[str]:
    """A line for each change that a client of `old`, or an endpoint that receives its webhooks, may not survive.

    New operations, optional parameters, fields of answers, and values or events in answers are compatible.
    """
    return list(dict.fromkeys(_Comparison(old, new).changes()))


class _Comparison:
    """`sent` says which way a schema goes: what a client sends, or what it gets, by an answer or as a webhook."""

    def __init__(self, old: Json, new: Json) -> None:
        self._old, self._new = old, new
        self._seen: set[tuple[str, str, bool]] = set()

    def changes(self) -> Iterator[str]:
        yield from self._keys()
        yield from self._servers()
        for section in ("paths", "webhooks"):
            for path, before in self._old.get(section, {}).items():
                after = self._new.get(section, {}).get(path, {})
                for method, operation in before.items():
                    at = f"{method.upper()} {path}"
                    if method in after:
                        yield from self._operation(at, operation, after[method], sent=section == "paths")
                    else:
                        yield f"{at}: removed"

    def _keys(self) -> Iterator[str]:
        before, after = (of.get("components", {}).get("securitySchemes", {}) for of in (self._old, self._new))
        for name, scheme in before.items():
            if _without_words(scheme) != _without_words(after.get(name, {})):
                yield f"{name}: another way to send it"

    def _servers(self) -> Iterator[str]:
        before, after = ([server["url"] for server in of.get("servers", ())] for of in (self._old, self._new))
        yield from (f"{url}: removed" for url in before if url not in after)

    def _operation(self, at: str, old: Json, new: Json, *, sent: bool) -> Iterator[str]:
        yield from (f"{at}: another {key}" for key in ("operationId", "security") if old.get(key) != new.get(key))
        now = _places(self._new, new)
        moved = (name for name, place in _places(self._old, old).items() if now.get(name, place) != place)
        yield from (f"{at}.{name}: expected in the {now[name]}" for name in moved)
        yield from self._schema(at, _request(self._old, old), _request(self._new, new), sent=sent)
        if sent:
            yield from self._schema(at, _answers(old, new), _answers(new, old), sent=False)

    def _schema(self, at: str, old: Json, new: Json, *, sent: bool) -> Iterator[str]:
        if "$ref" in old and "$ref" in new:
            if (pair := (old["$ref"], new["$ref"], sent)) in self._seen:
                return
            self._seen.add(pair)
            at = f"{new['$ref'].rpartition('/')[2]} {'sent' if sent else 'received'}"
        old, new = _resolve(self._old, old), _resolve(self._new, new)
        kinds, others = _kinds(old), _kinds(new)
        if sent:
            yield from _values(at, old, new)
            yield from (f"{at}: {kind} refused" for kind in kinds if kind not in others)
        else:
            yield from (f"{at}: {kind} possible" for kind in others if kind not in kinds and "/" not in kind)
        inner = _fields(old) | {f" as {kind}": part for kind, part in kinds.items() if part is not old}
        outer = _fields(new) | {f" as {kind}": part for kind, part in others.items() if part is not new}
        yield from (f"{at}{name}: removed" for name in inner if name not in outer and name[0] == ".")
        was, now = set(old.get("required", ())), set(new.get("required", ()))
        yield from (
            f"{at}.{name}: {'required' if sent else 'optional'}" for name in sorted(now - was if sent else was - now)
        )
        for name in (name for name in inner if name in outer):
            yield from self._schema(f"{at}{name}", inner[name], outer[name], sent=sent)


def _parameters(specification: Json, operation: Json) -> list[Json]:
    return [_resolve(specification, parameter) for parameter in operation.get("parameters", ())]


def _places(specification: Json, operation: Json) -> dict[str, str]:
    """By parameter: path, query or header."""
    return {parameter["name"]: parameter["in"] for parameter in _parameters(specification, operation)}


def _without_words(scheme: Json) -> Json:
    return {name: value for name, value in scheme.items() if name != "description"}


def _request(specification: Json, operation: Json) -> Json:
    """Parameters and bodies as the fields of one schema."""
    parameters = _parameters(specification, operation)
    fields = {parameter["name"]: parameter["schema"] for parameter in parameters}
    required = [parameter["name"] for parameter in parameters if parameter.get("required")]
    body = operation.get("requestBody", {})
    fields |= {kind: content["schema"] for kind, content in body.get("content", {}).items()}
    return {"properties": fields, "required": required + list(body.get("content", {})) * bool(body.get("required"))}


def _answers(operation: Json, other: Json) -> Json:
    """Statuses, bodies and headers as the fields of one schema; errors only if `other` has them, too."""
    fields: Json = {}
    for status, answer in operation["responses"].items():
        if status.startswith("2") or status in other["responses"]:
            fields |= {status: {}, **{f"{status} {name}": {} for name in answer.get("headers", {})}}
            fields |= {f"{status} {kind}": body["schema"] for kind, body in answer.get("content", {}).items()}
    return {"properties": fields}


def _fields(schema: Json) -> Json:
    fields = {f".{name}": field for name, field in schema.get("properties", {}).items()}
    nested = {f"[{key}]": schema.get(key) for key in ("items", "additionalProperties", "propertyNames")}
    return fields | {name: part for name, part in nested.items() if isinstance(part, dict)}


def _values(at: str, old: Json, new: Json) -> Iterator[str]:
    """Values that a client could send and no longer can."""
    allowed = [new["const"]] if "const" in new else new.get("enum")
    before = [old["const"]] if "const" in old else old.get("enum", ["any other value"])
    yield from (f"{at}: {value} refused" for value in before if allowed is not None and value not in allowed)
    for bound in (*_UPPER, *_LOWER):
        was, now = old.get(bound), new.get(bound)
        if now is not None and (was is None or (now < was if bound in _UPPER else now > was)):
            yield f"{at}: {bound} {now}"
    if new.get("additionalProperties") is False and old.get("additionalProperties") is not False:
        yield f"{at}: other fields refused"
    if "default" in old and old["default"] != new.get("default"):
        yield f"{at}: default {new.get('default')}"
    yield from (f"{at}: another {key}" for key in ("pattern", "format") if key in new and old.get(key) != new[key])


def _kinds(schema: Json) -> Json:
    """The alternatives of a union, by reference or type; of another schema, itself."""
    union = schema.get("anyOf") or schema.get("oneOf") or [schema]
    return {kind.get("$ref") or str(kind.get("type", "anything")): kind for kind in union}


def _resolve(specification: Json, schema: Json) -> Json:
    while "$ref" in schema:
        schema = reduce(lambda part, step: part[step], schema["$ref"].split("/")[1:], specification)
    return schema
