def label(name, count):
    """Return the text for a shelf label."""
    return f"{name.title()} ({count})"
