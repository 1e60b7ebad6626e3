import unittest

from summary import describe
from tables import header, row_count

PEOPLE = "name,city\nMia,Bonn\nAli,\"Halle, Saale\"\n"


class TablesTest(unittest.TestCase):
    def test_header(self):
        self.assertEqual(header(PEOPLE), ["name", "city"])
        self.assertEqual(header(""), [])

    def test_row_count(self):
        self.assertEqual(row_count(PEOPLE), 2)

    def test_describe(self):
        self.assertEqual(describe(PEOPLE), "2 rows with name, city")
