import unittest

from addressbook import Contact, find_contact


class FindTest(unittest.TestCase):
    def setUp(self):
        self.contacts = [Contact("Mia Berg"), Contact("Ali Can")]

    def test_any_case(self):
        self.assertEqual(find_contact(self.contacts, "mia berg").name, "Mia Berg")
        self.assertEqual(find_contact(self.contacts, "ALI CAN").name, "Ali Can")

    def test_whole_names_only(self):
        self.assertIsNone(find_contact(self.contacts, "mia"))
        self.assertIsNone(find_contact([], "mia berg"))

    def test_contacts_stay_as_they_are(self):
        find_contact(self.contacts, "mia berg")
        self.assertEqual([contact.name for contact in self.contacts], ["Mia Berg", "Ali Can"])
