import unittest

from export import to_json


class ExportTest(unittest.TestCase):
    def test_json(self):
        self.assertEqual(to_json([{"b": 1, "a": 2}, {}]), '{"a": 2, "b": 1}\n{}')
