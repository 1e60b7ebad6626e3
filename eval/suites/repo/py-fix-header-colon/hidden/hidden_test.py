import unittest

from httpkit.headers import parse_headers


class HeadersTest(unittest.TestCase):
    def test_many_colons(self):
        headers = parse_headers("Referer: https://example.org:8443/a:b\r\nDate: Mon, 01 Jan 2024 10:20:30 GMT\r\n\r\nbody: x")
        self.assertEqual(headers, {"referer": "https://example.org:8443/a:b", "date": "Mon, 01 Jan 2024 10:20:30 GMT"})

    def test_empty_value(self):
        self.assertEqual(parse_headers("X-Empty:"), {"x-empty": ""})
