import unittest

from bookings import can_book, minutes, overlaps
from rooms import free_rooms


class BookingsTest(unittest.TestCase):
    def test_minutes(self):
        self.assertEqual(minutes("09:30"), 570)

    def test_overlap(self):
        self.assertTrue(overlaps((540, 600), (570, 630)))

    def test_one_after_the_other(self):
        self.assertTrue(can_book([(540, 600)], (600, 660)))
        self.assertEqual(free_rooms({"A": [(540, 600)], "B": []}, (600, 660)), ["A", "B"])
