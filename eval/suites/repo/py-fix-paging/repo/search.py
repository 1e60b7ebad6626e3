from paging import page, page_count


def search(names, term, number=1):
    """Return one page of the names that contain `term`, and how many pages there are."""
    found = [name for name in names if term in name]
    return page(found, number), page_count(len(found), 10)
