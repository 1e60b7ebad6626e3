"""Signing up for the newsletter."""

from store import save
from validators import is_email


def register(name, email):
    """Store a new reader and return the stored entry."""
    if not name.strip():
        raise ValueError("the name is empty")
    if not is_email(email):
        raise ValueError("the email address is not valid")
    return save({"name": name.strip(), "email": email})
