from bookings import can_book


def free_rooms(rooms, wanted):
    """Return the names of the rooms that are free; `rooms` maps a name to its bookings."""
    return sorted(name for name, bookings in rooms.items() if can_book(bookings, wanted))
