"""Exports for the old accountant's program. Superseded by export.py."""


def to_fixed_width(rows, width=12):
    """Return the rows as text of fixed width."""
    return "\n".join("".join(str(value).ljust(width) for value in row.values()) for row in rows)
