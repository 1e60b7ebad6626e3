//! What can be done at a place: each action is an intent for the engine.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tenon_domain::{Budget, Intent, Quality, RepoPath, Task};
use tenon_syntax::{Language, SourceFile};

use crate::message::RUN_COMMAND;

// The kinds of the actions: editors sort them by their beginnings, and bind keys to them whole.
const FIX: &str = "quickfix.tenon";
const WRITE: &str = "refactor.rewrite.tenon";
const TEST: &str = "refactor.tenon.tests";
const EXPLAIN: &str = "refactor.tenon.explain";
pub(crate) const KINDS: [&str; 4] = [FIX, WRITE, TEST, EXPLAIN];

/// Whether somebody who wants these kinds alone wants an action.
pub(crate) fn is_wanted(action: &Value, only: Option<&[String]>) -> bool {
    let kind = action.get("kind").and_then(Value::as_str).unwrap_or_default();
    only.is_none_or(|only| {
        only.iter().any(|wanted| {
            let below = kind.strip_prefix(wanted.as_str());
            below.is_some_and(|below| wanted.is_empty() || below.is_empty() || below.starts_with('.'))
        })
    })
}

/// What the command of an action carries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Errand {
    pub task: Task,
    pub text: String,
    pub path: RepoPath,
}

impl Errand {
    pub fn intent(&self) -> Intent {
        let files = match self.task {
            Task::Generate | Task::Fix => vec![self.path.clone()],
            Task::Test | Task::Explain => Vec::new(),
        };
        Intent {
            task: self.task,
            text: self.text.clone(),
            files,
            acceptance: Vec::new(),
            quality: Quality::Standard,
            seed: 0,
            budget: Budget::default(),
        }
    }
}

/// The actions at a byte of a buffer, for these diagnostics.
pub(crate) fn actions(path: &RepoPath, text: &str, offset: usize, diagnostics: &[Value]) -> Vec<Value> {
    let mut actions = Vec::new();
    let action = |title: String, kind: &str, task: Task, text: String| {
        let errand = Errand {
            task,
            text,
            path: path.clone(),
        };
        json!({
            "title": title, "kind": kind,
            "command": { "title": title, "command": RUN_COMMAND, "arguments": [errand] },
        })
    };
    for diagnostic in diagnostics {
        let Some(message) = diagnostic.get("message").and_then(Value::as_str) else {
            continue;
        };
        let line = diagnostic
            .pointer("/range/start/line")
            .and_then(Value::as_u64)
            .unwrap_or(0)
            + 1;
        let wish = format!("fix this in {path}, line {line}: {message}");
        let mut fix = action(
            format!("Tenon: fix “{}”", shortened(message)),
            FIX,
            Task::Generate,
            wish,
        );
        if let Some(fix) = fix.as_object_mut() {
            fix.insert("diagnostics".to_owned(), json!([diagnostic]));
        }
        actions.push(fix);
    }
    let Some(language) = Language::of_path(path) else {
        return actions;
    };
    if let Some(wish) = comment_at(text, offset, language.line_comment()) {
        let title = format!("Tenon: write “{}”", shortened(&wish));
        actions.push(action(title, WRITE, Task::Generate, wish));
    }
    let file = SourceFile::parse(language, text).ok();
    // Behind the end of a line nothing stands any more.
    let written = text
        .get(..offset)
        .map(|before| before.trim_end_matches([' ', '\t']).len());
    let places = [Some(offset), written].into_iter().flatten();
    let symbol = file.as_ref().and_then(|file| {
        places
            .into_iter()
            .find_map(|place| file.innermost_symbol_at(place))
    });
    // A constant explains itself.
    if let Some(symbol) = symbol.filter(|symbol| symbol.kind.is_callable() || symbol.kind.is_container()) {
        let name = symbol.qualified_name.clone();
        if symbol.kind.is_callable() {
            let title = format!("Tenon: write tests for {name}");
            actions.push(action(title, TEST, Task::Test, name.clone()));
        }
        actions.push(action(
            format!("Tenon: explain {name}"),
            EXPLAIN,
            Task::Explain,
            name,
        ));
    }
    actions
}

/// The whole comment that the line belongs to, without its markers.
fn comment_at(text: &str, offset: usize, marker: &str) -> Option<String> {
    let current = text.get(..offset)?.matches('\n').count();
    let lines: Vec<&str> = text.lines().collect();
    let said = |number: usize| {
        lines
            .get(number)
            .and_then(|line| line.trim().strip_prefix(marker))
            .map(str::trim)
    };
    said(current)?;
    let first = (0..=current)
        .rev()
        .take_while(|number| said(*number).is_some())
        .last()?;
    let wish: Vec<&str> = (first..).map_while(said).collect();
    let wish = wish.join(" ");
    // One word is a heading, not a wish.
    (wish.split_whitespace().count() >= 3).then(|| wish.trim().to_owned())
}

fn shortened(text: &str) -> String {
    const MOST: usize = 50;
    let line = text.lines().next().unwrap_or_default();
    match line.chars().count() > MOST {
        true => format!("{}…", line.chars().take(MOST).collect::<String>()),
        false => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn titles(text: &str, diagnostics: &[Value]) -> Vec<String> {
        let offset = text.find('|').unwrap();
        let path = RepoPath::parse("a.py").unwrap();
        let actions = actions(&path, &text.replacen('|', "", 1), offset, diagnostics);
        let title = |action: &Value| action["title"].as_str().unwrap().to_owned();
        actions.iter().map(title).collect()
    }

    #[test]
    fn a_function_can_be_tested_and_explained() {
        let text = "class A:\n    def total(self):\n        return |1\n";
        assert_eq!(
            titles(text, &[]),
            ["Tenon: write tests for A.total", "Tenon: explain A.total"]
        );
        assert_eq!(titles("def f():\n    return   |\n", &[]).len(), 2);
    }

    #[test]
    fn a_comment_is_a_wish_as_a_whole() {
        let text = "x = 1\n# add slugify(title),\n# which joins wo|rds by hyphens\ny = 2\n";
        assert_eq!(
            titles(text, &[]),
            ["Tenon: write “add slugify(title), which joins words by hyphens”"]
        );
        assert!(titles("# he|ading\n", &[]).is_empty());
    }

    #[test]
    fn who_wants_some_kinds_gets_those() {
        let action = json!({ "kind": TEST });
        let only = |kinds: &[&str]| kinds.iter().map(|kind| (*kind).to_owned()).collect::<Vec<_>>();
        assert!(is_wanted(&action, None));
        assert!(is_wanted(&action, Some(&only(&[""]))));
        assert!(is_wanted(&action, Some(&only(&["quickfix", "refactor"]))));
        assert!(is_wanted(&action, Some(&only(&["refactor.tenon.tests"]))));
        assert!(!is_wanted(
            &action,
            Some(&only(&["refactor.tenon.test", "ref", "source"]))
        ));
        assert!(!is_wanted(&action, Some(&[])));
    }

    #[test]
    fn a_diagnostic_can_be_fixed() {
        let diagnostic =
            json!({ "message": "undefined name `re`", "range": { "start": { "line": 0, "character": 0 } } });
        assert_eq!(
            titles("re.sub(|)\n", &[diagnostic]),
            ["Tenon: fix “undefined name `re`”"]
        );
    }
}
