"""Helpers for headings, previews and names."""

import re

WHITE_SPACE = re.compile(r"\s+")


def squeeze(text):
    """Return `text` with runs of white space as one blank.

    >>> squeeze("  a \\n b ")
    'a b'
    """
    return WHITE_SPACE.sub(" ", text).strip()


def shorten(text, limit):
    """Return at most `limit` characters of `text`, cut at a word, with `…` where something was left out.

    >>> shorten("the quick brown fox", 12)
    'the quick…'
    """
    text = squeeze(text)
    if len(text) <= limit:
        return text
    head = text[: limit - 1]
    if " " in head and text[limit - 1] != " ":
        head = head[: head.rindex(" ")]
    return head.rstrip() + "…"


def initials(name):
    """Return the first letter of every part of `name`, as capitals.

    >>> initials("ada lovelace")
    'AL'
    """
    return "".join(part[0].upper() for part in name.split())


def indent(text, width=4):
    """Return `text` with every line but empty ones moved right by `width` blanks."""
    margin = " " * width
    return "\n".join(margin + line if line.strip() else line for line in text.split("\n"))
