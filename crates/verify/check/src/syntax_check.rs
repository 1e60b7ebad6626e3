//! Every touched file parses no worse than before.

use tenon_domain::{FileChange, Finding, Severity};
use tenon_syntax::SourceFile;

/// More than these from one file help nobody.
const MOST_FINDINGS: usize = 10;

pub(crate) fn findings(change: &FileChange, before: Option<&SourceFile>, after: &SourceFile) -> Vec<Finding> {
    let allowed = before.map_or(0, SourceFile::error_count);
    let errors = after.errors();
    if errors.is_empty() {
        return Vec::new();
    }
    let worse = errors.len() > allowed;
    errors
        .iter()
        .take(MOST_FINDINGS)
        .map(|error| Finding {
            rule: "syntax/error".to_owned(),
            severity: if worse { Severity::Error } else { Severity::Note },
            path: Some(change.path.clone()),
            line: Some(error.line),
            column: Some(error.column),
            message: error.message.clone(),
            help: (!worse).then(|| "the file did not parse before the change either".to_owned()),
            replacements: Vec::new(),
        })
        .collect()
}
