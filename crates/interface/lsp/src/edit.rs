//! A proposal's change as the edit that an editor applies to its own buffers.

use std::path::Path;

use gen_lsp_types::{Position, Uri};
use serde_json::{Value, json};
use tenon_domain::{ChangeSet, FileChange};

use crate::document::{Encoding, position};

/// What kinds of edit the client can apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EditAbilities {
    /// Edits in an order, of files with versions.
    pub document_changes: bool,
    /// Files that come, go or change their names.
    pub resources: bool,
}

/// The edit; `None` when the client cannot make it.
pub(crate) fn workspace_edit(
    root: &Path,
    change: &ChangeSet,
    encoding: Encoding,
    abilities: EditAbilities,
) -> Option<Value> {
    let mut steps = Vec::new();
    let mut edits = serde_json::Map::new();
    for file in &change.files {
        let uri = Uri::from_file_path(root.join(file.path.as_str())).ok()?;
        let after = file.after.as_deref();
        match (&file.renamed_from, &file.before, after) {
            (Some(from), ..) => {
                let from = Uri::from_file_path(root.join(from.as_str())).ok()?;
                steps.push(json!({ "kind": "rename", "oldUri": from, "newUri": uri }));
            }
            (None, None, _) => steps.push(json!({ "kind": "create", "uri": uri })),
            (None, Some(_), None) => steps.push(json!({ "kind": "delete", "uri": uri })),
            (None, Some(_), Some(_)) => {}
        }
        if let Some(after) = after {
            let edit = text_edit(file, after, encoding);
            steps.push(json!({ "textDocument": { "uri": uri, "version": null }, "edits": [edit] }));
            edits.insert(uri.to_string(), json!([edit]));
        }
    }
    let needs_resources = steps.iter().any(|step| step.get("kind").is_some());
    match (abilities.document_changes, needs_resources) {
        (true, needed) if abilities.resources || !needed => Some(json!({ "documentChanges": steps })),
        (false, false) => Some(json!({ "changes": edits })),
        _ => None,
    }
}

/// What lies between the beginning and the end that both texts share.
fn text_edit(file: &FileChange, after: &str, encoding: Encoding) -> Value {
    let before = file.before.as_deref().unwrap_or_default();
    let start = shared(before.char_indices(), after.char_indices(), char::len_utf8);
    let (old, new) = (
        before.get(start..).unwrap_or_default(),
        after.get(start..).unwrap_or_default(),
    );
    let end = shared(old.char_indices().rev(), new.char_indices().rev(), char::len_utf8);
    let at = |offset: usize| -> Position { position(before, offset, encoding) };
    json!({
        "range": { "start": at(start), "end": at(before.len() - end) },
        "newText": new.get(..new.len() - end).unwrap_or_default(),
    })
}

/// Bytes of the characters that both begin with.
fn shared(
    left: impl Iterator<Item = (usize, char)>,
    right: impl Iterator<Item = (usize, char)>,
    width: impl Fn(char) -> usize,
) -> usize {
    let pairs = left
        .zip(right)
        .take_while(|((_, left), (_, right))| left == right);
    pairs.map(|((_, character), _)| width(character)).sum()
}

#[cfg(test)]
mod tests {
    use tenon_domain::RepoPath;

    use super::*;

    const ALL: EditAbilities = EditAbilities {
        document_changes: true,
        resources: true,
    };
    const FEW: EditAbilities = EditAbilities {
        document_changes: false,
        resources: false,
    };

    fn change(before: Option<&str>, after: Option<&str>) -> ChangeSet {
        ChangeSet {
            files: vec![FileChange {
                path: RepoPath::parse("a.py").unwrap(),
                renamed_from: None,
                before: before.map(str::to_owned),
                after: after.map(str::to_owned),
            }],
        }
    }

    fn edit(change: &ChangeSet, abilities: EditAbilities) -> Option<Value> {
        workspace_edit(Path::new("/w"), change, Encoding::Utf16, abilities)
    }

    #[test]
    fn only_what_differs_is_replaced() {
        let changed = change(Some("é = 1\nb = 2\n"), Some("é = 1\nb = 3\n"));
        let edit = &edit(&changed, ALL).unwrap()["documentChanges"][0];
        assert_eq!(edit["textDocument"]["uri"], "file:///w/a.py");
        let range = json!({ "start": { "line": 1, "character": 4 }, "end": { "line": 1, "character": 5 } });
        assert_eq!(edit["edits"], json!([{ "range": range, "newText": "3" }]));
    }

    #[test]
    fn what_repeats_itself_is_not_counted_twice() {
        let changed = change(Some("a\na\n"), Some("a\na\na\n"));
        let edit = &edit(&changed, FEW).unwrap()["changes"]["file:///w/a.py"][0];
        assert_eq!(edit["newText"], "a\n");
    }

    #[test]
    fn files_come_and_go_where_the_client_can() {
        let created = change(None, Some("x = 1\n"));
        assert_eq!(
            edit(&created, ALL).unwrap()["documentChanges"][0]["kind"],
            "create"
        );
        assert_eq!(edit(&created, FEW), None);
        let deleted = change(Some("x = 1\n"), None);
        assert_eq!(
            edit(&deleted, ALL).unwrap()["documentChanges"]
                .as_array()
                .unwrap()
                .len(),
            1
        );
    }
}
