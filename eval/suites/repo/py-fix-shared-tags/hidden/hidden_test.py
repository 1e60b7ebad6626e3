import unittest

from notes import make_note, tag, with_tag


class NotesTest(unittest.TestCase):
    def test_no_sharing(self):
        notes = [make_note(str(number)) for number in range(3)]
        tag(notes[1], "x")
        self.assertEqual([note["tags"] for note in notes], [["inbox"], ["inbox", "x"], ["inbox"]])

    def test_given_tags(self):
        self.assertEqual(sorted(make_note("a", ["phone"])["tags"]), ["inbox", "phone"])

    def test_with_tag(self):
        first, second = make_note("a"), make_note("b", ["c"])
        self.assertEqual(with_tag([first, second], "c"), [second])
