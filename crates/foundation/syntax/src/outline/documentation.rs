use super::leading::Leading;
use crate::{Language, SourceFile};

/// The doc comment among the comments that lead up to an item.
pub(super) fn of_comments(file: &SourceFile, leading: &Leading<'_>) -> Option<String> {
    let comments: Vec<&str> = leading
        .comments()
        .map(|span| file.slice(span).trim_end())
        .collect();
    let lines: Vec<String> = match file.language() {
        // Python documents inside the body.
        Language::Python => return None,
        Language::Go => comments.iter().flat_map(|text| plain(text, "//")).collect(),
        Language::Rust => comments
            .iter()
            .filter(|text| text.starts_with("///") || is_doc_block(text))
            .flat_map(|text| plain(text, "///"))
            .collect(),
        Language::Java | Language::JavaScript | Language::TypeScript | Language::Tsx => {
            let last = comments.iter().rev().find(|text| is_doc_block(text))?;
            plain(last, "//")
        }
    };
    let text = lines.join("\n").trim().to_owned();
    (!text.is_empty()).then_some(text)
}

fn is_doc_block(text: &str) -> bool {
    text.starts_with("/**") && !text.starts_with("/***") && text.len() > 4
}

fn plain(comment: &str, marker: &str) -> Vec<String> {
    if let Some(rest) = comment.strip_prefix(marker) {
        return vec![rest.strip_prefix(' ').unwrap_or(rest).to_owned()];
    }
    let Some(inner) = comment.strip_prefix("/*") else {
        return vec![comment.to_owned()];
    };
    let inner = inner.trim_start_matches('*');
    let inner = inner.strip_suffix("*/").unwrap_or(inner);
    inner
        .lines()
        .map(|line| {
            let line = line.trim();
            let line = line.strip_prefix('*').unwrap_or(line);
            line.strip_prefix(' ').unwrap_or(line).trim_end().to_owned()
        })
        .collect()
}

/// The text of a Python string literal, dedented, without quotes and prefix.
pub(super) fn of_docstring(literal: &str) -> Option<String> {
    let body = literal.trim_start_matches(|character: char| character.is_ascii_alphabetic());
    let quote = ["\"\"\"", "'''", "\"", "'"]
        .into_iter()
        .find(|quote| body.starts_with(quote))?;
    let body = body.strip_prefix(quote)?;
    let body = body.strip_suffix(quote).unwrap_or(body);
    let margin = body
        .lines()
        .skip(1)
        .filter(|line| !line.trim().is_empty())
        .map(|line| line.len() - line.trim_start().len())
        .min()
        .unwrap_or(0);
    let lines: Vec<&str> = body
        .lines()
        .enumerate()
        .map(|(index, line)| match index {
            0 => line.trim(),
            _ => line.get(margin..).unwrap_or_default().trim_end(),
        })
        .collect();
    let text = lines.join("\n").trim().to_owned();
    (!text.is_empty()).then_some(text)
}
