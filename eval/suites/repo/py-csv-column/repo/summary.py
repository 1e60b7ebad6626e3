from tables import header, row_count


def describe(text):
    """Return one line about CSV text."""
    return f"{row_count(text)} rows with {', '.join(header(text))}"
