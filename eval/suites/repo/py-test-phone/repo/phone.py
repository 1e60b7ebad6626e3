"""Phone numbers of customers."""


def normalize_phone(number, country="+49"):
    """Return `number` in international form, without blanks and punctuation.

    A leading 00 becomes +, a single leading 0 becomes the country's code.

    >>> normalize_phone("0171 / 555-12")
    '+4917155512'
    """
    digits = "".join(ch for ch in number if ch.isdigit() or ch == "+")
    if digits.startswith("00"):
        return "+" + digits[2:]
    if digits.startswith("0"):
        return country + digits[1:]
    return digits


def same_number(first, second):
    """Return whether two spellings mean the same number."""
    return normalize_phone(first) == normalize_phone(second)
