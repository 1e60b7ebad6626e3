import unittest

import store
from signup import register
from validators import is_email


class ValidatorsTest(unittest.TestCase):
    def test_is_email(self):
        for text in ("ann@example.org", "a.b@mail.example.org"):
            self.assertTrue(is_email(text), text)
        for text in ("", "ann", "ann@", "@example.org", "ann@example", "a b@example.org", "a@b@example.org"):
            self.assertFalse(is_email(text), text)

    def test_register(self):
        before = store.count()
        with self.assertRaises(ValueError):
            register("Ann", "nonsense")
        self.assertEqual(store.count(), before)
        self.assertEqual(register("Ann", "ann@example.org")["email"], "ann@example.org")
        with self.assertRaises(ValueError):
            register("", "ann@example.org")
