//! Makes a failing command pass: read its output, suspect the code it reached, rewrite or vary one suspect at a time.

use tenon_change::mutants;
use tenon_check::{CheckPlan, ProjectChecks};
use tenon_context::Index;
use tenon_domain::{
    Attempt, AttemptOutcome, ChangeSet, Digest, FileChange, ModelReference, RepoPath, SamplingRecord,
    TemplateReference,
};
use tenon_syntax::{Language, SourceFile};

use crate::assignment::Assignment;
use crate::candidates::Candidate;
use crate::error::EngineError;
use crate::failure_output::FailureOutput;
use crate::locate::is_test_path;
use crate::observer::Event;
use crate::run::{Ended, Run};

/// Suspects that are worked on.
const MOST_SUSPECTS: usize = 4;
/// Variations of one suspect that are tried.
const MOST_MUTANTS: usize = 60;

/// A symbol that may hold the bug.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Suspect {
    /// The file.
    pub path: RepoPath,
    /// The qualified name.
    pub symbol: String,
}

/// The symbols that a failure reached, likeliest first: those in the trace, innermost first; those that the failing
/// tests call; those whose words the output repeats.
pub(crate) fn suspects(
    output: &FailureOutput,
    hint: &str,
    files: &[RepoPath],
    index: &Index,
) -> Vec<Suspect> {
    let mut found: Vec<Suspect> = Vec::new();
    let mut add = |suspect: Suspect| {
        let allowed = files.is_empty() || files.contains(&suspect.path);
        if allowed && !is_test_path(&suspect.path) && !found.contains(&suspect) {
            found.push(suspect);
        }
    };
    for place in &output.places {
        if let Some(symbol) = symbol_at_line(&place.path, place.line, index) {
            add(Suspect {
                path: place.path.clone(),
                symbol,
            });
        }
    }
    for suspect in called_from_failing(output, index) {
        add(suspect);
    }
    for ranked in index.rank_symbols(&format!("{hint}\n{}", output.essence), 8) {
        add(Suspect {
            path: ranked.path,
            symbol: ranked.qualified_name,
        });
    }
    found.retain(|suspect| is_callable(suspect, index));
    found.truncate(MOST_SUSPECTS);
    found
}

/// What the failing tests reach: first what most of them do, since one bug fails all tests that pass through it.
fn called_from_failing(output: &FailureOutput, index: &Index) -> Vec<Suspect> {
    let mut reached: Vec<(Suspect, usize)> = Vec::new();
    let places = output
        .places
        .iter()
        .filter(|place| is_test_path(&place.path) || holds_tests(&place.path, index));
    for place in places {
        for suspect in called_from(&place.path, place.line, index) {
            match reached.iter_mut().find(|(known, _)| *known == suspect) {
                Some((_, count)) => *count += 1,
                None => reached.push((suspect, 1)),
            }
        }
    }
    reached.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    reached.into_iter().map(|(suspect, _)| suspect).collect()
}

fn parse(path: &RepoPath, index: &Index) -> Option<SourceFile> {
    SourceFile::parse(Language::of_path(path)?, index.file_text(path)?.to_string()).ok()
}

fn is_callable(suspect: &Suspect, index: &Index) -> bool {
    parse(&suspect.path, index).is_some_and(|file| {
        file.find(&suspect.symbol)
            .is_some_and(|symbol| symbol.kind.is_callable())
    })
}

/// Rust keeps its tests beside the code.
fn holds_tests(path: &RepoPath, index: &Index) -> bool {
    index.file_text(path).is_some_and(|text| text.contains("#[test]"))
}

fn symbol_at_line(path: &RepoPath, line: u32, index: &Index) -> Option<String> {
    let file = parse(path, index)?;
    let symbol = innermost_on_line(&file, line)?;
    let is_test = symbol.name.starts_with("test") || symbol.qualified_name.starts_with("tests");
    (symbol.kind.is_callable() && !is_test).then(|| symbol.qualified_name.clone())
}

fn innermost_on_line(file: &SourceFile, line: u32) -> Option<&tenon_syntax::Symbol> {
    file.symbols()
        .iter()
        .filter(|symbol| symbol.line <= line && line <= symbol.end_line)
        .min_by_key(|symbol| symbol.end_line - symbol.line)
}

/// The bytes of the test around a line: a function, or where tests have no names of their own, as in
/// `test("...", () => ...)`, the statement.
fn test_on_line(file: &SourceFile, line: u32) -> Option<(usize, usize)> {
    if let Some(symbol) = innermost_on_line(file, line) {
        return Some((symbol.span.start, symbol.span.end));
    }
    let row = usize::try_from(line.checked_sub(1)?).ok()?;
    let root = file.tree().root_node();
    let mut cursor = root.walk();
    let statement = root
        .named_children(&mut cursor)
        .find(|node| node.start_position().row <= row && row <= node.end_position().row)?;
    Some((statement.start_byte(), statement.end_byte()))
}

/// Symbols of the repository that the code around a line of a test uses, and those that they use in turn.
fn called_from(path: &RepoPath, line: u32, index: &Index) -> Vec<Suspect> {
    let Some(file) = parse(path, index) else {
        return Vec::new();
    };
    let Some((start, end)) = test_on_line(&file, line) else {
        return Vec::new();
    };
    let direct = used_in(&file, start, end, index);
    let mut all = direct.clone();
    for suspect in direct {
        let Some(file) = parse(&suspect.path, index) else {
            continue;
        };
        let Some(symbol) = file.find(&suspect.symbol) else {
            continue;
        };
        for next in used_in(&file, symbol.span.start, symbol.span.end, index) {
            if !all.contains(&next) {
                all.push(next);
            }
        }
    }
    all
}

fn used_in(file: &SourceFile, start: usize, end: usize, index: &Index) -> Vec<Suspect> {
    let mut found = Vec::new();
    for reference in file.references() {
        if reference.span.start < start || reference.span.end > end {
            continue;
        }
        let definitions = index.definitions_of(reference.name);
        if definitions.len() > 3 {
            continue;
        }
        for definition in definitions {
            let suspect = Suspect {
                path: definition.path,
                symbol: definition.qualified_name,
            };
            if !found.contains(&suspect) && !is_test_path(&suspect.path) {
                found.push(suspect);
            }
        }
    }
    found
}

/// Which variations are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slips {
    /// What people often write by mistake.
    Likely,
    /// The others, which more often suit a test by accident.
    Unlikely,
}

/// Tries the variations of a suspect, without a model.
pub(crate) async fn try_mutants(
    run: &mut Run<'_>,
    assignment: &Assignment<'_>,
    suspect: &Suspect,
    slips: Slips,
) -> Result<Ended, EngineError> {
    let Some(file) = parse(&suspect.path, assignment.index) else {
        return Ok(Ended::Exhausted);
    };
    let Some(symbol) = file.find(&suspect.symbol) else {
        return Ok(Ended::Exhausted);
    };
    let original = file.text().to_owned();
    let mut variations = mutants(&file, symbol.span.range(), MOST_MUTANTS);
    variations.retain(|variation| variation.is_likely() == (slips == Slips::Likely));
    if variations.is_empty() {
        return Ok(Ended::Exhausted);
    }
    run.patience.observer.observe(Event::Working {
        what: format!(
            "trying {} small variations of {}",
            variations.len(),
            suspect.symbol
        ),
    });
    // Most variations fail at the command that fails now; only the others are worth the whole evidence.
    let quick = CheckPlan {
        project_checks: ProjectChecks::None,
        examples: Vec::new(),
        ..assignment.checks.clone()
    };
    for variation in variations {
        if run.patience.left().is_zero() {
            return Ok(Ended::OutOfTime);
        }
        let change = ChangeSet {
            files: vec![FileChange {
                path: suspect.path.clone(),
                renamed_from: None,
                before: Some(original.clone()),
                after: Some(variation.apply(&original)),
            }],
        };
        let number = run.candidates.attempts.len();
        if run
            .candidates
            .already_seen(assignment.fingerprint(&change), number, 0)
            .is_some()
        {
            continue;
        }
        if !run.check(&change, &quick, number).await?.holds() {
            continue;
        }
        let evidence = run.check(&change, &assignment.checks, number).await?;
        if !evidence.holds() {
            continue;
        }
        let outcome = AttemptOutcome::Passed {
            level: evidence.level(),
        };
        run.patience.observer.observe(Event::Passed {
            attempt: number + 1,
            level: evidence.level(),
        });
        run.candidates
            .attempts
            .push(mutation_attempt(&variation.description, outcome));
        run.candidates.file(Candidate {
            attempt: number,
            change,
            evidence,
            model: 0,
            mean_logprob: None,
            behaviour: None,
            voices: 1,
        });
        return Ok(Ended::Enough);
    }
    Ok(Ended::Exhausted)
}

/// A variation has no model behind it; its provenance says so.
fn mutation_attempt(description: &str, outcome: AttemptOutcome) -> Attempt {
    Attempt {
        template: TemplateReference {
            name: "none".to_owned(),
            version: "1".to_owned(),
            digest: Digest::of(""),
        },
        model: ModelReference {
            name: "none (small variation of the code)".to_owned(),
            digest: None,
            price: None,
        },
        sampling: SamplingRecord {
            temperature: 0.0,
            top_p: 1.0,
            seed: 0,
            max_tokens: 0,
            index: 0,
            together: 0,
            stop: Vec::new(),
        },
        prompt_digest: Digest::of(""),
        prompt: String::new(),
        text: description.to_owned(),
        tokens: Vec::new(),
        prompt_tokens: None,
        completion_tokens: None,
        outcome,
        duration_ms: 0,
    }
}
