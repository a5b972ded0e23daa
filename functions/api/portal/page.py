"""The Settings > Webhooks page: one answer with its style and scripts in it, and the headers that let nothing else run."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path

from api.portal.modules import compact_style, join

_HERE = Path(__file__).parent


@cache
def render(frame_ancestors: str, *, mails: bool = False) -> tuple[str, dict[str, str]]:
    """
    The page and its headers.

    `frame_ancestors` are the origins that may show it in a frame, as the policy spells them, or `'none'`. `mails`: whether
    this installation sends any.
    """
    style = compact_style(_text("style.css"))
    script = join(_HERE, "main")
    page = _text("page.html").replace("/*STYLE*/", style, 1).replace("/*SCRIPT*/", script, 1)
    page = page.replace("<body/*MAILS*/>", "<body data-mails>" if mails else "<body>", 1)
    policy = (
        "default-src 'none'",
        f"script-src {_hash(script)}",
        f"style-src {_hash(style)}",
        "connect-src 'self'",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
        f"frame-ancestors {frame_ancestors}",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
    return page, {
        "Content-Security-Policy": "; ".join(policy),
        "Cross-Origin-Opener-Policy": "same-origin",  # who opened it cannot put another address, and key, into it
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "public, max-age=300",  # there is nothing of anybody's in it
        "Vary": "Accept-Encoding",
        "X-Content-Type-Options": "nosniff",
    }


def _text(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


def _hash(inlined: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(inlined.encode()).digest()).decode()}'"
