import unittest

from log import login_line
from privacy import mask_card, mask_phone


class PrivacyTest(unittest.TestCase):
    def test_card(self):
        self.assertEqual(mask_card("4111-1111-1111-9876"), "**** 9876")

    def test_phone(self):
        self.assertEqual(mask_phone("+49 171 55512 "), "***12")

    def test_log(self):
        self.assertEqual(login_line({"name": "ann"}, "12345678"), "ann paid with **** 5678")
