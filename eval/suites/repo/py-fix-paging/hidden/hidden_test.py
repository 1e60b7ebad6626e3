import unittest

from paging import page, page_count, page_links


class PagingTest(unittest.TestCase):
    def test_all_pages_make_the_whole(self):
        items = list(range(23))
        pages = [page(items, number, 5) for number in range(1, page_count(23, 5) + 1)]
        self.assertEqual([item for part in pages for item in part], items)

    def test_last_and_beyond(self):
        self.assertEqual(page(list(range(25)), 3), [20, 21, 22, 23, 24])
        self.assertEqual(page(list(range(25)), 4), [])

    def test_links(self):
        self.assertEqual(page_links(5, 6), [3, 4, 5, 6])
