"""What sending a parcel costs, in cents."""

FREE_FROM = 5000
ISLANDS = {"Sylt", "Amrum", "Borkum"}


def shipping_cost(weight_grams, order_total, city=""):
    """Return the cost of shipping.

    Up to 1 kg costs 490, up to 5 kg 690, heavier parcels 1290. Orders from 50.00 are shipped for free. Islands cost
    500 more, always.
    """
    if weight_grams <= 0:
        raise ValueError("a parcel has a weight")
    if order_total >= FREE_FROM:
        cost = 0
    elif weight_grams <= 1000:
        cost = 490
    elif weight_grams <= 5000:
        cost = 690
    else:
        cost = 1290
    if city in ISLANDS:
        cost += 500
    return cost


def parcels(weight_grams, limit=30000):
    """Return how many parcels are needed."""
    return -(-weight_grams // limit)
