import unittest

from bookings import can_book, overlaps
from rooms import free_rooms


class BookingsTest(unittest.TestCase):
    def test_touching(self):
        self.assertFalse(overlaps((0, 10), (10, 20)))
        self.assertFalse(overlaps((10, 20), (0, 10)))

    def test_overlapping(self):
        for other in ((0, 10), (5, 6), (9, 20), (-5, 1), (-5, 30)):
            self.assertTrue(overlaps((0, 10), other), other)
            self.assertTrue(overlaps(other, (0, 10)), other)

    def test_rooms(self):
        self.assertFalse(can_book([(0, 10), (20, 30)], (5, 25)))
        self.assertEqual(free_rooms({"A": [(0, 10)], "B": [(0, 11)]}, (10, 20)), ["A"])
