//! The checks that execute nothing.

use std::time::Instant;

use tenon_domain::{ChangeSet, CheckKind, CheckReport, Level, Outcome};
use tenon_syntax::{Language, SourceFile};

use crate::dependencies::{self, Imports, Touched};
use crate::plan::TestEdits;
use crate::project::Project;
use crate::report::{judged, skipped};
use crate::{names, policy, secrets, syntax_check};

/// What the static checks found, with what only the environment can settle.
#[derive(Debug)]
pub(crate) struct Statics {
    pub(crate) reports: Vec<CheckReport>,
    pub(crate) imports: Imports,
    pub(crate) started_dependencies: Instant,
}

/// Runs all checks that execute nothing. Packages that only an environment knows count as not installed.
pub fn static_reports(project: &Project, change: &ChangeSet, test_edits: TestEdits) -> Vec<CheckReport> {
    let statics = run(project, change, test_edits);
    let mut reports = statics.reports;
    let settled = dependencies::settle(project, &statics.imports.undeclared, None);
    let position = reports
        .iter()
        .position(|report| report.kind == CheckKind::Secrets)
        .unwrap_or(reports.len());
    reports.insert(
        position,
        dependencies_report(statics.imports, settled, statics.started_dependencies),
    );
    reports
}

pub(crate) fn run(project: &Project, change: &ChangeSet, test_edits: TestEdits) -> Statics {
    let mut reports = Vec::new();
    let started = Instant::now();
    let policy = policy::findings(project.root(), change, test_edits);
    reports.push(judged("policy", CheckKind::Policy, None, started, policy));

    let started = Instant::now();
    let mut unread = Vec::new();
    let touched: Vec<Touched<'_>> = change
        .files
        .iter()
        .filter_map(|file| parsed(file, &mut unread))
        .collect();
    let findings = touched
        .iter()
        .flat_map(|file| syntax_check::findings(file.change, file.before.as_ref(), &file.after))
        .collect();
    let mut syntax = judged(
        "syntax",
        CheckKind::Syntax,
        Some(Level::Parsed),
        started,
        findings,
    );
    if let Some(reason) = unread.into_iter().next() {
        syntax.outcome = Outcome::Failed;
        syntax.reason = Some(reason);
    } else if touched.is_empty() {
        // Text in no known language proves nothing about code.
        syntax = skipped(
            "syntax",
            CheckKind::Syntax,
            "the change holds no source in a known language",
        );
    }
    let parses = syntax.outcome != Outcome::Failed;
    reports.push(syntax);

    let started = Instant::now();
    if parses {
        let findings = touched
            .iter()
            .flat_map(|file| names::findings(file.change, file.before.as_ref(), &file.after))
            .collect();
        reports.push(judged("names", CheckKind::Names, None, started, findings));
    } else {
        reports.push(skipped(
            "names",
            CheckKind::Names,
            "names are read off the syntax tree, and the change does not parse",
        ));
    }

    let started_dependencies = Instant::now();
    let imports = dependencies::check(project, change, &touched);

    let started = Instant::now();
    let findings = change.files.iter().flat_map(secrets::findings).collect();
    reports.push(judged("secrets", CheckKind::Secrets, None, started, findings));
    Statics {
        reports,
        imports,
        started_dependencies,
    }
}

pub(crate) fn dependencies_report(
    imports: Imports,
    settled: Vec<tenon_domain::Finding>,
    started: Instant,
) -> CheckReport {
    let mut findings = imports.findings;
    findings.extend(settled);
    judged("dependencies", CheckKind::Dependencies, None, started, findings)
}

fn parsed<'change>(
    file: &'change tenon_domain::FileChange,
    unread: &mut Vec<String>,
) -> Option<Touched<'change>> {
    let language = Language::of_path(&file.path)?;
    let text = file.after.as_deref()?;
    let after = match SourceFile::parse(language, text) {
        Ok(after) => after,
        Err(failure) => {
            unread.push(format!("{}: {failure}", file.path));
            return None;
        }
    };
    let before = file
        .before
        .as_deref()
        .and_then(|before| SourceFile::parse(language, before).ok());
    Some(Touched {
        change: file,
        language,
        before,
        after,
    })
}
