import unittest

from paging import page, page_count, page_links
from search import search


class PagingTest(unittest.TestCase):
    def test_first_page(self):
        self.assertEqual(page(list(range(25)), 1), list(range(10)))

    def test_page_count(self):
        self.assertEqual(page_count(25, 10), 3)

    def test_links(self):
        self.assertEqual(page_links(1, 9), [1, 2, 3])

    def test_search(self):
        self.assertEqual(search(["anna", "otto"], "nn"), (["anna"], 1))
