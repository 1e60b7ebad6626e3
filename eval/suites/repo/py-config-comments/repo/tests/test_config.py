import unittest

from app import window_size
from config import parse_config


class ConfigTest(unittest.TestCase):
    def test_pairs(self):
        self.assertEqual(parse_config("a = 1\nb=x=y"), {"a": "1", "b": "x=y"})

    def test_window_size(self):
        self.assertEqual(window_size("width=300"), (300, 600))
