"""Reads the key=value files of the desktop app."""


def parse_config(text):
    """Return the settings in `text` as a dict."""
    settings = {}
    for line in text.splitlines():
        key, value = line.split("=", 1)
        settings[key.strip()] = value.strip()
    return settings


def get_int(settings, key, default=0):
    """Return a setting as a whole number."""
    return int(settings.get(key, default))
