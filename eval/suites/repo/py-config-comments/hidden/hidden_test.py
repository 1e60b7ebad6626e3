import unittest

from config import get_int, parse_config


class CommentsTest(unittest.TestCase):
    def test_comments_and_empty_lines(self):
        text = "# window\n\nwidth = 300\n#height = 5\n\ntitle = a # b\n"
        self.assertEqual(parse_config(text), {"width": "300", "title": "a # b"})

    def test_pairs_as_before(self):
        self.assertEqual(parse_config("a = 1\nb=x=y"), {"a": "1", "b": "x=y"})
        self.assertEqual(get_int({"a": "3"}, "a"), 3)

    def test_line_endings_stay(self):
        with open("config.py", "rb") as source:
            content = source.read()
        self.assertEqual(content.count(b"\n"), content.count(b"\r\n"))
