import unittest

import prices


class FormatTest(unittest.TestCase):
    def test_thousands(self):
        self.assertEqual(prices.format_price(1234567), "$12,345.67")
        self.assertEqual(prices.format_price(100000000, "€"), "€1,000,000.00")

    def test_small(self):
        self.assertEqual(prices.format_price(99999), "$999.99")
        self.assertEqual(prices.format_price(0), "$0.00")

    def test_range(self):
        self.assertEqual(prices.price_range([100, 250000]), "$1.00 - $2,500.00")
