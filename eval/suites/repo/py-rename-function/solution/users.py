"""The users we know."""

USERS = {1: "ann", 2: "bob"}


def get_user(number):
    """Return the name of a user, None for an unknown number."""
    return USERS.get(number)


def user_names():
    """Return all names, sorted."""
    return sorted(USERS.values())
