"""Prices are kept in cents."""


def format_price(cents, currency="$"):
	"""Return a price for the shop window."""
	return f"{currency}{cents / 100:,.2f}"


def with_tax(cents, percent):
	"""Return the price with tax on top, rounded to whole cents."""
	return round(cents * (100 + percent) / 100)


def price_range(prices):
	"""Return the text for several variants of one product."""
	low, high = min(prices), max(prices)
	if low == high:
		return format_price(low)
	return f"{format_price(low)} - {format_price(high)}"
