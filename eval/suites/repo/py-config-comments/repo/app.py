from config import get_int, parse_config


def window_size(text):
    settings = parse_config(text)
    return get_int(settings, "width", 800), get_int(settings, "height", 600)
