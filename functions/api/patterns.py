"""Patterns that texts must match, and what is said of one that does not."""

from __future__ import annotations

ID_PATTERN = r"^[A-Za-z0-9_-]{1,64}$"
WHATSAPP_ACCOUNT_ID_PATTERN = r"^[^\s,]+$"
VIEW_PATTERN = r"^(new|wh_[A-Za-z0-9]{1,61}(/edit|/secret|/deliveries/[A-Za-z0-9_-]{1,64})?)$"
PATTERNS = {
    ID_PATTERN: "must be 1 to 64 letters, digits, hyphens or underscores",
    WHATSAPP_ACCOUNT_ID_PATTERN: "must not contain white space or commas",
    VIEW_PATTERN: "must be new, a webhook's id, or that and /edit, /secret or /deliveries/ with an event's id",
}
