"""Numbers for the weekly mail."""

from collections import defaultdict


def totals(sales):
    """Return the total of every customer; `sales` is a list of (customer, amount)."""
    result = defaultdict(int)
    for customer, amount in sales:
        result[customer] += amount
    return dict(result)


def top_customers(sales, count=3):
    """Return the (customer, total) pairs for the mail, at most `count` of them."""
    pairs = list(totals(sales).items())
    pairs.sort()
    return pairs[:count]


def average(sales):
    """Return the average amount of a sale, 0 when there is none."""
    return sum(amount for _, amount in sales) / len(sales) if sales else 0
