//! Suggestions as the two kinds of items that editors know.

use gen_lsp_types::{
    Command, CompletionItem, CompletionItemKind, CompletionList, Documentation, InlineCompletionItem,
    InlineCompletionList, InsertText, Position, Range, TextEdit,
};
use serde_json::{Value, json};

use crate::document::{Encoding, position};
use crate::message::TAKEN_COMMAND;

/// How a client wants suggestions.
#[derive(Debug, Clone)]
pub(crate) enum Shape {
    /// As ghost text; `selected` is what its list has highlighted, with the range that it replaces.
    Inline { selected: Option<(Range, String)> },
    /// As an item of the completion list.
    Listed,
}

/// The result of the request.
pub(crate) fn result(
    shape: &Shape,
    id: &str,
    suggestions: &[String],
    text: &str,
    cursor: usize,
    encoding: Encoding,
) -> Value {
    let taken = |index: usize| Command {
        title: "taken".to_owned(),
        command: TAKEN_COMMAND.to_owned(),
        arguments: Some(vec![json!(id), json!(index)]),
        tooltip: None,
    };
    let at = position(text, cursor, encoding);
    match shape {
        Shape::Inline { selected } => {
            let (range, beginning) = match selected {
                Some((range, beginning)) => (*range, beginning.as_str()),
                None => (Range { start: at, end: at }, ""),
            };
            let items = suggestions
                .iter()
                .enumerate()
                .map(|(index, suggestion)| InlineCompletionItem {
                    insert_text: InsertText::String(format!("{beginning}{suggestion}")),
                    filter_text: None,
                    range: Some(range),
                    command: Some(taken(index)),
                });
            json!(InlineCompletionList {
                items: items.collect()
            })
        }
        Shape::Listed => {
            let half_typed = half_typed(text.get(..cursor).unwrap_or_default());
            let start = Position {
                character: position(text, cursor - half_typed.len(), encoding).character,
                ..at
            };
            let items = suggestions.iter().enumerate().map(|(index, suggestion)| {
                let whole = format!("{half_typed}{suggestion}");
                let first = whole.lines().next().unwrap_or_default().trim();
                CompletionItem {
                    label: match whole.trim().contains('\n') {
                        true => format!("{first} …"),
                        false => first.to_owned(),
                    },
                    kind: Some(CompletionItemKind::Text),
                    detail: Some("Tenon".to_owned()),
                    documentation: Some(Documentation::String(whole.clone())),
                    filter_text: Some(whole.clone()),
                    // Behind what the language's own server knows.
                    sort_text: Some(format!("~{index}")),
                    text_edit: Some(
                        TextEdit {
                            range: Range { start, end: at },
                            new_text: whole,
                        }
                        .into(),
                    ),
                    command: Some(taken(index)),
                    ..CompletionItem::default()
                }
            });
            json!(CompletionList {
                // What is typed next may change everything.
                is_incomplete: true,
                item_defaults: None,
                apply_kind: None,
                items: items.collect(),
            })
        }
    }
}

pub(crate) fn half_typed(before: &str) -> &str {
    let is_word = |character: char| character.is_alphanumeric() || character == '_';
    let start = before.trim_end_matches(is_word).len();
    before.get(start..).unwrap_or_default()
}
