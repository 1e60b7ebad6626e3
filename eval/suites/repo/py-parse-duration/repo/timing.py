"""Durations for the job scheduler."""


def format_duration(seconds):
    """Return seconds as text, largest unit first.

    >>> format_duration(5400)
    '1h30m'
    >>> format_duration(0)
    '0s'
    """
    hours, rest = divmod(int(seconds), 3600)
    minutes, seconds = divmod(rest, 60)
    parts = [f"{hours}h" if hours else "", f"{minutes}m" if minutes else "", f"{seconds}s" if seconds else ""]
    return "".join(parts) or "0s"


def next_run(last_run, every):
    """Return when a job that ran at `last_run` is due again; both in seconds."""
    return last_run + every
