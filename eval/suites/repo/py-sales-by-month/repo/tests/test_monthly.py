import unittest
from datetime import date

from shop.orders import Order
from shop.reports.export import to_csv
from shop.reports.monthly import customers, revenue

ORDERS = [
    Order(1, "Mia", date(2024, 1, 5), 1000),
    Order(2, "Ali", date(2024, 2, 1), 250),
]


class MonthlyTest(unittest.TestCase):
    def test_revenue(self):
        self.assertEqual(revenue(ORDERS), 1250)

    def test_customers(self):
        self.assertEqual(customers(ORDERS), ["Ali", "Mia"])

    def test_csv(self):
        self.assertEqual(to_csv([["a", 1]]), "a,1\n")
