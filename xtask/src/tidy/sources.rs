use crate::tidy::Finding;
use crate::tidy::code::{is_name, without_tests, without_words};
use crate::tidy::plan::{ENVIRONMENT_IN, PROCESSES_IN, UNSAFE_IN};

struct Rule {
    words: &'static [&'static str],
    rooms: &'static [&'static str],
    says: &'static str,
    mend: &'static str,
}

const RULES: &[Rule] = &[
    Rule {
        words: &["unsafe"],
        rooms: UNSAFE_IN,
        says: "`unsafe` is used",
        mend: "find a safe way (rustix, std), or do it in `llama`, the one room for foreign code",
    },
    Rule {
        words: &["Command::new", "process::Command"],
        rooms: PROCESSES_IN,
        says: "a process is started",
        mend: "ask `sandbox` to run it; only rooms that are named in xtask/src/tidy/plan.rs start programs of their own",
    },
    Rule {
        words: &[
            "env::var",
            "env::var_os",
            "env::vars",
            "env::vars_os",
            "env::set_var",
            "env::remove_var",
            "env::home_dir",
            "env::temp_dir",
        ],
        rooms: ENVIRONMENT_IN,
        says: "the environment is read",
        mend: "let `config` read it and take the value from its settings",
    },
];

/// What a file of code that ships does only where the plan allows it. Tests are free.
pub(crate) fn check(path: &str, text: &str) -> Vec<Finding> {
    let Some(room) = room_of(path) else {
        return Vec::new();
    };
    let code = without_tests(&without_words(text));
    let mut findings = Vec::new();
    for rule in RULES.iter().filter(|rule| !rule.rooms.contains(&room)) {
        for (index, line) in code.lines().enumerate() {
            let line = line.to_owned() + &spelled_out(line);
            if rule.words.iter().any(|word| holds(&line, word)) {
                let message = format!("{} in `{room}`, which may not", rule.says);
                findings.push(Finding::new(path, index + 1, message, rule.mend));
            }
        }
    }
    findings
}

/// `change` for `crates/verify/change/src/…`; other files do not ship.
fn room_of(path: &str) -> Option<&str> {
    match path.split('/').collect::<Vec<_>>().as_slice() {
        ["crates", _, room, "src" | "build.rs", ..] => Some(room),
        _ => None,
    }
}

fn holds(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(index, _)| {
        let before = line.get(..index).unwrap_or_default();
        let after = line.get(index + word.len()..).unwrap_or_default();
        !before.ends_with(is_name) && !after.starts_with(is_name)
    })
}

/// ` env::args env::var` for `use std::env::{args, var};`.
fn spelled_out(line: &str) -> String {
    let Some((before, group)) = line.split_once("::{") else {
        return String::new();
    };
    let parent = before
        .rsplit(|character| !is_name(character))
        .next()
        .unwrap_or_default();
    let members = group.trim_end_matches(['}', ';', ' ']).split(',');
    members
        .map(|member| format!(" {parent}::{}", member.trim()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENGINE: &str = "crates/execution/engine/src/run.rs";

    fn lines(path: &str, text: &str) -> Vec<usize> {
        check(path, text).iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn what_only_some_rooms_may_do_is_found_in_others() {
        for text in [
            "fn a() { unsafe { b() } }",
            "use std::process::Command;",
            "use tokio::process::{Child, Command};",
            "let child = std::process::Command::new(program);",
            "let home = std::env::var_os(\"HOME\");",
            "let home = env::home_dir();",
            "use std::env::{args, var};",
        ] {
            let findings = check(ENGINE, &format!("\n{text}"));
            assert_eq!(findings.len(), 1, "{text}: {findings:?}");
            assert!(
                findings[0]
                    .to_string()
                    .starts_with("crates/execution/engine/src/run.rs:2: "),
                "{findings:?}"
            );
        }
    }

    #[test]
    fn rooms_that_may_are_silent() {
        assert_eq!(lines("crates/models/llama/src/ffi.rs", "unsafe { b() }"), [0; 0]);
        assert_eq!(
            lines("crates/execution/forge/src/git.rs", "Command::new(\"git\")"),
            [0; 0]
        );
        assert_eq!(
            lines(
                "crates/foundation/config/src/environment.rs",
                "std::env::vars_os()"
            ),
            [0; 0]
        );
    }

    #[test]
    fn words_tests_and_longer_names_are_not_code() {
        let text = "// unsafe\nlet a = \"Command::new\"; let unsafe_code = SubCommand::new(); std::env::current_dir();\n\
                    use std::env::{args, variables}; use std::process::{ExitStatus, Stdio};\n\
                    #[cfg(test)]\nmod tests { fn b() { std::env::var(\"HOME\"); } }";
        assert_eq!(lines(ENGINE, text), [0; 0]);
        assert_eq!(
            lines("crates/execution/engine/tests/run.rs", "std::env::var(\"HOME\")"),
            [0; 0]
        );
    }

    #[test]
    fn code_behind_tests_is_code() {
        assert_eq!(
            lines(
                ENGINE,
                "#[cfg(test)]\nmod tests { mod b {} }\nfn c() { unsafe {} }"
            ),
            [3]
        );
    }
}
