use std::collections::BTreeMap;

use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, UndefinedBehavior, Value};
use serde::Serialize;
use tenon_domain::TemplateReference;

use crate::front_matter::VariableKind;
use crate::library::Template;
use crate::pack::{Fragment, LeftOut, pack};

/// Instructions a body may execute: enough for any honest template, too few to hang.
const FUEL: u64 = 200_000;

/// The values of one rendering.
#[derive(Debug, Clone, Default)]
pub struct Inputs {
    /// Single values: text, integers, choices.
    pub values: BTreeMap<String, String>,
    /// Fragments by variable.
    pub fragments: BTreeMap<String, Vec<Fragment>>,
}

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

/// One rendered message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RenderedMessage {
    /// Who speaks.
    pub role: MessageRole,
    /// What is said.
    pub content: String,
}

/// A prompt, ready for a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RenderedPrompt {
    /// The version of the template.
    pub reference: TemplateReference,
    /// The messages, oldest first.
    pub messages: Vec<RenderedMessage>,
    /// How the answer begins.
    pub prefill: String,
    /// Where the answer ends.
    pub stop: Vec<String>,
    /// What did not fit.
    pub left_out: Vec<LeftOut>,
}

/// Why a template cannot be rendered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// A value for a variable that the template does not have.
    #[error("template `{template}` has no variable `{variable}`{}", hint.as_ref().map(|hint| format!("; did you mean `{hint}`?")).unwrap_or_default())]
    UnknownVariable {
        /// The template.
        template: String,
        /// What was given.
        variable: String,
        /// The nearest variable.
        hint: Option<String>,
    },
    /// No value for a required variable.
    #[error("template `{template}` needs a value for `{variable}` ({description})")]
    Missing {
        /// The template.
        template: String,
        /// The variable.
        variable: String,
        /// What it is for.
        description: String,
    },
    /// A value of the wrong type.
    #[error("template `{template}`: `{value}` is not a value for `{variable}`: expected {expected}")]
    WrongType {
        /// The template.
        template: String,
        /// The variable.
        variable: String,
        /// What was given.
        value: String,
        /// What is accepted.
        expected: String,
    },
    /// What the prompt makes no sense without is larger than the budget.
    #[error(
        "template `{template}`: {source_name} has {tokens} tokens, more than the {budget} that are left; name a smaller place with --file, or use a model with a larger context"
    )]
    TooLarge {
        /// The template.
        template: String,
        /// Where the fragment came from.
        source_name: String,
        /// Its tokens.
        tokens: u32,
        /// What was left for fragments.
        budget: u32,
    },
    /// The body itself fails.
    #[error("template `{template}`: {reason}")]
    Body {
        /// The template.
        template: String,
        /// Why, with the line.
        reason: String,
    },
}

/// Tokens that the chat markup and the fixed text of a short template need, beyond what is counted.
const OVERHEAD_TOKENS: u32 = 200;

impl Template {
    /// Renders the template into at most `budget` tokens (its own budget, if that is smaller).
    ///
    /// # Errors
    /// When a value is unknown, missing or of the wrong type, a required fragment does not fit, or the body fails.
    pub fn render(&self, inputs: &Inputs, budget: u32) -> Result<RenderedPrompt, RenderError> {
        self.check(inputs)?;
        let budget = budget
            .min(self.matter.budget_tokens)
            .saturating_sub(OVERHEAD_TOKENS);
        let names: Vec<(&String, &Fragment)> = inputs
            .fragments
            .iter()
            .flat_map(|(name, list)| list.iter().map(move |fragment| (name, fragment)))
            .collect();
        let fragments: Vec<&Fragment> = names.iter().map(|(_, fragment)| *fragment).collect();
        let kept = pack(&fragments, budget).map_err(|index| {
            let fragment = fragments.get(index);
            RenderError::TooLarge {
                template: self.matter.name.clone(),
                source_name: fragment
                    .map(|fragment| fragment.source.clone())
                    .unwrap_or_default(),
                tokens: fragment.map_or(0, |fragment| fragment.tokens),
                budget,
            }
        })?;
        let mut context: BTreeMap<&str, Value> = BTreeMap::new();
        for name in self.matter.variables.keys() {
            context.insert(name, Value::from(()));
        }
        for (name, value) in &inputs.values {
            context.insert(name, Value::from(value.as_str()));
        }
        let mut lists: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
        let mut left_out = Vec::new();
        for ((name, fragment), kept) in names.iter().zip(kept) {
            if kept {
                let entry = [
                    ("source", fragment.source.as_str()),
                    ("text", fragment.text.as_str()),
                ];
                lists.entry(name).or_default().push(Value::from_pairs(entry));
            } else {
                left_out.push(LeftOut {
                    source: fragment.source.clone(),
                    tokens: fragment.tokens,
                });
            }
        }
        for (name, list) in lists {
            context.insert(name, Value::from(list));
        }
        let mut messages = Vec::new();
        for (role, body) in &self.messages {
            messages.push(RenderedMessage {
                role: *role,
                content: self.fill(body, &context)?.trim().to_owned(),
            });
        }
        Ok(RenderedPrompt {
            reference: self.reference(),
            messages,
            prefill: self.fill(&self.matter.prefill, &context)?,
            stop: self.matter.stop.clone(),
            left_out,
        })
    }

    fn fill(&self, body: &str, context: &BTreeMap<&str, Value>) -> Result<String, RenderError> {
        environment()
            .render_str(body, context)
            .map_err(|error| self.body_error(&error))
    }

    pub(crate) fn body_error(&self, error: &minijinja::Error) -> RenderError {
        let line = error
            .line()
            .map(|line| format!(" in line {line} of a message"))
            .unwrap_or_default();
        RenderError::Body {
            template: self.matter.name.clone(),
            reason: format!("{error}{line}"),
        }
    }

    fn check(&self, inputs: &Inputs) -> Result<(), RenderError> {
        let template = || self.matter.name.clone();
        for name in inputs.values.keys().chain(inputs.fragments.keys()) {
            if !self.matter.variables.contains_key(name) {
                let nearest = self
                    .matter
                    .variables
                    .keys()
                    .min_by_key(|known| strsim::damerau_levenshtein(known, name));
                return Err(RenderError::UnknownVariable {
                    template: template(),
                    variable: name.clone(),
                    hint: nearest.cloned(),
                });
            }
        }
        for (name, rule) in &self.matter.variables {
            let wrong = |value: &str, expected: String| {
                Err(RenderError::WrongType {
                    template: template(),
                    variable: name.clone(),
                    value: value.to_owned(),
                    expected,
                })
            };
            match (rule.kind, inputs.values.get(name), inputs.fragments.get(name)) {
                (_, None, None) if rule.required => {
                    return Err(RenderError::Missing {
                        template: template(),
                        variable: name.clone(),
                        description: rule.description.clone(),
                    });
                }
                (VariableKind::Fragments, Some(value), _) => return wrong(value, "fragments".to_owned()),
                (VariableKind::Integer, Some(value), _) if value.parse::<i64>().is_err() => {
                    return wrong(value, "a whole number".to_owned());
                }
                (VariableKind::Choice, Some(value), _) if !rule.options.contains(value) => {
                    return wrong(value, format!("one of {}", rule.options.join(", ")));
                }
                (VariableKind::Text, Some(value), _) if value.contains('\n') => {
                    return wrong(value, "one line of text".to_owned());
                }
                (VariableKind::Text | VariableKind::Integer | VariableKind::Choice, None, Some(_)) => {
                    return wrong("fragments", "a single value".to_owned());
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// The environment of every body: strict about undefined names, bounded, without access to files, and with a filter
/// that fences code so that no run of backquotes inside can close the fence.
pub(crate) fn environment() -> Environment<'static> {
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
