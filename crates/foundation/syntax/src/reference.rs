use std::collections::HashSet;
use std::sync::OnceLock;

use crate::{Descend, Language, SourceFile, Span, walk};

/// A use of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reference<'text> {
    /// The identifier.
    pub name: &'text str,
    /// Where it stands.
    pub span: Span,
    /// 1-based line.
    pub line: u32,
}

/// What the walk does with a kind of node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Identifier,
    Skip,
    Other,
}

pub(crate) fn collect(file: &SourceFile) -> Vec<Reference<'_>> {
    let definitions: HashSet<usize> = file
        .symbols()
        .iter()
        .map(|symbol| symbol.name_span.start)
        .collect();
    let roles = roles(file.language());
    let mut references = Vec::new();
    walk(file.tree().root_node(), |node| {
        match roles
            .get(usize::from(node.kind_id()))
            .copied()
            .unwrap_or(Role::Other)
        {
            Role::Skip => return Descend::Over,
            Role::Other => return Descend::Into,
            Role::Identifier => {}
        }
        let span = Span::of(node);
        if !span.is_empty() && !definitions.contains(&span.start) {
            references.push(Reference {
                name: file.slice(span),
                span,
                line: u32::try_from(node.start_position().row + 1).unwrap_or(u32::MAX),
            });
        }
        Descend::Over
    });
    references
}

/// The role of every kind of node of a grammar, by its number: string comparisons per node would dominate.
fn roles(language: Language) -> &'static [Role] {
    static TABLES: [OnceLock<Vec<Role>>; Language::ALL.len()] =
        [const { OnceLock::new() }; Language::ALL.len()];
    let position = Language::ALL.iter().position(|other| *other == language);
    let table = position.and_then(|position| TABLES.get(position));
    table.map_or(&[], |table| {
        table.get_or_init(|| {
            let grammar = language.grammar();
            (0..grammar.node_kind_count())
                .map(|id| u16::try_from(id).ok().and_then(|id| grammar.node_kind_for_id(id)))
                .map(|kind| kind.map_or(Role::Other, role))
                .collect()
        })
    })
}

fn role(kind: &str) -> Role {
    match kind {
        "identifier"
        | "type_identifier"
        | "field_identifier"
        | "property_identifier"
        | "private_property_identifier"
        | "shorthand_property_identifier"
        | "shorthand_field_identifier"
        | "package_identifier" => Role::Identifier,
        "comment"
        | "line_comment"
        | "block_comment"
        | "import_statement"
        | "import_from_statement"
        | "future_import_statement"
        | "use_declaration"
        | "import_declaration"
        | "package_clause"
        | "package_declaration" => Role::Skip,
        _ => Role::Other,
    }
}
