"""Reads HTTP headers."""


def parse_headers(text):
    """Return the headers in `text` as a dict with lower-case names."""
    headers = {}
    for line in text.splitlines():
        if not line:
            break
        name, value = line.split(":", 1)
        headers[name.strip().lower()] = value.strip()
    return headers


def content_length(headers):
    """Return the announced length of the body, 0 when nothing is said."""
    return int(headers.get("content-length", "0"))
