"""Markdown's tables."""

from __future__ import annotations


def table(head: str, rows: list[str]) -> str:
    """`head` as Markdown has it, `| a | b |`."""
    columns = head.count("|") - 1
    return "\n".join([head, "|" + "---|" * columns, *rows])
