//! What a completion must match, as a matcher over the model's tokens.

use std::sync::OnceLock;

use llama_cpp_2::model::LlamaModel;
use llama_cpp_2::sampling::LlamaSampler;
use llguidance::api::TopLevelGrammar;
use llguidance::{Matcher, ParserFactory};
use serde_json::{Value, json};
use tenon_runtime::Constraint;

/// Builds matchers. The table of tokens takes a moment, so it is made for the first constraint, once.
#[derive(Default)]
pub(super) struct ConstraintCompiler {
    factory: OnceLock<Result<ParserFactory, String>>,
}

impl ConstraintCompiler {
    /// A matcher at the beginning of `constraint`; the reason when the constraint is no good.
    pub(super) fn compile(&self, model: &LlamaModel, constraint: &Constraint) -> Result<Matcher, String> {
        let grammar = grammar(constraint)?;
        let factory = self.factory.get_or_init(|| {
            let tokens = LlamaSampler::llguidance_tok_env(model);
            let mut factory = ParserFactory::new_simple(&tokens).map_err(|error| format!("{error:#}"))?;
            factory.quiet();
            Ok(factory)
        });
        let factory = factory.as_ref().map_err(Clone::clone)?;
        let matcher = Matcher::new(factory.create_parser(grammar));
        match matcher.get_error() {
            None => Ok(matcher),
            Some(error) => Err(format!("the constraint cannot be used: {error}")),
        }
    }
}

fn grammar(constraint: &Constraint) -> Result<TopLevelGrammar, String> {
    match constraint {
        Constraint::Choice { options } if options.is_empty() => {
            Err("the constraint offers nothing to choose from; give at least one option".to_owned())
        }
        Constraint::Choice { options } => {
            let options: Vec<String> = options.iter().map(|option| regex::escape(option)).collect();
            Ok(TopLevelGrammar::from_regex(&options.join("|")))
        }
        Constraint::Regex { pattern } => Ok(TopLevelGrammar::from_regex(pattern)),
        Constraint::JsonSchema { schema } => Ok(TopLevelGrammar::from_json_schema(without_idle_space(
            schema.clone(),
        ))),
        Constraint::Lark { grammar } => Ok(TopLevelGrammar::from_lark(grammar.clone())),
    }
}

/// Small models, allowed any white space between two values, write it until their tokens are used up. A schema
/// that says otherwise in its own `x-guidance` is left as it is.
fn without_idle_space(schema: Value) -> Value {
    let mut schema = match schema {
        Value::Bool(true) => json!({}),
        other => other,
    };
    if let Some(object) = schema.as_object_mut() {
        object.entry("x-guidance").or_insert_with(
            || json!({ "whitespace_flexible": false, "key_separator": ": ", "item_separator": ", " }),
        );
    }
    schema
}
