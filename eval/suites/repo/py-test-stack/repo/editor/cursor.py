def clamp(position, length):
    """Return the position, moved into a text of this length."""
    return max(0, min(position, length))
