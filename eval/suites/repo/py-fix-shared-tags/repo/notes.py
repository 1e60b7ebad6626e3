"""Notes with tags."""


def make_note(text, tags=[]):
    """Return a new note; the tag "inbox" is put on every one."""
    tags.append("inbox")
    return {"text": text, "tags": tags}


def tag(note, name):
    """Put a tag on a note, once."""
    if name not in note["tags"]:
        note["tags"].append(name)


def with_tag(notes, name):
    """Return the notes that carry a tag."""
    return [note for note in notes if name in note["tags"]]
