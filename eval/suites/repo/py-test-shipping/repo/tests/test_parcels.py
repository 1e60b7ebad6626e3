import unittest

from shipping import parcels


class ParcelsTest(unittest.TestCase):
    def test_parcels(self):
        self.assertEqual(parcels(30001), 2)
