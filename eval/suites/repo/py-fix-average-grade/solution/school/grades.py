"""Grades of a class. A grade of None means that the pupil was absent."""


def written(grades):
    """Return the grades of those who were there."""
    return [grade for grade in grades if grade is not None]


def average(grades):
    """Return the average of those who were there, None when nobody was."""
    present = written(grades)
    if not present:
        return None
    return sum(present) / len(present)


def best(grades):
    """Return the best grade; 1 is better than 6."""
    return min(written(grades), default=None)
