"""Signing up for the newsletter."""

from store import save


def register(name, email):
    """Store a new reader and return the stored entry."""
    if not name.strip():
        raise ValueError("the name is empty")
    return save({"name": name.strip(), "email": email})
