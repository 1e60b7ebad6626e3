import unittest
from datetime import date

from bills import overdue
from reminders import due_date, parse_day


class RemindersTest(unittest.TestCase):
    def test_due_date(self):
        self.assertEqual(due_date(date(2024, 2, 20)), date(2024, 3, 5))

    def test_overdue(self):
        bills = [(1, date(2024, 1, 1)), (2, date(2024, 1, 20))]
        self.assertEqual(overdue(bills, date(2024, 1, 21)), [1])

    def test_parse(self):
        self.assertEqual(parse_day("2024-05-31"), date(2024, 5, 31))
