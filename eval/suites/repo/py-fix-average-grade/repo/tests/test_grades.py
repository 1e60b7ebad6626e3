import unittest

from school.grades import average, best
from school.report import report


class GradesTest(unittest.TestCase):
    def test_absent_pupils_do_not_count(self):
        self.assertEqual(average([1, None, 3]), 2)

    def test_nobody_there(self):
        self.assertIsNone(average([None]))

    def test_best(self):
        self.assertEqual(best([3, None, 2]), 2)

    def test_report(self):
        self.assertEqual(report("Art", [2, 2]), "Art: average 2.0, best 2")
