from reminders import is_overdue


def overdue(bills, today):
    """Return the numbers of overdue bills; a bill is (number, day it was sent)."""
    return [number for number, sent in bills if is_overdue(sent, today)]
