import unittest

from mail import weekly_mail
from stats import average, top_customers, totals


class StatsTest(unittest.TestCase):
    def test_totals(self):
        self.assertEqual(totals([("a", 1), ("b", 2), ("a", 3)]), {"a": 4, "b": 2})

    def test_count(self):
        self.assertEqual(len(top_customers([("a", 1), ("b", 2), ("c", 3)], count=2)), 2)

    def test_average(self):
        self.assertEqual(average([]), 0)
        self.assertEqual(weekly_mail([("a", 3)]), "a: 3\naverage: 3.0")
