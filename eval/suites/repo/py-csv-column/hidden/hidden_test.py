import unittest

from tables import column

PEOPLE = "name,city\nMia,Bonn\nAli,\"Halle, Saale\"\n"


class ColumnTest(unittest.TestCase):
    def test_values(self):
        self.assertEqual(list(column(PEOPLE, "name")), ["Mia", "Ali"])

    def test_quotes(self):
        self.assertEqual(list(column(PEOPLE, "city")), ["Bonn", "Halle, Saale"])

    def test_no_rows(self):
        self.assertEqual(list(column("a,b\n", "b")), [])

    def test_unknown(self):
        with self.assertRaises(KeyError):
            column(PEOPLE, "street")
