"""Keeps personal data out of logs."""


def mask_card(number):
    """Return the card number with all but the last four digits hidden.

    >>> mask_card("4111 1111 1111 1234")
    '**** 1234'
    """
    digits = "".join(ch for ch in number if ch.isdigit())
    return "**** " + digits[-4:]


def mask_phone(number):
    """Return the phone number with only the last two digits shown."""
    return "***" + number.strip()[-2:]


def mask_email(address):
    """Return the address with only its first letter and its domain shown."""
    if "@" not in address:
        return "***"
    name, domain = address.split("@", 1)
    return f"{name[:1]}***@{domain}"