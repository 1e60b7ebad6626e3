"""Notes with tags."""


def make_note(text, tags=None):
    """Return a new note; the tag "inbox" is put on every one."""
    return {"text": text, "tags": [*(tags or []), "inbox"]}


def tag(note, name):
    """Put a tag on a note, once."""
    if name not in note["tags"]:
        note["tags"].append(name)


def with_tag(notes, name):
    """Return the notes that carry a tag."""
    return [note for note in notes if name in note["tags"]]
