use std::borrow::Cow;
use std::collections::BTreeMap;

use minijinja::Value;
use serde::Serialize;
use tenon_domain::{Digest, TemplateReference};

use crate::body::{self, MessageRole};
use crate::error::RenderError;
use crate::library::Template;
use crate::pack::{Fragment, LeftOut, Packed, Piece, pack};

/// The values of one rendering.
#[derive(Debug, Clone, Default)]
pub struct Inputs {
    /// Single values: text, lines, integers, choices.
    pub values: BTreeMap<String, String>,
    /// Fragments by variable.
    pub fragments: BTreeMap<String, Vec<Fragment>>,
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
    /// The prompt's tokens: counted for fragments, estimated for the text around them.
    pub tokens_estimate: u32,
    /// Identifies everything that is put before the model: messages and prefill.
    pub digest: Digest,
}

impl Template {
    /// Renders the template into at most `budget` tokens (its own budget, if that is smaller).
    ///
    /// # Errors
    /// When a value is unknown, missing or of the wrong type, a required fragment does not fit, or the body fails.
    pub fn render(&self, inputs: &Inputs, budget: u32) -> Result<RenderedPrompt, RenderError> {
        self.check(inputs)?;
        let fixed_tokens = self.fixed_tokens(inputs);
        let budget = budget.min(self.matter.budget_tokens).saturating_sub(fixed_tokens);
        let pieces = self.pieces(inputs);
        let packed = self.pack(&pieces, budget)?;
        let values = self.values(inputs, &pieces, &packed);
        let mut messages = Vec::new();
        for message in &self.messages {
            let content = self.fill(&message.text, message.line, &values)?;
            messages.push(RenderedMessage {
                role: message.role,
                content: content.trim().to_owned(),
            });
        }
        let prefill = self.fill(&self.matter.prefill, 1, &values)?;
        let kept_tokens: u32 = packed.iter().map(|place| place.tokens).sum();
        Ok(RenderedPrompt {
            reference: self.reference(),
            digest: digest(&messages, &prefill),
            messages,
            prefill,
            stop: self.matter.stop.clone(),
            left_out: left_out(&pieces, &packed),
            tokens_estimate: fixed_tokens.saturating_add(kept_tokens),
        })
    }

    fn fixed_tokens(&self, inputs: &Inputs) -> u32 {
        let messages = self.messages.iter().map(|message| message.text.as_str());
        let fixed = messages
            .chain([self.matter.prefill.as_str()])
            .map(body::fixed_tokens);
        // Names and paths are denser than prose.
        let values = inputs
            .values
            .values()
            .map(|value| u32::try_from(value.len().div_ceil(2)).unwrap_or(u32::MAX));
        fixed.chain(values).fold(0, u32::saturating_add)
    }

    /// All fragments with the rules of their variables, in the order of the variables' names.
    fn pieces<'a>(&self, inputs: &'a Inputs) -> Vec<(&'a str, Piece<'a>)> {
        let mut pieces = Vec::new();
        for (name, fragments) in &inputs.fragments {
            let rule = self.matter.variables.get(name);
            let (cut, cap) = rule.map(|rule| (rule.cut, rule.cap_tokens)).unwrap_or_default();
            pieces.extend(
                fragments
                    .iter()
                    .map(|fragment| (name.as_str(), Piece { fragment, cut, cap })),
            );
        }
        pieces
    }

    fn pack<'a>(&self, pieces: &[(&str, Piece<'a>)], budget: u32) -> Result<Vec<Packed<'a>>, RenderError> {
        let bare: Vec<Piece<'a>> = pieces.iter().map(|(_, piece)| *piece).collect();
        pack(&bare, budget).map_err(|(index, budget)| {
            let fragment = bare.get(index).map(|piece| piece.fragment);
            RenderError::TooLarge {
                template: self.matter.name.clone(),
                source_name: fragment
                    .map(|fragment| fragment.source.clone())
                    .unwrap_or_default(),
                tokens: fragment.map_or(0, |fragment| fragment.tokens),
                budget,
            }
        })
    }

    fn values<'a>(
        &'a self,
        inputs: &'a Inputs,
        pieces: &[(&'a str, Piece<'a>)],
        packed: &[Packed<'a>],
    ) -> BTreeMap<&'a str, Value> {
        let mut values: BTreeMap<&str, Value> = BTreeMap::new();
        for (name, rule) in &self.matter.variables {
            values.insert(name, rule.default.as_deref().map_or(Value::from(()), Value::from));
        }
        for (name, value) in &inputs.values {
            values.insert(name, Value::from(value.as_str()));
        }
        let mut lists: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
        for ((name, piece), place) in pieces.iter().zip(packed) {
            if let Some(text) = &place.text {
                let entry = [
                    ("source", piece.fragment.source.as_str()),
                    ("text", Cow::as_ref(text)),
                ];
                lists.entry(name).or_default().push(Value::from_pairs(entry));
            }
        }
        values.extend(lists.into_iter().map(|(name, list)| (name, Value::from(list))));
        values
    }

    fn fill(
        &self,
        text: &str,
        first_line: usize,
        values: &BTreeMap<&str, Value>,
    ) -> Result<String, RenderError> {
        body::fill(text, values).map_err(|(line, reason)| RenderError::Body {
            template: self.matter.name.clone(),
            reason: format!("line {}: {reason}", first_line + line - 1),
        })
    }
}

fn left_out(pieces: &[(&str, Piece<'_>)], packed: &[Packed<'_>]) -> Vec<LeftOut> {
    let pairs = pieces.iter().zip(packed);
    pairs
        .filter_map(|((_, piece), place)| {
            Some(LeftOut {
                source: piece.fragment.source.clone(),
                tokens: piece.fragment.tokens.saturating_sub(place.tokens),
                kept_tokens: place.tokens,
                reason: place.reason?,
            })
        })
        .collect()
}

fn digest(messages: &[RenderedMessage], prefill: &str) -> Digest {
    let mut text = String::new();
    for message in messages {
        // Lengths keep two different prompts from running together.
        text.push_str(&format!(
            "{:?}:{}:{}",
            message.role,
            message.content.len(),
            message.content
        ));
    }
    text.push_str(prefill);
    Digest::of(text)
}
