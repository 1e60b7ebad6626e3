from users import get_usr


def greet(number):
    """Return the greeting for a user."""
    name = get_usr(number)
    return f"Hello, {name}!" if name else "Hello, stranger!"
