//! Changes as unified diffs in Git's form, accepted by `git apply`.

use std::fmt::Write as _;
use std::time::Duration;

use similar::{DiffOp, DiffTag, TextDiff};
use tenon_domain::{ChangeKind, ChangeSet, FileChange};

const CONTEXT_LINES: usize = 3;

/// Beyond this the diff stays right but may be longer than it need be.
const MAX_TIME: Duration = Duration::from_secs(2);

/// The whole change, file by file.
pub fn unified_diff(change: &ChangeSet) -> String {
    change.files.iter().map(file_diff).collect()
}

/// The change of one file; empty when nothing changes.
pub fn file_diff(file: &FileChange) -> String {
    let kind = file.kind();
    if file.renamed_from.is_none() && file.before == file.after {
        return String::new();
    }
    let old = file.renamed_from.as_ref().unwrap_or(&file.path).as_str();
    let new = file.path.as_str();
    let mut text = format!("diff --git {} {}\n", quoted("a", old), quoted("b", new));
    match kind {
        ChangeKind::Created => text.push_str("new file mode 100644\n"),
        ChangeKind::Deleted => text.push_str("deleted file mode 100644\n"),
        ChangeKind::Renamed => {
            let _ = write!(text, "rename from {}\nrename to {}\n", bare(old), bare(new));
        }
        ChangeKind::Modified => {}
    }
    let before = file.before.as_deref().unwrap_or_default();
    let after = file.after.as_deref().unwrap_or_default();
    if before == after {
        return text;
    }
    let old = if kind == ChangeKind::Created {
        "/dev/null".to_owned()
    } else {
        header("a", old)
    };
    let new = if kind == ChangeKind::Deleted {
        "/dev/null".to_owned()
    } else {
        header("b", new)
    };
    let _ = write!(text, "--- {old}\n+++ {new}\n");
    write_hunks(&mut text, before, after);
    text
}

fn write_hunks(text: &mut String, before: &str, after: &str) {
    // Lines end with `\n` alone, as Git has it; a lone `\r` is part of its line.
    let old: Vec<&str> = before.split_inclusive('\n').collect();
    let new: Vec<&str> = after.split_inclusive('\n').collect();
    let diff = TextDiff::configure().timeout(MAX_TIME).diff_slices(&old, &new);
    for hunk in diff.grouped_ops(CONTEXT_LINES) {
        let (Some(first), Some(last)) = (hunk.first(), hunk.last()) else {
            continue;
        };
        let old_range = first.old_range().start..last.old_range().end;
        let new_range = first.new_range().start..last.new_range().end;
        let _ = writeln!(
            text,
            "@@ -{} +{} @@",
            range(old_range.start, old_range.len()),
            range(new_range.start, new_range.len())
        );
        for operation in &hunk {
            write_operation(text, operation, &old, &new);
        }
    }
}

fn write_operation(text: &mut String, operation: &DiffOp, old: &[&str], new: &[&str]) {
    let (tag, old_range, new_range) = operation.as_tag_tuple();
    let mut write = |sign: char, lines: Option<&[&str]>| {
        for line in lines.unwrap_or_default() {
            text.push(sign);
            text.push_str(line);
            if !line.ends_with('\n') {
                text.push_str("\n\\ No newline at end of file\n");
            }
        }
    };
    if tag == DiffTag::Equal {
        return write(' ', old.get(old_range));
    }
    write('-', old.get(old_range));
    write('+', new.get(new_range));
}

/// Lines count from 1; an empty range names the line before it.
fn range(start: usize, length: usize) -> String {
    match length {
        0 => format!("{start},0"),
        1 => format!("{}", start + 1),
        _ => format!("{},{length}", start + 1),
    }
}

fn header(side: &str, path: &str) -> String {
    let name = quoted(side, path);
    // Git ends a name that holds a space with a tab.
    if path.contains(' ') && !name.starts_with('"') {
        format!("{name}\t")
    } else {
        name
    }
}

fn quoted(side: &str, path: &str) -> String {
    bare(&format!("{side}/{path}"))
}

/// A repository path holds neither control characters nor backslashes: only a quote needs quoting.
fn bare(name: &str) -> String {
    if name.contains('"') {
        format!("\"{}\"", name.replace('"', "\\\""))
    } else {
        name.to_owned()
    }
}
