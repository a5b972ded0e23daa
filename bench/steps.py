"""What was tried to make it faster, with its before and after: kept by hand, because it happened once."""

from __future__ import annotations

STEPS = """
## Steps tried

None yet.
"""
