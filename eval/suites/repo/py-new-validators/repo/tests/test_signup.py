import unittest

from signup import register


class SignupTest(unittest.TestCase):
    def test_register(self):
        self.assertEqual(register(" Ann ", "ann@example.org"), {"name": "Ann", "email": "ann@example.org"})

    def test_empty_name(self):
        with self.assertRaises(ValueError):
            register(" ", "ann@example.org")
