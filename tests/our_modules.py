"""The functions' and the layer's modules, as they are loaded at the moment."""

from __future__ import annotations

import sys
from functools import cache
from inspect import signature
from types import ModuleType
from typing import Any

_PACKAGES = {"api", "canary", "deliver", "fanout", "mail", "webhooks"}
_Cached: Any = type(cache(object))


def loaded() -> list[ModuleType]:
    return [module for name, module in sys.modules.items() if name.partition(".")[0] in _PACKAGES]


def forget_made() -> None:
    """What they made once of the environment, such as their tables. Clients stay."""
    for cached in {each for module in loaded() for each in vars(module).values() if isinstance(each, _Cached)}:
        if not signature(cached).parameters and cached.__module__ != "webhooks.clients":
            cached.cache_clear()
