"""Reading folders."""

import os


def extension(path):
    """Return the extension of `path` in lower case, without the dot."""
    return os.path.splitext(path)[1].lstrip(".").lower()


def total_size(entries):
    """Return the sum of the sizes in `entries`, a list of (path, size)."""
    return sum(size for _, size in entries)


def walk(folder):
    """Return (path, size) for every file under `folder`."""
    entries = []
    for root, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(root, name)
            entries.append((path, os.path.getsize(path)))
    return entries
