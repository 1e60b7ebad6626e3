import unittest

import prices


class PricesTest(unittest.TestCase):
	def test_format(self):
		self.assertEqual(prices.format_price(1999), "$19.99")
		self.assertEqual(prices.format_price(5, "€"), "€0.05")

	def test_tax(self):
		self.assertEqual(prices.with_tax(1000, 19), 1190)

	def test_range(self):
		self.assertEqual(prices.price_range([300, 100, 200]), "$1.00 - $3.00")
