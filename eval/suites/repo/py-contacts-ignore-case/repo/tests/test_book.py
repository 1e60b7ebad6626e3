import unittest

from addressbook import Contact, find_contact, sort_contacts
from addressbook.vcard import to_vcard

MIA, ALI = Contact("Mia Berg", "mia@example.org"), Contact("Ali Can")


class BookTest(unittest.TestCase):
    def test_find(self):
        self.assertIs(find_contact([MIA, ALI], "Ali Can"), ALI)
        self.assertIsNone(find_contact([MIA, ALI], "Ali"))

    def test_sort(self):
        self.assertEqual(sort_contacts([MIA, ALI]), [ALI, MIA])

    def test_vcard(self):
        self.assertIn("FN:Mia Berg", to_vcard(MIA))
