import unittest

from notes import make_note, tag, with_tag


class NotesTest(unittest.TestCase):
    def test_notes_do_not_share_tags(self):
        first = make_note("milk")
        second = make_note("bread")
        tag(first, "shop")
        self.assertEqual(first["tags"], ["inbox", "shop"])
        self.assertEqual(second["tags"], ["inbox"])

    def test_with_tag(self):
        note = make_note("call mum", ["phone"])
        self.assertEqual(with_tag([note], "phone"), [note])
