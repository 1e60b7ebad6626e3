from users import get_user


def greet(number):
    """Return the greeting for a user."""
    name = get_user(number)
    return f"Hello, {name}!" if name else "Hello, stranger!"
