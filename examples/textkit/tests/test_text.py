import doctest
import unittest

import text


def load_tests(loader, tests, ignore):
    tests.addTests(doctest.DocTestSuite(text))
    return tests


class SqueezeTest(unittest.TestCase):
    def test_white_space_of_all_kinds(self):
        self.assertEqual(text.squeeze("\ta\n\n b  c "), "a b c")

    def test_empty(self):
        self.assertEqual(text.squeeze("   "), "")


class ShortenTest(unittest.TestCase):
    def test_short_text_stays(self):
        self.assertEqual(text.shorten("hello", 5), "hello")

    def test_cuts_at_a_word(self):
        self.assertEqual(text.shorten("hello wide world", 11), "hello wide…")

    def test_one_long_word(self):
        self.assertEqual(text.shorten("incomprehensible", 6), "incom…")


class InitialsTest(unittest.TestCase):
    def test_three_parts(self):
        self.assertEqual(text.initials("Grace Brewster  Hopper"), "GBH")


class IndentTest(unittest.TestCase):
    def test_empty_lines_stay_empty(self):
        self.assertEqual(text.indent("a\n\nb", 2), "  a\n\n  b")


if __name__ == "__main__":
    unittest.main()
