"""The contacts of one person."""

from dataclasses import dataclass


@dataclass
class Contact:
    name: str
    email: str = ""


def sort_contacts(contacts):
    """Return the contacts by name."""
    return sorted(contacts, key=lambda contact: contact.name)


def find_contact(contacts, name):
    """Return the first contact with this name, or None."""
    for contact in contacts:
        if contact.name.lower() == name.lower():
            return contact
    return None
