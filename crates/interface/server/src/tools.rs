//! Tools: how a model is told of them, and how its calls are read out of what it writes.
//!
//! The form is the one that Qwen2.5 and the Hermes models were trained on. Small models also write the bare object, with
//! or without a fence; that is understood when it names a tool that was offered.

use serde_json::{Value, json};
use uuid::Uuid;

/// Something the caller can do for the model.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tool {
    pub name: String,
    pub description: Option<String>,
    /// JSON Schema of the arguments.
    pub parameters: Value,
}

/// The model asks for a tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ToolCall {
    pub id: String,
    pub name: String,
    /// A JSON object, as text.
    pub arguments: String,
}

/// A piece of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Said {
    Text(String),
    Call(ToolCall),
}

const OPEN: &str = "<tool_call>";
const CLOSE: &str = "</tool_call>";
const FENCE: &str = "```";

/// What stands in the system message.
pub(crate) fn instructions(tools: &[Tool]) -> String {
    let signatures: Vec<String> = tools
        .iter()
        .map(|tool| {
            let function = json!({
                "name": tool.name, "description": tool.description, "parameters": tool.parameters,
            });
            json!({ "type": "function", "function": function }).to_string()
        })
        .collect();
    format!(
        "# Tools\n\nYou may call one or more functions to assist with the user query.\n\nYou are provided with function \
         signatures within <tools></tools> XML tags:\n<tools>\n{}\n</tools>\n\nFor each function call, return a json \
         object with function name and arguments within <tool_call></tool_call> XML tags:\n<tool_call>\n{{\"name\": \
         <function-name>, \"arguments\": <args-json-object>}}\n</tool_call>",
        signatures.join("\n")
    )
}

/// A call as the model wrote it.
pub(crate) fn written_call(name: &str, arguments: &str) -> String {
    let arguments = serde_json::from_str::<Value>(arguments).unwrap_or_else(|_| json!(arguments));
    format!(
        "{OPEN}\n{}\n{CLOSE}",
        json!({ "name": name, "arguments": arguments })
    )
}

/// A tool's result as the model reads it.
pub(crate) fn written_result(text: &str) -> String {
    format!("<tool_response>\n{text}\n</tool_response>")
}

/// Reads calls out of one answer while it is written.
#[derive(Debug, Default)]
pub(crate) struct CallReader {
    /// Names of what was offered. Without any, everything is text.
    offered: Vec<String>,
    pending: String,
    is_inside: bool,
    /// Nothing but space has come so far.
    has_begun: bool,
    has_called: bool,
}

impl CallReader {
    pub fn new(tools: &[Tool]) -> Self {
        Self {
            offered: tools.iter().map(|tool| tool.name.clone()).collect(),
            ..Self::default()
        }
    }

    /// Whether a call was read.
    pub fn has_called(&self) -> bool {
        self.has_called
    }

    /// What is sure after `text`.
    pub fn push(&mut self, text: &str) -> Vec<Said> {
        if self.offered.is_empty() {
            return vec![Said::Text(text.to_owned())];
        }
        self.pending.push_str(text);
        let mut said = Vec::new();
        loop {
            let marker = if self.is_inside { CLOSE } else { OPEN };
            if let Some((before, after)) = self.pending.split_once(marker) {
                let (before, after) = (before.to_owned(), after.to_owned());
                match self.is_inside {
                    true => self.end_call(&before, &mut said),
                    false => self.say(before, &mut said),
                }
                self.is_inside = !self.is_inside;
                self.has_begun = true;
                self.pending = after;
                continue;
            }
            if !self.is_inside && !self.may_be_bare() {
                let sure = self.pending.len() - held_back(&self.pending);
                let rest = self.pending.split_off(sure);
                let sure = std::mem::replace(&mut self.pending, rest);
                self.say(sure, &mut said);
            }
            return said;
        }
    }

    /// What is left at the end.
    pub fn finish(&mut self) -> Vec<Said> {
        let rest = std::mem::take(&mut self.pending);
        let mut said = Vec::new();
        if self.is_inside {
            self.end_call(&rest, &mut said);
        } else if let Some(call) = self.call(unfenced(&rest)).filter(|_| !self.has_begun) {
            self.has_called = true;
            said.push(Said::Call(call));
        } else {
            self.say(rest, &mut said);
        }
        said
    }

    /// Whether the answer so far may become a bare object.
    fn may_be_bare(&self) -> bool {
        let begun = self.pending.trim_start();
        !self.has_begun && (begun.is_empty() || begun.starts_with('{') || FENCE.starts_with(head(begun)))
    }

    fn say(&mut self, text: String, said: &mut Vec<Said>) {
        let is_space = text.trim().is_empty();
        // Between calls and before the first there is nothing to say.
        if text.is_empty() || (is_space && (self.has_called || !self.has_begun)) {
            return;
        }
        self.has_begun = true;
        said.push(Said::Text(text));
    }

    fn end_call(&mut self, body: &str, said: &mut Vec<Said>) {
        match self.call(body) {
            Some(call) => {
                self.has_called = true;
                said.push(Said::Call(call));
            }
            // What cannot be read is not hidden.
            None => said.push(Said::Text(format!("{OPEN}{body}"))),
        }
    }

    fn call(&self, text: &str) -> Option<ToolCall> {
        let value: Value = serde_json::from_str(text.trim()).ok()?;
        let name = value.get("name")?.as_str()?;
        let arguments = value.get("arguments").or_else(|| value.get("parameters"));
        let arguments = match arguments {
            None => json!({}),
            Some(Value::String(text)) => serde_json::from_str(text).ok()?,
            Some(arguments) => arguments.clone(),
        };
        let is_offered = self.offered.iter().any(|offered| offered == name);
        (is_offered && arguments.is_object()).then(|| ToolCall {
            id: format!("call_{}", Uuid::now_v7().simple()),
            name: name.to_owned(),
            arguments: arguments.to_string(),
        })
    }
}

/// The first characters, as many as a fence has.
fn head(text: &str) -> &str {
    let end = text
        .char_indices()
        .nth(FENCE.len())
        .map_or(text.len(), |(end, _)| end);
    text.get(..end).unwrap_or(text)
}

/// How many bytes at the end may be the beginning of a call.
fn held_back(text: &str) -> usize {
    (1..OPEN.len())
        .rev()
        .find(|length| OPEN.get(..*length).is_some_and(|begun| text.ends_with(begun)))
        .unwrap_or(0)
}

fn unfenced(text: &str) -> &str {
    let text = text.trim();
    let Some(inside) = text.strip_prefix(FENCE) else {
        return text;
    };
    let inside = inside.split_once('\n').map_or(inside, |(_, inside)| inside);
    inside.trim_end().strip_suffix(FENCE).unwrap_or(inside)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tool() -> Tool {
        Tool {
            name: "weather".to_owned(),
            description: None,
            parameters: json!({ "type": "object" }),
        }
    }

    /// What is read of `text` when it comes in pieces of `size` characters.
    fn read(text: &str, size: usize) -> (String, Vec<(String, String)>) {
        let mut reader = CallReader::new(&[tool()]);
        let characters: Vec<char> = text.chars().collect();
        let mut said = Vec::new();
        for piece in characters.chunks(size) {
            said.extend(reader.push(&piece.iter().collect::<String>()));
        }
        said.extend(reader.finish());
        let mut written = String::new();
        let mut calls = Vec::new();
        for said in said {
            match said {
                Said::Text(text) => written.push_str(&text),
                Said::Call(call) => calls.push((call.name, call.arguments)),
            }
        }
        (written, calls)
    }

    #[test]
    fn calls_are_read_in_any_pieces() {
        let paris = ("weather".to_owned(), r#"{"city":"Paris"}"#.to_owned());
        let one = "<tool_call>\n{\"name\": \"weather\", \"arguments\": {\"city\": \"Paris\"}}\n</tool_call>";
        for size in [1, 2, 3, 7, 1000] {
            assert_eq!(read(one, size), (String::new(), vec![paris.clone()]));
            assert_eq!(
                read(&format!("Let me see.\n{one}\n{one}"), size),
                ("Let me see.\n".to_owned(), vec![paris.clone(), paris.clone()])
            );
            let fenced = "```json\n{\"name\": \"weather\", \"arguments\": {\"city\": \"Paris\"}}\n```\n";
            assert_eq!(read(fenced, size), (String::new(), vec![paris.clone()]));
            let cut = one.strip_suffix("</tool_call>").unwrap();
            assert_eq!(read(cut, size), (String::new(), vec![paris.clone()]));
        }
    }

    #[test]
    fn what_is_no_call_is_text() {
        for text in [
            "a < b <tool",
            "```python\nprint(1)\n```",
            "{\"name\": \"other\", \"arguments\": {}}",
            "<tool_call>\nnot json",
            "`x` is 1",
        ] {
            for size in [1, 4, 1000] {
                assert_eq!(read(text, size), (text.to_owned(), Vec::new()), "{text}");
            }
        }
    }

    #[test]
    fn without_tools_nothing_is_held_back() {
        let mut reader = CallReader::new(&[]);
        assert_eq!(reader.push("<tool_call>"), [Said::Text("<tool_call>".to_owned())]);
    }
}
