from stats import average, top_customers


def weekly_mail(sales):
    """Return the text of the weekly mail."""
    lines = [f"{name}: {total}" for name, total in top_customers(sales)]
    return "\n".join([*lines, f"average: {average(sales):.1f}"])
