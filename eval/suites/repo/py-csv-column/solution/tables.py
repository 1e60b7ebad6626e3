"""Small tools for CSV text."""

import csv
import io


def header(text):
    """Return the names in the first line of CSV text."""
    return next(csv.reader(io.StringIO(text)), [])


def row_count(text):
    """Return how many rows follow the header."""
    return max(0, len(list(csv.reader(io.StringIO(text)))) - 1)


def column(text, name):
    """Return the values of one column."""
    names = header(text)
    if name not in names:
        raise KeyError(name)
    index = names.index(name)
    return [row[index] for row in list(csv.reader(io.StringIO(text)))[1:]]
