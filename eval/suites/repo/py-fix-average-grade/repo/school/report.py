from school.grades import average, best


def report(subject, grades):
    """Return a line for the parents' letter."""
    return f"{subject}: average {average(grades)}, best {best(grades)}"
