import unittest

from privacy import mask_card, mask_email


class MaskEmailTest(unittest.TestCase):
    def test_addresses(self):
        self.assertEqual(mask_email("anna.smith@example.com"), "a***@example.com")
        self.assertEqual(mask_email("b@mail.example.org"), "b***@mail.example.org")

    def test_no_address(self):
        self.assertEqual(mask_email("nobody"), "***")
        self.assertEqual(mask_email(""), "***")

    def test_the_rest_is_still_there(self):
        self.assertEqual(mask_card("1234 5678"), "**** 5678")
