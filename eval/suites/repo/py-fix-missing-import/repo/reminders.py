"""When to remind whom."""

from datetime import date


def due_date(sent, days=14):
    """Return when a bill that was sent on `sent` has to be paid."""
    return sent + timedelta(days=days)


def is_overdue(sent, today, days=14):
    """Return whether a bill should have been paid before today."""
    return today > due_date(sent, days)


def parse_day(text):
    """Return the day of a text like "2024-05-31"."""
    return date.fromisoformat(text)
