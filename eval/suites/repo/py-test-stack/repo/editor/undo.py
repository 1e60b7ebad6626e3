"""Undo and redo for the editor."""


class UndoStack:
    """Remembers states; at most `limit` of them."""

    def __init__(self, limit=100):
        self.limit = limit
        self._done = []
        self._undone = []

    def push(self, state):
        """Remember a new state; what was undone can no longer be redone."""
        self._done.append(state)
        self._undone.clear()
        if len(self._done) > self.limit:
            self._done.pop(0)

    def undo(self):
        """Return the last state and step back, or None when there is none."""
        if not self._done:
            return None
        state = self._done.pop()
        self._undone.append(state)
        return state

    def redo(self):
        """Return the state that was undone last, or None when there is none."""
        if not self._undone:
            return None
        state = self._undone.pop()
        self._done.append(state)
        return state

    def can_undo(self):
        return len(self._done) > 0
