//! Examples of Rust functions: a test module at the end of the changed file, for as long as it runs.

use std::fmt::Write as _;

use tenon_domain::{ChangeSet, CheckKind, RepoPath};
use tenon_syntax::{Language, SourceFile};

use super::tool::{execute, patience};
use super::{Round, Workshop};
use crate::examples::{Example, ExampleKind};
use crate::outputs::TestOutcome;
use crate::project::OutputFormat;
use crate::running::{ExampleResult, ExampleRun};

const MODULE: &str = "tenon_examples";

/// Runs the examples in the work copy. An error says why nothing can be concluded: what does not compile may be the
/// fault of an example, since the code itself was compiled before.
pub(super) async fn run(
    round: &Round<'_>,
    workshop: &mut Workshop,
    path: &RepoPath,
    examples: &[Example],
) -> Result<ExampleRun, String> {
    let mut with_module = round.change.clone();
    let file = with_module.files.iter_mut().find(|file| &file.path == path);
    let code = file.and_then(|file| file.after.as_mut());
    let code = code.ok_or_else(|| format!("`{path}` is not part of the change"))?;
    let module = module(code, examples);
    code.push_str(&module);
    let changed = workshop.tree.set_aside().map_err(|error| error.to_string())?;
    let ran = run_module(round, workshop, &with_module).await;
    workshop.tree.resume(&changed);
    let (run, tests) = ran?;
    let result = |number: usize| {
        let name = format!("{MODULE}::example_{number}");
        let outcome = tests.iter().find(|(id, _)| {
            id.strip_suffix(name.as_str())
                .is_some_and(|head| head.is_empty() || head.ends_with("::"))
        });
        Some(match outcome?.1 {
            TestOutcome::Passed => ExampleResult {
                passed: true,
                ..ExampleResult::default()
            },
            TestOutcome::Failed(said) => ExampleResult {
                detail: Some(said.clone().unwrap_or_else(|| "does not hold".to_owned())),
                ..ExampleResult::default()
            },
            TestOutcome::Skipped => return None,
        })
    };
    let results: Option<Vec<ExampleResult>> = (0..examples.len()).map(result).collect();
    Ok(ExampleRun {
        results: results
            .ok_or("the examples do not compile as they are written, or no target holds the file")?,
        load_error: None,
        unsupported: None,
        duration: run,
    })
}

type Tests = std::collections::BTreeMap<String, TestOutcome>;

async fn run_module(
    round: &Round<'_>,
    workshop: &mut Workshop,
    change: &ChangeSet,
) -> Result<(std::time::Duration, Tests), String> {
    workshop.tree.enter(change).map_err(|error| error.to_string())?;
    let command = [
        "cargo",
        "test",
        "--offline",
        "--workspace",
        "--no-fail-fast",
        "--color=never",
        MODULE,
    ];
    let command = command.map(str::to_owned);
    let patience = patience(round, workshop, &command);
    let format = OutputFormat::CargoTest;
    let ran = execute(
        round.sandbox,
        workshop,
        &command,
        CheckKind::Tests,
        format,
        patience,
    )
    .await?;
    Ok((ran.run.duration, ran.reading.tests))
}

fn module(code: &str, examples: &[Example]) -> String {
    let source = SourceFile::parse(Language::Rust, code).ok();
    let mut module =
        format!("\n\n#[cfg(test)]\n#[allow(unused, clippy::all)]\nmod {MODULE} {{\n    use super::*;\n");
    for (number, example) in examples.iter().enumerate() {
        let ExampleKind::Equation { call, expected } = &example.expression else {
            continue;
        };
        let (call, expected) = wrapped(source.as_ref(), call, expected);
        // Writing to a string does not fail. Both sides are borrowed in one expression, as `assert_eq!` does, so that
        // the type of one says what the literals of the other are.
        let _ = writeln!(
            module,
            "    #[test]\n    fn example_{number}() {{\n        match (&({call}), &({expected})) {{\n            (got, wanted) => assert!(*got == *wanted, \"gives {{got:?}}, expected {{wanted:?}}\"),\n        }}\n    }}"
        );
    }
    module.push_str("}\n");
    module
}

/// People leave out the `Some` and the `Ok` around the value that they mean.
fn wrapped(source: Option<&SourceFile>, call: &str, expected: &str) -> (String, String) {
    let name = call.split('(').next().unwrap_or_default();
    let whole_call = call.ends_with(')') && !call.contains(").");
    let returned = source
        .and_then(|source| source.find(name))
        .and_then(|symbol| symbol.signature.rsplit_once("->"))
        .map(|(_, returned)| returned.trim());
    let begins = |words: &[&str]| words.iter().any(|word| expected.starts_with(word));
    match returned {
        Some(returned) if whole_call && returned.starts_with("Option<") && !begins(&["Some(", "None"]) => {
            (call.to_owned(), format!("Some({expected})"))
        }
        Some(returned) if whole_call && returned.starts_with("Result<") && !begins(&["Ok(", "Err("]) => {
            (format!("({call}).ok()"), format!("Some({expected})"))
        }
        _ => (call.to_owned(), expected.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_that_people_leave_out_is_put_in() {
        let code = "pub fn half(n: u32) -> Option<u32> { None }\npub fn read(s: &str) -> Result<u32, E> { Err(E) }\n";
        let source = SourceFile::parse(Language::Rust, code).ok();
        let check = |call: &str, expected: &str| wrapped(source.as_ref(), call, expected);
        assert_eq!(check("half(4)", "2"), ("half(4)".into(), "Some(2)".into()));
        assert_eq!(check("half(3)", "None"), ("half(3)".into(), "None".into()));
        assert_eq!(
            check("half(4).unwrap()", "2"),
            ("half(4).unwrap()".into(), "2".into())
        );
        assert_eq!(
            check("read(\"4\")", "4"),
            ("(read(\"4\")).ok()".into(), "Some(4)".into())
        );
    }
}
