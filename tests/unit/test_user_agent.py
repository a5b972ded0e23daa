"""What an endpoint's owner reads of us in the access log."""

from __future__ import annotations

import pytest

from webhooks.post_headers import user_agent


@pytest.mark.parametrize(
    ("contact", "said"),
    [
        (None, "AIsoule-Webhooks/1"),
        ("https://example.com/abuse", "AIsoule-Webhooks/1 (+https://example.com/abuse)"),
        ("mailto:abuse@example.com", "AIsoule-Webhooks/1 (+mailto:abuse@example.com)"),
    ],
)
def test_it_says_who_we_are_and_where_to_complain(contact: str | None, said: str) -> None:
    assert user_agent(contact) == said
