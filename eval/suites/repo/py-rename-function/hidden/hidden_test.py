import unittest

import greeting
import users


class RenameTest(unittest.TestCase):
    def test_new_name(self):
        self.assertEqual(users.get_user(2), "bob")
        self.assertIsNone(users.get_user(9))

    def test_old_name_is_gone(self):
        self.assertFalse(hasattr(users, "get_usr"))
        self.assertFalse(hasattr(greeting, "get_usr"))

    def test_still_used(self):
        self.assertEqual(greeting.greet(1), "Hello, ann!")
        self.assertEqual(greeting.greet(7), "Hello, stranger!")
        self.assertEqual(users.user_names(), ["ann", "bob"])
