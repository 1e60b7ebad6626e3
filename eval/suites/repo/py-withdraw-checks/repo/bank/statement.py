def lines(account):
    """Return the statement of an account, a line for each movement."""
    signs = {"deposit": "+", "withdraw": "-"}
    return [f"{signs[kind]}{amount}" for kind, amount in account.history]
