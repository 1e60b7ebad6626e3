"""Exports for the accountant."""

import json


def to_json(rows):
    """Return the rows as JSON, one object on each line."""
    return "\n".join(json.dumps(row, sort_keys=True) for row in rows)
