use tenon_syntax::{Descend, SourceFile, Span, walk};

/// The comment in `span` that stands for code the model did not write, if there is one.
///
/// A comment that the file has word for word is the file's own.
pub(super) fn elision(original: &SourceFile, reply: &SourceFile, span: Span) -> Option<String> {
    let mut found = None;
    walk(reply.tree().root_node(), |node| {
        let own = Span::of(node);
        if found.is_some() || own.end <= span.start || own.start >= span.end {
            return Descend::Over;
        }
        if matches!(node.kind(), "comment" | "line_comment" | "block_comment") {
            let text = reply.slice(own).trim();
            if stands_for_code(text) && !original.text().contains(text) {
                found = Some(text.to_owned());
            }
            return Descend::Over;
        }
        Descend::Into
    });
    found
}

fn stands_for_code(comment: &str) -> bool {
    let text = comment.to_lowercase();
    let dots = text.contains("...") || text.contains('…');
    let words = [
        "existing",
        "rest of",
        "remaining",
        "unchanged",
        "previous code",
        "same as before",
        "omitted",
        "other methods",
        "other code",
        "your code",
        "implementation here",
        "code here",
    ];
    let bare = text.trim_matches(|character: char| !character.is_alphanumeric());
    let placeholder = matches!(
        bare,
        "existing code"
            | "rest of the code"
            | "rest of code"
            | "your code here"
            | "implementation here"
            | "unchanged"
            | ""
    );
    (dots && (bare.is_empty() || words.iter().any(|word| text.contains(word))))
        || (!bare.is_empty() && placeholder)
}
