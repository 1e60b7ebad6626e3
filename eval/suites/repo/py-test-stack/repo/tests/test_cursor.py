import unittest

from editor.cursor import clamp


class CursorTest(unittest.TestCase):
    def test_clamp(self):
        self.assertEqual(clamp(9, 5), 5)
        self.assertEqual(clamp(-1, 5), 0)
