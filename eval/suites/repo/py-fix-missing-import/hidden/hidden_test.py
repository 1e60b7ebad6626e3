import unittest
from datetime import date

from bills import overdue
from reminders import due_date, is_overdue, parse_day


class RemindersTest(unittest.TestCase):
    def test_days(self):
        self.assertEqual(due_date(parse_day("2023-12-31"), days=1), date(2024, 1, 1))
        self.assertFalse(is_overdue(date(2024, 1, 1), date(2024, 1, 15)))
        self.assertTrue(is_overdue(date(2024, 1, 1), date(2024, 1, 16)))

    def test_none_overdue(self):
        self.assertEqual(overdue([], date(2024, 1, 1)), [])
