import unittest

import files


class HumanSizeTest(unittest.TestCase):
    def test_bytes(self):
        self.assertEqual(files.human_size(0), "0 B")
        self.assertEqual(files.human_size(1023), "1023 B")

    def test_larger(self):
        self.assertEqual(files.human_size(1024), "1.0 KB")
        self.assertEqual(files.human_size(1536), "1.5 KB")
        self.assertEqual(files.human_size(5 * 1024 * 1024), "5.0 MB")
        self.assertEqual(files.human_size(3 * 1024**3), "3.0 GB")

    def test_the_rest_is_still_there(self):
        self.assertEqual(files.extension("x.PY"), "py")
        self.assertEqual(files.total_size([("a", 4)]), 4)
