"""Reports that accounting asks for every month."""


def revenue(orders):
    """Return the sum of all order totals, in cents."""
    return sum(order.total for order in orders)


def customers(orders):
    """Return the names of all customers, each once, sorted."""
    return sorted({order.customer for order in orders})


def sales_by_month(orders):
    """Return the revenue of every month, by "YYYY-MM"."""
    months = {}
    for order in orders:
        month = order.date.strftime("%Y-%m")
        months[month] = months.get(month, 0) + order.total
    return months
