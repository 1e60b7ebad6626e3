use std::collections::BTreeMap;

use tenon_domain::{ChangeSet, FileChange, RepoPath};

use crate::style::FileStyle;

/// Why file changes do not make one change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DraftError {
    /// Two entries for one path do not follow from each other.
    #[error("`{path}` is changed twice and the second change does not start where the first ends")]
    Conflict {
        /// The path.
        path: RepoPath,
    },
}

/// A file written whole: new, or in place of `before`, whose byte order mark, line ends and final newline it keeps.
pub fn whole_file(path: RepoPath, before: Option<String>, code: &str) -> FileChange {
    let after = match &before {
        None => with_final_newline(&code.replace("\r\n", "\n")),
        Some(before) => in_the_style_of(before, code),
    };
    FileChange {
        path,
        renamed_from: None,
        before,
        after: Some(after),
    }
}

/// A file with edited content, byte for byte as given.
pub fn edited_file(path: RepoPath, before: String, after: String) -> FileChange {
    FileChange {
        path,
        renamed_from: None,
        before: Some(before),
        after: Some(after),
    }
}

/// A file that goes.
pub fn deleted_file(path: RepoPath, before: String) -> FileChange {
    FileChange {
        path,
        renamed_from: None,
        before: Some(before),
        after: None,
    }
}

/// A file that moves; `after` is its content in the new place.
pub fn renamed_file(from: RepoPath, to: RepoPath, before: String, after: String) -> FileChange {
    FileChange {
        path: to,
        renamed_from: Some(from),
        before: Some(before),
        after: Some(after),
    }
}

/// One change out of changes of files: one entry per path, in path order, without those that change nothing.
///
/// # Errors
/// When two entries for one path do not follow from each other.
pub fn change_set(files: impl IntoIterator<Item = FileChange>) -> Result<ChangeSet, DraftError> {
    let mut merged: BTreeMap<RepoPath, FileChange> = BTreeMap::new();
    for file in files {
        match merged.get_mut(&file.path) {
            None => {
                merged.insert(file.path.clone(), file);
            }
            Some(first) if first.after == file.before && file.renamed_from.is_none() => {
                first.after = file.after
            }
            Some(first) if *first == file => {}
            Some(_) => return Err(DraftError::Conflict { path: file.path }),
        }
    }
    let files = merged
        .into_values()
        .filter(|file| file.renamed_from.is_some() || file.before != file.after)
        .collect();
    Ok(ChangeSet { files })
}

pub(crate) fn in_the_style_of(before: &str, code: &str) -> String {
    let style = FileStyle::of(before);
    let code = code.trim_start_matches('\u{feff}').replace("\r\n", "\n");
    let code = if before.is_empty() || before.ends_with('\n') {
        with_final_newline(&code)
    } else {
        code.trim_end_matches('\n').to_owned()
    };
    let code = if style.newline == "\n" {
        code
    } else {
        code.replace('\n', style.newline)
    };
    if before.starts_with('\u{feff}') {
        format!("\u{feff}{code}")
    } else {
        code
    }
}

fn with_final_newline(code: &str) -> String {
    if code.trim().is_empty() {
        return String::new();
    }
    format!("{}\n", code.trim_end_matches('\n'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> RepoPath {
        RepoPath::parse(text).unwrap()
    }

    #[test]
    fn a_whole_file_keeps_the_style_of_the_one_it_replaces() {
        let file = whole_file(
            path("a.py"),
            Some("\u{feff}x = 1\r\ny = 2".into()),
            "x = 3\ny = 4\n",
        );
        assert_eq!(file.after.as_deref(), Some("\u{feff}x = 3\r\ny = 4"));
        let file = whole_file(path("a.py"), None, "x = 3");
        assert_eq!(file.after.as_deref(), Some("x = 3\n"));
    }

    #[test]
    fn changes_of_one_file_follow_from_each_other() {
        let first = edited_file(path("b.py"), "1".into(), "2".into());
        let second = edited_file(path("b.py"), "2".into(), "3".into());
        let other = edited_file(path("a.py"), "x".into(), "x".into());
        let change = change_set([first.clone(), second, other]).unwrap();
        assert_eq!(change.files.len(), 1);
        assert_eq!(change.files[0].after.as_deref(), Some("3"));
        let stranger = edited_file(path("b.py"), "7".into(), "8".into());
        assert!(change_set([first, stranger]).is_err());
    }
}
