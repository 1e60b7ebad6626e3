"""Meeting rooms. A booking is (start, end) in minutes since midnight; the end is not part of it."""


def minutes(clock):
    """Return the minutes since midnight of a text like "09:30"."""
    hours, rest = clock.split(":")
    return int(hours) * 60 + int(rest)


def overlaps(first, second):
    """Return whether two bookings are in each other's way."""
    return first[0] < second[1] and second[0] < first[1]


def can_book(bookings, wanted):
    """Return whether a room with these bookings is free for the wanted one."""
    return not any(overlaps(booking, wanted) for booking in bookings)
