import unittest

from phone import normalize_phone


class NormalizePhoneTest(unittest.TestCase):
    def test_leading_zeros(self):
        self.assertEqual(normalize_phone("0049 171 55512"), "+4917155512")
        self.assertEqual(normalize_phone("0171-55512", "+43"), "+4317155512")

    def test_international(self):
        self.assertEqual(normalize_phone("+1 (555) 010"), "+1555010")
