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

    def __len__(self):
        return len(self._pieces)
