import unittest

from school.grades import average, best
from school.report import report


class GradesTest(unittest.TestCase):
    def test_average(self):
        self.assertEqual(average([1, 2, 3, 6]), 3)
        self.assertEqual(average([None, None, 4]), 4)
        self.assertIsNone(average([]))
        self.assertIsNone(average([None, None]))

    def test_the_rest(self):
        self.assertIsNone(best([]))
        self.assertEqual(report("Art", [None, 2]), "Art: average 2.0, best 2")
