import unittest
from datetime import date

from shop.orders import Order
from shop.reports.monthly import revenue, sales_by_month


class SalesByMonthTest(unittest.TestCase):
    def test_months_add_up(self):
        orders = [
            Order(1, "Mia", date(2024, 1, 5), 1000),
            Order(2, "Ali", date(2024, 1, 31), 250),
            Order(3, "Ali", date(2024, 11, 2), 300),
            Order(4, "Ali", date(2023, 1, 2), 7),
        ]
        self.assertEqual(dict(sales_by_month(orders)), {"2024-01": 1250, "2024-11": 300, "2023-01": 7})
        self.assertEqual(revenue(orders), 1557)

    def test_no_orders(self):
        self.assertEqual(dict(sales_by_month([])), {})
