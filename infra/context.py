"""Reads the values of `cdk deploy -c name=value`. A bad one raises BadSetting."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from constructs import Node

ORIGIN = re.compile(r"https://[A-Za-z0-9.-]+(:\d{1,5})?")


class BadSetting(ValueError):
    """A context value that cannot be used; the text says which, and what is allowed."""


@dataclass(frozen=True)
class Context:
    """From the command line every value is text, from cdk.json it may be a number."""

    node: Node

    def text(self, name: str, default: str) -> str:
        value = self.node.try_get_context(name)
        return default if value is None else str(value)

    def number(self, name: str, default: int, minimum: int, maximum: int) -> int:
        value = self.node.try_get_context(name)
        try:
            number = default if value is None else int(str(value))
        except ValueError:
            number = minimum - 1
        if not minimum <= number <= maximum:
            raise BadSetting(f"{name} is {value!r}; allowed values: whole numbers from {minimum} to {maximum}")
        return number

    def optional_number(self, name: str, minimum: int, maximum: int) -> int | None:
        given = self.node.try_get_context(name) is not None
        return self.number(name, minimum, minimum, maximum) if given else None

    def switch(self, name: str, default: str) -> bool:
        text = self.text(name, default)
        if text not in ("on", "off"):
            raise BadSetting(f"{name} is {text!r}; allowed values: on, off")
        return text == "on"

    def matching(self, name: str, pattern: re.Pattern[str], example: str) -> str | None:
        text = self.text(name, "")
        if text and not pattern.fullmatch(text):
            raise BadSetting(f"{name} is {text!r}; expected {example}")
        return text or None

    def origins(self, name: str) -> tuple[str, ...]:
        origins = tuple(self.text(name, "").split())
        for origin in origins:
            if not ORIGIN.fullmatch(origin):
                raise BadSetting(f"{name} is {origin!r}; expected origins such as https://app.example.com, with spaces")
        return origins

    def path(self, name: str) -> Path:
        value = self.node.try_get_context(name)
        if not value:
            raise BadSetting(f"{name} is missing: the local stage is deployed by `make up`, which passes it")
        return Path(str(value))
