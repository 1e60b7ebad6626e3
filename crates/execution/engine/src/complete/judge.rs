//! Whether the buffer is at least as good with a suggestion as without it.

use tenon_check::{Project, TestEdits, static_reports};
use tenon_domain::{ChangeSet, CheckKind, FileChange, Finding, Outcome, Severity};
use tenon_syntax::{Language, SourceFile};

use super::completion::{CompletionRequest, Silence};
use super::place::{Place, indentation};

/// Checks the buffer with `text` at the cursor, by everything that executes nothing.
pub(super) fn judge(
    project: &Project,
    request: &CompletionRequest,
    place: &Place<'_>,
    text: &str,
) -> Result<(), Silence> {
    if place
        .language
        .is_some_and(|language| parses_worse(place, text, language))
    {
        return Err(Silence::ParseWorse);
    }
    let change = ChangeSet {
        files: vec![FileChange {
            path: request.path.clone(),
            renamed_from: None,
            before: Some(format!("{}{}", place.before, place.after)),
            after: Some(format!("{}{text}{}", place.before, place.after)),
        }],
    };
    let first = 1 + place.before.matches('\n').count();
    let last = first + text.matches('\n').count();
    let within = |finding: &&Finding| {
        let line = finding.line.map(|line| line as usize);
        finding.severity == Severity::Error && line.is_none_or(|line| (first..=last).contains(&line))
    };
    for report in static_reports(project, &change, TestEdits::Allowed) {
        let is_beyond =
            request.is_excerpt && matches!(report.kind, CheckKind::Names | CheckKind::Dependencies);
        if report.outcome != Outcome::Failed || report.kind == CheckKind::Syntax || is_beyond {
            continue;
        }
        // A buffer that did not parse had no names to compare with: only what was written now counts.
        let Some(finding) = report.findings.iter().find(within) else {
            continue;
        };
        let said = finding.message.clone();
        return Err(match report.kind {
            CheckKind::Names | CheckKind::Dependencies => Silence::UnknownName { said },
            _ => Silence::Policy { said },
        });
    }
    Ok(())
}

/// Whether the buffer has more syntax errors with `text` than without the line that is being typed: a line half done
/// is an error of its own, which a suggestion is there to mend.
fn parses_worse(place: &Place<'_>, text: &str, language: Language) -> bool {
    let errors = |parts: [&str; 3]| {
        let file = SourceFile::parse(language, parts.concat());
        file.map_or(usize::MAX, |file| file.error_count())
    };
    let with = errors([place.before, text, place.after]);
    match with {
        0 => return false,
        // What is too large to be read cannot be vouched for.
        usize::MAX => return true,
        _ => {}
    }
    let above = place.before.len() - place.line_before().len();
    let above = place.before.get(..above).unwrap_or_default();
    let below = place.after.get(place.line_after().len()..).unwrap_or_default();
    let mut allowed = errors([place.before, "", place.after]).min(errors([above, "", below]));
    if language == Language::Python {
        // A body must not be empty.
        let statement = format!("{}pass", indentation(place.line_before()));
        allowed = allowed.min(errors([above, &statement, below]));
    }
    with > allowed
}
