use tree_sitter::Node;

/// Whether a [`walk`] goes on into the children of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Descend {
    /// Visit the children.
    Into,
    /// Go on with the next sibling.
    Over,
}

/// Visits `root` and what lies below it in source order, without recursion: input of any depth is safe.
pub fn walk<'tree>(root: Node<'tree>, mut visit: impl FnMut(Node<'tree>) -> Descend) {
    let mut cursor = root.walk();
    loop {
        if visit(cursor.node()) == Descend::Into && cursor.goto_first_child() {
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return;
            }
        }
    }
}
