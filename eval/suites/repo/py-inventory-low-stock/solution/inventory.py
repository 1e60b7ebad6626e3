"""What is on the shelves."""


class OutOfStock(Exception):
    """Raised when more is taken than is there."""


class Inventory:
    """Counts pieces by item name."""

    def __init__(self):
        self._pieces = {}

    def add(self, name, count=1):
        """Put `count` pieces of `name` on the shelf."""
        self._pieces[name] = self._pieces.get(name, 0) + count

    def take(self, name, count=1):
        """Take `count` pieces of `name` off the shelf."""
        if self.count(name) < count:
            raise OutOfStock(name)
        self._pieces[name] -= count

    def count(self, name):
        """Return how many pieces of `name` there are."""
        return self._pieces.get(name, 0)

    def low_stock(self, threshold=5):
        """Return the names of items with fewer than `threshold` pieces, sorted."""
        return sorted(name for name, count in self._pieces.items() if count < threshold)

    def __len__(self):
        return len(self._pieces)
