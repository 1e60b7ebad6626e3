use serde_json::{Map, Value, json};
use tenon_runtime::{Constraint, ModelError};

use super::{grammar, refused};
use crate::dialect::ConstraintDialect;

/// How the constrained text lies in the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unwrap {
    /// The answer is the text.
    No,
    /// The answer is a JSON object whose `choice` is the text.
    Choice,
}

/// The fields that make an upstream honour `constraint`.
pub(super) fn convert(
    constraint: Option<&Constraint>,
    dialect: ConstraintDialect,
) -> Result<(Map<String, Value>, Unwrap), ModelError> {
    let Some(constraint) = constraint else {
        return Ok((Map::new(), Unwrap::No));
    };
    let field = |name: &str, value: Value| Ok((Map::from_iter([(name.to_owned(), value)]), Unwrap::No));
    match (dialect, constraint) {
        (ConstraintDialect::None, _) => Err(refused(
            "the upstream cannot constrain what it writes: set its kind, or use another model",
        )),
        (ConstraintDialect::Gbnf, Constraint::JsonSchema { schema }) => field("json_schema", schema.clone()),
        (ConstraintDialect::Gbnf, Constraint::Choice { options }) => {
            field("grammar", json!(grammar::of_choice(options)))
        }
        (ConstraintDialect::Gbnf, Constraint::Regex { pattern }) => {
            field("grammar", json!(grammar::of_regex(pattern)?))
        }
        (ConstraintDialect::StructuredOutputs, constraint) => {
            let (name, value) = name_and_value(constraint);
            field("structured_outputs", json!({ name: value }))
        }
        (ConstraintDialect::Guided, constraint) => {
            let (name, value) = name_and_value(constraint);
            field(&format!("guided_{name}"), value)
        }
        (ConstraintDialect::ResponseFormat, Constraint::JsonSchema { schema }) => {
            field("response_format", response_format(schema))
        }
        (ConstraintDialect::ResponseFormat, Constraint::Choice { options }) => {
            let schema = json!({
                "type": "object",
                "properties": { "choice": { "type": "string", "enum": options } },
                "required": ["choice"],
                "additionalProperties": false,
            });
            let fields = Map::from_iter([("response_format".to_owned(), response_format(&schema))]);
            Ok((fields, Unwrap::Choice))
        }
        (ConstraintDialect::ResponseFormat, Constraint::Regex { .. }) => Err(refused(
            "the upstream knows JSON Schema and no regular expressions: use another model",
        )),
        (ConstraintDialect::Gbnf | ConstraintDialect::ResponseFormat, Constraint::Lark { .. }) => {
            Err(refused("the upstream knows no Lark grammars: use another model"))
        }
    }
}

fn name_and_value(constraint: &Constraint) -> (&'static str, Value) {
    match constraint {
        Constraint::Choice { options } => ("choice", json!(options)),
        Constraint::Regex { pattern } => ("regex", json!(pattern)),
        Constraint::JsonSchema { schema } => ("json", schema.clone()),
        Constraint::Lark { grammar } => ("grammar", json!(grammar)),
    }
}

fn response_format(schema: &Value) -> Value {
    json!({ "type": "json_schema", "json_schema": { "name": "answer", "strict": true, "schema": schema } })
}
