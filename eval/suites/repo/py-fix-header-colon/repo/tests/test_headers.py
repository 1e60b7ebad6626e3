import unittest

from httpkit.headers import content_length, parse_headers
from httpkit.status import status_line


class HeadersTest(unittest.TestCase):
    def test_simple(self):
        self.assertEqual(parse_headers("Host: example.org\nContent-Length: 12\n\nHi: you"), {"host": "example.org", "content-length": "12"})

    def test_port(self):
        self.assertEqual(parse_headers("Host: localhost:8080"), {"host": "localhost:8080"})

    def test_length(self):
        self.assertEqual(content_length({"content-length": "12"}), 12)
        self.assertEqual(content_length({}), 0)

    def test_status(self):
        self.assertEqual(status_line(404), "HTTP/1.1 404 Not Found")
