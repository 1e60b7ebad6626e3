def to_vcard(contact):
    """Return the contact as a version 3 vCard."""
    return f"BEGIN:VCARD\nVERSION:3.0\nFN:{contact.name}\nEMAIL:{contact.email}\nEND:VCARD\n"
