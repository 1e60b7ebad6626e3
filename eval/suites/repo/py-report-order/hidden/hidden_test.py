import unittest

from mail import weekly_mail
from stats import top_customers


class TopCustomersTest(unittest.TestCase):
    def test_highest_first(self):
        sales = [("ann", 5), ("bob", 9), ("cem", 7), ("ann", 1)]
        self.assertEqual(top_customers(sales), [("bob", 9), ("cem", 7), ("ann", 6)])

    def test_ties_by_name(self):
        sales = [("zoe", 5), ("ann", 5), ("mia", 5), ("bob", 8)]
        self.assertEqual(top_customers(sales), [("bob", 8), ("ann", 5), ("mia", 5)])

    def test_count(self):
        self.assertEqual(top_customers([("a", 1), ("b", 2)], count=1), [("b", 2)])
        self.assertEqual(top_customers([]), [])

    def test_mail(self):
        self.assertEqual(weekly_mail([("a", 1), ("b", 3)]), "b: 3\na: 1\naverage: 2.0")
