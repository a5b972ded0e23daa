"""Small charts as SVG: horizontal bars, and lines over a logarithmic axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from math import log10

WIDTH, LEFT, RIGHT = 720, 230, 70
_COLOURS = ("#2457a6", "#c2571a", "#2f7d4f", "#7a3e9d")
_OVER = 'paint-order="stroke" stroke="#fff" stroke-width="4"'
_HEAD = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
    'font-family="sans-serif" font-size="13" role="img" aria-label="{title}">\n'
    '<rect width="100%" height="100%" fill="#ffffff"/>\n<text x="12" y="24" font-weight="bold">{title}</text>\n'
)


def bars(title: str, values: Mapping[str, float], *, unit: str, goal: float | None = None) -> str:
    """One bar each, longest value across; `goal` is drawn as a dashed line."""
    longest = max([*values.values(), goal or 0]) or 1
    scale = (WIDTH - LEFT - RIGHT) / longest
    height = 48 + 28 * len(values) + 10
    svg = _HEAD.format(width=WIDTH, height=height, title=escape(title, quote=True))
    if goal is not None:
        x = LEFT + goal * scale
        svg += f'<line x1="{x:.1f}" x2="{x:.1f}" y1="40" y2="{height - 8}" stroke="#333" stroke-dasharray="4 3"/>\n'
        svg += f'<text x="{x:.1f}" y="36" text-anchor="middle" fill="#333">goal {_short(goal)}</text>\n'
    for row, (name, value) in enumerate(values.items()):
        y = 48 + 28 * row
        svg += f'<text x="{LEFT - 10}" y="{y + 14}" text-anchor="end">{escape(name)}</text>\n'
        svg += f'<rect x="{LEFT}" y="{y}" width="{value * scale:.1f}" height="18" fill="{_COLOURS[0]}"/>\n'
        svg += f'<text x="{LEFT + value * scale + 6:.1f}" y="{y + 14}" {_OVER}>{_short(value)} {escape(unit)}</text>\n'
    return svg + "</svg>\n"


def lines(title: str, series: Mapping[str, Sequence[tuple[float, float]]], *, across: str, log_up: bool = False) -> str:
    """Each series as (across, up); across is logarithmic, up too if wanted, else from zero."""
    points = [point for line in series.values() for point in line]
    first, last = (log10(end(x for x, _ in points)) for end in (min, max))
    top = max(y for _, y in points)
    bottom = min(y for _, y in points) if log_up else 0.0

    def place(x: float, y: float) -> tuple[float, float]:
        span = log10(top / bottom) if log_up else top
        share = (log10(y / bottom) if log_up else y) / (span or 1)
        return 70 + 440 * (log10(x) - first) / ((last - first) or 1), 270 - 210 * share

    svg = _HEAD.format(width=WIDTH, height=332, title=escape(title, quote=True))
    svg += '<line x1="70" y1="270" x2="510" y2="270" stroke="#999"/>\n'
    for x in sorted({x for x, _ in points}):
        svg += f'<text x="{place(x, top)[0]:.1f}" y="300" text-anchor="middle">{_short(x)}</text>\n'
    svg += f'<text x="290" y="320" text-anchor="middle">{escape(across)}</text>\n'
    for index, (name, line) in enumerate(series.items()):
        colour = _COLOURS[index % len(_COLOURS)]
        placed = [place(x, y) for x, y in line]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)
        svg += f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>\n'
        for (x, y), (_, value) in zip(placed, line, strict=True):
            svg += f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>\n'
            below = 17 if index else -7
            svg += f'<text x="{x:.1f}" y="{y + below:.1f}" text-anchor="middle" font-size="11">{_short(value)}</text>\n'
        svg += f'<text x="530" y="{70 + 20 * index}" fill="{colour}">{escape(name)}</text>\n'
    return svg + "</svg>\n"


def _short(value: float) -> str:
    """Three digits, as far as they say anything."""
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"
