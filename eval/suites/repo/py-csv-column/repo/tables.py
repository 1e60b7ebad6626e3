"""Small tools for CSV text."""

import csv
import io


def header(text):
    """Return the names in the first line of CSV text."""
    return next(csv.reader(io.StringIO(text)), [])


def row_count(text):
    """Return how many rows follow the header."""
    return max(0, len(list(csv.reader(io.StringIO(text)))) - 1)
