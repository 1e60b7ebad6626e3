import unittest

from shipping import shipping_cost


class ShippingCostTest(unittest.TestCase):
    def test_by_weight(self):
        self.assertEqual(shipping_cost(1000, 100), 490)
        self.assertEqual(shipping_cost(1001, 100), 690)
        self.assertEqual(shipping_cost(5001, 100), 1290)

    def test_free_and_islands(self):
        self.assertEqual(shipping_cost(1000, 5000), 0)
        self.assertEqual(shipping_cost(1000, 5000, "Sylt"), 500)

    def test_no_weight(self):
        with self.assertRaises(ValueError):
            shipping_cost(0, 100)
