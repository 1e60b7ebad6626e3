"""Pages of search results. The first page has the number 1."""


def page_count(total, per_page):
    """Return how many pages `total` results need."""
    return (total + per_page - 1) // per_page


def page(items, number, per_page=10):
    """Return the items of one page."""
    start = (number - 1) * per_page
    return items[start : start + per_page]


def page_links(current, total):
    """Return the page numbers to show around the current one."""
    return [number for number in range(current - 2, current + 3) if 1 <= number <= total]
