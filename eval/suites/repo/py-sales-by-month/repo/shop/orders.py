"""Orders as they come from the web shop."""

from dataclasses import dataclass
from datetime import date


@dataclass
class Order:
    number: int
    customer: str
    date: date
    total: int  # cents


def open_orders(orders, paid_numbers):
    """Return the orders that nobody has paid yet."""
    return [order for order in orders if order.number not in paid_numbers]
