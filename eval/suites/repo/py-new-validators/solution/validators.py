"""Checks for what people type."""

import re


def is_email(text):
    """Return whether `text` looks like an email address."""
    return re.fullmatch(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+", text) is not None
