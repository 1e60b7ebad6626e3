import unittest

from inventory import Inventory


class LowStockTest(unittest.TestCase):
    def setUp(self):
        self.inventory = Inventory()
        for name, count in (("washer", 3), ("bolt", 5), ("nut", 0), ("screw", 40)):
            self.inventory.add(name, count)

    def test_default_threshold(self):
        self.assertEqual(list(self.inventory.low_stock()), ["nut", "washer"])

    def test_given_threshold(self):
        self.assertEqual(list(self.inventory.low_stock(6)), ["bolt", "nut", "washer"])
        self.assertEqual(list(self.inventory.low_stock(threshold=0)), [])

    def test_the_rest_is_still_there(self):
        self.inventory.take("screw", 38)
        self.assertEqual(self.inventory.count("screw"), 2)
        self.assertEqual(len(self.inventory), 4)
