import privacy


def login_line(user, card):
    """Return the line that is logged when somebody pays."""
    return f"{user['name']} paid with {privacy.mask_card(card)}"
