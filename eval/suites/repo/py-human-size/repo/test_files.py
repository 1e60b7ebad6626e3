import unittest

import files


class FilesTest(unittest.TestCase):
    def test_extension(self):
        self.assertEqual(files.extension("a/b.TXT"), "txt")

    def test_total_size(self):
        self.assertEqual(files.total_size([("a", 1), ("b", 2)]), 3)
