//! Bodies: what stands between the front matter and a prompt's text.

use std::collections::{BTreeMap, BTreeSet};

use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, UndefinedBehavior, Value};
use serde::Serialize;

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MessageRole {
    /// The operator.
    System,
    /// The person, and everything read from the repository.
    User,
    /// The model.
    Assistant,
}

/// One message before anything is filled in.
#[derive(Debug, Clone)]
pub(crate) struct MessageBody {
    pub(crate) role: MessageRole,
    pub(crate) text: String,
    /// The 1-based line of the file where the text begins.
    pub(crate) line: usize,
}

/// Splits a body that begins at `first_line` into messages.
///
/// # Errors
/// The line and what is wrong with it.
pub(crate) fn split_messages(body: &str, first_line: usize) -> Result<Vec<MessageBody>, (usize, String)> {
    let mut messages: Vec<MessageBody> = Vec::new();
    for (line, number) in body.lines().zip(first_line..) {
        let role = match line.trim() {
            "--- system ---" => Some(MessageRole::System),
            "--- user ---" => Some(MessageRole::User),
            "--- assistant ---" => Some(MessageRole::Assistant),
            _ => None,
        };
        match (role, messages.last_mut()) {
            (Some(role), _) => messages.push(MessageBody {
                role,
                text: String::new(),
                line: number + 1,
            }),
            (None, Some(message)) => {
                message.text.push_str(line);
                message.text.push('\n');
            }
            (None, None) if line.trim().is_empty() => {}
            (None, None) => return Err((number, "text before the first `--- user ---` line".to_owned())),
        }
    }
    if messages.is_empty() {
        let reason = "the body holds no message: begin one with a line `--- user ---`";
        return Err((first_line, reason.to_owned()));
    }
    Ok(messages)
}

/// Checks that a body compiles and asks only for declared variables.
///
/// # Errors
/// The line within `text`, from 1, and what is wrong with it.
pub(crate) fn check(text: &str, declared: &BTreeSet<&str>) -> Result<(), (usize, String)> {
    let environment = environment();
    let template = environment
        .template_from_str(text)
        .map_err(|error| (error.line().unwrap_or(1), error.to_string()))?;
    let mut unknown: Vec<String> = template.undeclared_variables(false).into_iter().collect();
    unknown.retain(|name| {
        !declared.contains(name.as_str()) && environment.globals().all(|(global, _)| global != name)
    });
    unknown.sort();
    match unknown.first() {
        Some(name) => {
            let line = text
                .lines()
                .position(|line| line.contains(name.as_str()))
                .unwrap_or(0)
                + 1;
            let reason = format!(
                "the body asks for `{name}`, which is not declared: add a table `[variables.{name}]`"
            );
            Err((line, reason))
        }
        None => Ok(()),
    }
}

/// Fills a body.
///
/// # Errors
/// The line within `text`, from 1, and what is wrong with it.
pub(crate) fn fill(text: &str, values: &BTreeMap<&str, Value>) -> Result<String, (usize, String)> {
    environment()
        .render_str(text, values)
        .map_err(|error| (error.line().unwrap_or(1), error.to_string()))
}

/// The tokens of the fixed text, rounded up: prose has more than three bytes a token in every vocabulary we know, and
/// each message comes with the markup of a chat.
pub(crate) fn fixed_tokens(text: &str) -> u32 {
    const MARKUP_TOKENS: usize = 8;
    let mut fixed = 0;
    let mut rest = text;
    while let Some(open) = rest.find("{%").into_iter().chain(rest.find("{{")).min() {
        fixed += open;
        let tag = rest.get(open..).unwrap_or_default();
        let close = tag.find("%}").into_iter().chain(tag.find("}}")).min();
        rest = close.and_then(|close| tag.get(close + 2..)).unwrap_or_default();
    }
    fixed += rest.len();
    u32::try_from(fixed.div_ceil(3) + MARKUP_TOKENS).unwrap_or(u32::MAX)
}

/// Instructions a body may execute: enough for any honest template, too few to hang.
const FUEL: u64 = 200_000;

/// The environment of every body: strict about undefined names, bounded, without access to files, and with a filter
/// that fences code so that no run of backquotes inside can close the fence.
fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    environment.set_syntax(syntax());
    environment.add_filter("fenced", |text: String, language: Option<String>| {
        let fence = "`".repeat(longest_backquotes(&text).max(2) + 1);
        format!(
            "{fence}{}\n{}\n{fence}",
            language.unwrap_or_default(),
            text.trim_end_matches('\n')
        )
    });
    environment
}

fn longest_backquotes(text: &str) -> usize {
    text.split(|character| character != '`')
        .map(str::len)
        .max()
        .unwrap_or(0)
}

/// Tags stand on lines of their own without leaving blank lines behind.
fn syntax() -> SyntaxConfig {
    SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .keep_trailing_newline(true)
        .build()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_text_between_tags_is_counted() {
        let text = "{% if a %}\nabc {{ b }}def\n{% endif %}";
        assert_eq!(fixed_tokens(text), "\nabc def\n".len().div_ceil(3) as u32 + 8);
        assert_eq!(fixed_tokens("{{ open"), 8);
    }

    #[test]
    fn a_body_that_never_ends_is_stopped() {
        let text = "{% for a in range(9999) %}{% for b in range(9999) %}{{ a * b }}{% endfor %}{% endfor %}";
        let (line, reason) = fill(text, &BTreeMap::new()).unwrap_err();
        assert_eq!(line, 1);
        assert!(reason.contains("fuel"), "{reason}");
    }

    #[test]
    fn a_body_reads_no_files() {
        for text in [
            "{% include '/etc/hostname' %}",
            "{% import 'x' as y %}{{ y.z }}",
            "{% extends 'x' %}",
        ] {
            assert!(fill(text, &BTreeMap::new()).is_err(), "{text}");
        }
    }
}
