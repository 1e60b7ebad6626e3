REASONS = {200: "OK", 301: "Moved Permanently", 404: "Not Found"}


def status_line(code):
    """Return the first line of an answer."""
    return f"HTTP/1.1 {code} {REASONS.get(code, 'Unknown')}"
