import unittest

from editor.undo import UndoStack


class UndoStackTest(unittest.TestCase):
    def test_undo_and_redo(self):
        stack = UndoStack()
        stack.push("a")
        stack.push("b")
        self.assertEqual(stack.undo(), "b")
        self.assertEqual(stack.redo(), "b")
        self.assertEqual([stack.undo(), stack.undo(), stack.undo()], ["b", "a", None])
        self.assertFalse(stack.can_undo())

    def test_limit(self):
        stack = UndoStack(limit=2)
        for state in "abc":
            stack.push(state)
        self.assertEqual([stack.undo(), stack.undo(), stack.undo()], ["c", "b", None])
