import unittest

from inventory import Inventory, OutOfStock


class InventoryTest(unittest.TestCase):
    def test_add_and_take(self):
        inventory = Inventory()
        inventory.add("bolt", 10)
        inventory.take("bolt", 4)
        self.assertEqual(inventory.count("bolt"), 6)

    def test_cannot_take_more(self):
        with self.assertRaises(OutOfStock):
            Inventory().take("bolt")
