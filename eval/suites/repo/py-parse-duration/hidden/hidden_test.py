import unittest

from timing import format_duration, parse_duration


class ParseDurationTest(unittest.TestCase):
    def test_single_units(self):
        self.assertEqual(parse_duration("90s"), 90)
        self.assertEqual(parse_duration("5m"), 300)
        self.assertEqual(parse_duration("2h"), 7200)

    def test_combined(self):
        self.assertEqual(parse_duration("1h30m"), 5400)
        self.assertEqual(parse_duration("1h1m1s"), 3661)

    def test_round_trip(self):
        for seconds in (1, 59, 60, 3599, 3600, 86399):
            self.assertEqual(parse_duration(format_duration(seconds)), seconds)

    def test_refused(self):
        for text in ("", "abc", "5x", "h"):
            with self.assertRaises(ValueError, msg=text):
                parse_duration(text)
